from __future__ import annotations

import pytest

from glyph_shared.rendering import Page, RenderConfig, render


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GLYPH_BASE_URL", "GLYPH_API_KEY", "GLYPH_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def pages() -> list[Page]:
    return render("The access code of the Lisbon office is 4711.", RenderConfig.preset("reader"))
