from __future__ import annotations

from collections.abc import Iterator

import pytest

from glyph_shared.reader import Reader
from glyph_shared.rendering import Page, RenderConfig, render
from glyph_shared.serving import running_embedded


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    return render("The access code of the Lisbon office is 4711.", RenderConfig.preset("reader"))


@pytest.fixture(scope="session")
def reader_url() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url
