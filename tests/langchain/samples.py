"""Texts, a look with small pages, and an embedding that needs no model."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from glyph_shared import RenderConfig

SMALL = RenderConfig(page_size=(560, 280))
# Each line stands there twelve times, so that looking for a page's text finds other places.
LINES = "\n".join(f"On day {number // 12} it rained, and nobody went out." for number in range(300))


def diary(text: str = LINES, **fields: Any) -> Document:
    return Document(text, **{"metadata": {"source": "diary.txt", "year": 1851}, **fields})


class Letters(Embeddings):
    """Counts letters."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(text.count(letter)) + 1.0 for letter in "abcdefghijklmnopqrstuvwxyz"]
