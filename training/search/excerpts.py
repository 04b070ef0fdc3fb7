"""Bands of pages for a reader: some lines as they are drawn, and the text they show.

Reading whole pages of every θ would take minutes a θ. A band is the full width of a page and the
lines around a place in the text; the places are the same for every θ, so looks are compared on the
same words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glyph_shared.metrics import character_accuracy
from glyph_shared.rendering import Page, RenderConfig, span_boxes
from glyph_shared.rendering.arrays import Bytes

_CJK = "[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]"
_GAP_AT_CJK = re.compile(rf"(?<={_CJK})\s+|\s+(?={_CJK})")
_BORDER_PX = 8


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a page.

    Attributes:
        page: The whole page.
        pixels: uint8, (height, width) or (height, width, 3), with a border of paper.
        drawn: What they show, newline markers as they are drawn.
    """

    page: Page
    pixels: Bytes
    drawn: str


def accuracy(reading: str, drawn: str) -> float:
    """Returns the share of chars that a reading has right; of white space, see ``legible``."""
    return character_accuracy(legible(reading), legible(drawn))


def legible(text: str) -> str:
    """Returns a text as it is compared: chars in one form, any white space one space.

    None beside Chinese chars, where readers put some and writers none.
    """
    flat = _GAP_AT_CJK.sub("", " ".join(text.split()))
    return unicodedata.normalize("NFKC", flat)


def excerpts(pages: Sequence[Page], config: RenderConfig, count: int, chars: int) -> list[Excerpt]:
    """Returns bands of about so many chars, spread evenly over a text.

    Args:
        pages: All pages of the text.
        config: The θ that drew them.
        count: How many bands.
        chars: How many chars each has, or as many as its page has.
    """
    length = pages[-1].char_span[1]
    places = [length * (2 * number + 1) // (2 * count) for number in range(count)]
    return [_excerpt(_page_at(pages, place), place, config, chars) for place in places]


def _page_at(pages: Sequence[Page], place: int) -> Page:
    return next(page for page in pages if place < page.char_span[1])


def _excerpt(page: Page, place: int, config: RenderConfig, chars: int) -> Excerpt:
    lines = page.lines
    first = next(number for number, line in enumerate(lines) if place < line[1])
    last = first
    while last + 1 < len(lines) and lines[last][1] - lines[first][0] < chars:
        last += 1
    while first > 0 and lines[last][1] - lines[first][0] < chars:
        first -= 1
    boxes = span_boxes(page, (lines[first][0], lines[last][1]), config)
    drawn = "\n".join(page.line_texts[first : last + 1])
    if not boxes:
        return Excerpt(page, page.pixels, drawn)
    top, bottom = boxes[0][1], boxes[-1][1] + boxes[-1][3]
    return Excerpt(page, _bordered(page.pixels[top:bottom]), drawn)


def _bordered(pixels: Bytes) -> Bytes:
    """Returns pixels with a border in the colour that most of them have, which is the paper's."""
    flat = pixels.reshape(-1, pixels.shape[2]) if pixels.ndim == 3 else pixels.reshape(-1, 1)
    colors, counts = np.unique(flat, axis=0, return_counts=True)
    paper = colors[counts.argmax()]
    around = ((_BORDER_PX, _BORDER_PX), (_BORDER_PX, _BORDER_PX))
    if pixels.ndim == 2:
        return np.pad(pixels, around, constant_values=int(paper[0]))
    planes = (
        np.pad(pixels[..., channel], around, constant_values=int(value))
        for channel, value in enumerate(paper)
    )
    return np.stack(list(planes), axis=-1)
