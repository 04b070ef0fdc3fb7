from __future__ import annotations

import pytest

from glyph_shared.rendering import Page, RenderConfig, render


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    return render("The access code of the Lisbon office is 4711.", RenderConfig.preset("reader"))
