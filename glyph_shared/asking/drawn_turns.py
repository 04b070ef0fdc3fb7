"""Turns of a chat drawn on pages, and the images they bring themselves, in order."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from glyph_shared.asking.prompts import page_part
from glyph_shared.asking.turns import BETWEEN_PIECES, Part, Turn
from glyph_shared.documents import Document
from glyph_shared.planning import PAGE_MARKS, Thetas
from glyph_shared.rendering import Page, PageStore, count_visual_tokens

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_START_CHARS = 32
"""24 bytes in base64: the signature, and the header up to width and height."""


@dataclass
class DrawnTurns:
    """What has been drawn so far.

    Attributes:
        parts: Pages and other parts as they are sent, oldest first.
        pages: The pages among them.
        text: What is on the pages.
        page_spans: The chars of ``text`` on each page.
        visual_tokens: What pages and images cost, see ``visual_cost``.
    """

    parts: list[dict[str, Any]] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    text: str = ""
    page_spans: list[tuple[int, int]] = field(default_factory=list)
    visual_tokens: int = 0

    @classmethod
    def joined(cls, first: DrawnTurns, second: DrawnTurns) -> DrawnTurns:
        """Returns what was drawn in two places, as one."""
        start = len(first.text)
        spans = [(start + begin, start + end) for begin, end in second.page_spans]
        return cls(
            parts=[*first.parts, *second.parts],
            pages=[*first.pages, *second.pages],
            text=first.text + second.text,
            page_spans=[*first.page_spans, *spans],
            visual_tokens=first.visual_tokens + second.visual_tokens,
        )

    def add(self, turns: Iterable[Turn], thetas: Thetas, store: PageStore | None) -> None:
        """Draws turns behind those before, from a new page on."""
        pieces = [piece for turn in turns for piece in turn.pieces]
        for is_text, group in groupby(pieces, key=lambda piece: isinstance(piece, str)):
            if is_text:
                self.draw(BETWEEN_PIECES.join(map(str, group)), thetas, store)
            else:
                self._pass_on([piece for piece in group if not isinstance(piece, str)])

    def draw(self, text: str, thetas: Thetas, store: PageStore | None) -> None:
        """Draws a text behind what is there, from a new page on."""
        renderer = thetas.renderer_of(Document.from_text(text))
        pages = renderer.render(text) if store is None else store.render(renderer, text)
        start = len(self.text)
        for page in pages:
            self.pages.append(page.compact())
            self.parts.append(page_part(page))
            self.page_spans.append((start + page.char_span[0], start + page.char_span[1]))
            self.visual_tokens += page.visual_tokens + PAGE_MARKS
        self.text += text + BETWEEN_PIECES

    def _pass_on(self, parts: Sequence[Part]) -> None:
        self.parts.extend(dict(part) for part in parts)
        self.visual_tokens += visual_cost(parts)


def visual_cost(parts: Iterable[Part]) -> int:
    """Returns what images cost, the marks around each included.

    Only those that come as PNG data are counted: what another costs, its server knows.
    """
    sizes = map(_png_size, parts)
    return sum(count_visual_tokens(size) + PAGE_MARKS for size in sizes if size is not None)


def _png_size(part: Part) -> tuple[int, int] | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.startswith("data:image/png;base64,"):
        return None
    start = url.partition(",")[2][:_PNG_START_CHARS]
    try:
        header = base64.b64decode(start, validate=True)
    except binascii.Error:
        return None
    if len(header) < 24 or not header.startswith(_PNG_SIGNATURE):
        return None
    width, height = struct.unpack_from(">II", header, 16)
    return (width, height) if width and height else None
