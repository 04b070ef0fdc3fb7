from __future__ import annotations

import signal
from itertools import count

import pytest

# What a shell starts in the background ignores interrupts, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = count()


@pytest.fixture(autouse=True)
def _no_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keeps a developer's servers, drawn pages and presets out of the tests."""
    cache = tmp_path_factory.getbasetemp() / f"cache-{next(_numbers)}"
    monkeypatch.setenv("GLYPH_CACHE_DIR", str(cache))
    monkeypatch.setenv("GLYPH_PRESETS", f"{cache}-presets")
    for name in ("GLYPH_BASE_URL", "GLYPH_API_KEY", "GLYPH_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def anyio_backend() -> str:
    """Runs coroutines among the tests, marked ``anyio``, with asyncio alone."""
    return "asyncio"
