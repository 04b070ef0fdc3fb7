"""Files of this machine in place of those that LangChain's suites fetch from the web."""

from __future__ import annotations

from typing import Any

from glyph_shared import render
from tests.documents.sheets import pdf, prose


class LocalFile:
    """Stands in for ``httpx.get``."""

    def __init__(self, url: str, **_: Any) -> None:
        self.content = pdf(prose) if url.endswith("pdf") else render("Call me Ishmael.\n")[0].png
