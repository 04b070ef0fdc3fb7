from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what a developer's shell says about servers out of the tests."""
    for name in ("GLYPH_BASE_URL", "GLYPH_API_KEY", "GLYPH_MODEL"):
        monkeypatch.delenv(name, raising=False)
