from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded

# What LangChain's packages need is not installed beside LlamaIndex: `make test-langchain`.
collect_ignore_glob = [] if find_spec("langchain_openai") else ["*.py"]


@pytest.fixture(scope="session")
def reader_url() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url
