from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded
from tests.langchain.suite_table import Outcomes, Recorder

# The environments of the training recipe and of vLLM have no LangChain.
collect_ignore_glob = [] if find_spec("langchain_openai") else ["*.py"]


@pytest.fixture(scope="session")
def reader_url() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url


@pytest.fixture
def benchmark(benchmark: Any) -> Any:
    """Runs what langchain-tests would time, once and without a table of times."""
    benchmark.disabled = True
    return benchmark


_recorder = Recorder()
pytest_runtest_logreport = _recorder.pytest_runtest_logreport


@pytest.fixture
def outcomes_of_suites() -> Outcomes:
    """What the standard suites that ran before came to."""
    return _recorder.seen
