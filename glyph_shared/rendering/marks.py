"""Where on a page a part of its text is drawn, for people to look at."""

from __future__ import annotations

import numpy as np

from glyph_shared.rendering.arrays import Float64s
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.page import Page, Span
from glyph_shared.rendering.typeset import line_tops

Box = tuple[int, int, int, int]
"""Left edge, top edge, width and height, in pixels."""

_ASCENT, _DESCENT = 0.8, 0.25
"""Of the font's size: how far letters reach above the baseline, and below it."""


def span_boxes(page: Page, span: Span, config: RenderConfig) -> list[Box]:
    """Returns a box for each line of a page that shows chars of a part of the text.

    Top and bottom are those of its letters. Left and right share its ink out by the number of
    chars, so with a proportional font they may be off by some chars.

    Args:
        page: A page of drawn text; one that is a picture has no boxes.
        span: The part, in the text that the page's ``char_span`` counts in.
        config: The θ that drew the page.
    """
    if page.is_picture:
        return []
    boxes = []
    for number, (line, top) in enumerate(zip(page.lines, _tops(page, config), strict=True)):
        first, last = max(line[0], span[0]) - line[0], min(line[1], span[1]) - line[0]
        above, baseline, below = _rows(top, page, config)
        ink = _ink(page, above, baseline) if first < last else None
        if ink is not None:
            left, right = (
                round(ink[0] + share * (ink[1] - ink[0]))
                for share in _shares(page, number, (first, last))
            )
            boxes.append((left, above, right - left, below - above))
    return boxes


def _rows(top: float, page: Page, config: RenderConfig) -> tuple[int, int, int]:
    """Returns the pixel rows of a line's upper edge, its baseline and its lower edge."""
    scale, size = Geometry.of(config).scale, config.font_size
    edges = (top + size * (1 - _ASCENT), top + size, top + size * (1 + _DESCENT))
    above, baseline, below = (min(max(0, round(edge * scale)), page.size_px[1]) for edge in edges)
    return above, baseline, below


def _tops(page: Page, config: RenderConfig) -> Float64s:
    """Returns the top of each line, in points from the page's top."""
    pairs = zip(page.unmarked_lines, page.line_texts, strict=True)
    ends = [text.endswith("\n") and len(text) > len(drawn) for text, drawn in pairs]
    tops = line_tops(np.array([False, *ends[:-1]]), config)
    return tops + Geometry.of(config).origin_y


def _ink(page: Page, above: int, below: int) -> tuple[int, int] | None:
    """Returns the first column with ink in some rows, and the one behind the last."""
    rows = page.pixels[above:below]
    if not rows.size:
        return None
    strip = rows.reshape(*rows.shape[:2], -1)
    inked = np.flatnonzero((strip != strip.max(axis=(0, 1))).any(axis=(0, 2)))
    return (int(inked[0]), int(inked[-1]) + 1) if len(inked) else None


def _shares(page: Page, number: int, places: tuple[int, int]) -> list[float]:
    """Returns how much of a line's ink stands before places in its text, from 0 to 1."""
    text, drawn = page.unmarked_lines[number], page.line_texts[number]
    # A drawn newline marker is several chars for one.
    longer = (len(drawn) - len(text)) / max(1, text.count("\n"))
    lead, inked = len(drawn) - len(drawn.lstrip()), max(1, len(drawn.strip()))
    at = (place + longer * text.count("\n", 0, place) - lead for place in places)
    return [min(max(place / inked, 0.0), 1.0) for place in at]
