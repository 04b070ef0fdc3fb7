from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


collect_ignore_glob = [] if _is_installed("llama_index.core") else ["*.py"]


@pytest.fixture(scope="session")
def reader_url() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url
