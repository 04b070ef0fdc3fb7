"""A text in pieces to laid-out pages, with memory that does not grow with the text.

The text is laid out in blocks. A block's last page may go on in the next block, so it is kept back
and laid out again there; every page before it is final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bools, Codes, Int32s, Int64s
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.line_breaks import Lines, Measure, break_lines
from glyph_shared.rendering.normalise import Normaliser
from glyph_shared.rendering.raster import PlacedLines
from glyph_shared.rendering.scribe import Scribe, Written, joined
from glyph_shared.rendering.shapes import ShapeTable
from glyph_shared.rendering.shaping import shared_shaper
from glyph_shared.rendering.typeset import Placement, elastic_spaces, place_lines
from glyph_shared.rendering.visual_order import visual_order

BLOCK = 1 << 15
"""Chars laid out at a time: some 25 dense pages, whose arrays still fit a processor's cache."""

_TIE = 1e-6
"""Pixels added before a baseline is rounded down, for a float's last digits."""

ShapeLookup = Callable[[Codes], Int32s]


@dataclass(frozen=True, eq=False)
class PageLayout:
    """One page before it is drawn.

    Attributes:
        span: Part of the text on the page.
        codes: Chars on the page.
        line_starts: Offset of each line among them.
        line_source: Offset of each line in the text.
        lines: What to draw where.
        boxes_px: First row of each paragraph's box, and the row below it.
        last: The page is the text's last.
        order: Which char each of the drawn shapes stands for; None if they are in reading order.
    """

    span: tuple[int, int]
    codes: Codes
    line_starts: Int64s
    line_source: Int64s
    lines: PlacedLines
    boxes_px: tuple[tuple[int, int], ...]
    last: bool
    order: Int64s | None = None


class Composer:
    """Lays a text out under one configuration."""

    def __init__(
        self, config: RenderConfig, geometry: Geometry, table: ShapeTable, look_up: ShapeLookup
    ) -> None:
        self._config = config
        self._geometry = geometry
        self._table = table
        self._look_up = look_up
        width = geometry.width
        shrink = config.space_shrinkage * table.space * config.font_size
        self._measure = Measure(width, width - config.first_line_indent, shrink)

    def pages(self, pieces: Iterable[str], marker: str | None) -> Iterator[PageLayout]:
        """Yields the pages of a text that arrives in pieces."""
        normaliser = Normaliser(marker)
        scribe = Scribe(shared_shaper(self._table), self._look_up)
        waiting: list[Written] = []
        position, continues, size, enough = 0, False, 0, BLOCK
        for piece, final in blocks(pieces):
            waiting.append(scribe.feed(normaliser.feed(piece, final=final), final=final))
            size += len(waiting[-1].codes)
            if not size or (size < enough and not final):
                continue
            text = joined(waiting)
            block = self._lay_out(text, continues)
            for layout in block.pages(text.source, position, normaliser.read if final else None):
                position = layout.span[1]
                yield layout
            line = block.first_unfinished_line
            # A line that swallows whole blocks (of spaces) must not be laid out at each of them.
            enough = BLOCK if line else 2 * size
            if line:
                continues = not block.lines.opens[line]
            rest = int(block.lines.start[line])
            waiting = [text.behind(rest)]
            size -= rest

    def _lay_out(self, text: Written, continues: bool) -> _Block:
        codes, shapes = text.codes, text.shapes
        advances = self._table.advances[shapes] * self._config.font_size
        lines = break_lines(codes, advances, self._measure, continues=continues)
        order = line_base = None
        if text.levels is not None:
            order, line_base = visual_order(text.levels, lines)
        placement = place_lines(lines, self._config, self._geometry, line_base)
        elastic = elastic_spaces(codes, lines) if placement.spacing.any() else codes == -1
        if order is not None:
            shapes, elastic = shapes[order], elastic[order]
        return _Block(codes, shapes, elastic, lines, placement, self._config, order)


@dataclass(frozen=True, eq=False)
class _Block:
    """A stretch of text, laid out from the top of a page on."""

    codes: Codes
    shapes: Int32s
    elastic: Bools
    lines: Lines
    placement: Placement
    config: RenderConfig
    order: Int64s | None

    @property
    def first_unfinished_line(self) -> int:
        """The first line of the last page."""
        return int(self.placement.pages[-2])

    def pages(self, source: Int64s, position: int, end: int | None) -> Iterator[PageLayout]:
        """Yields the finished pages; ``end``, the text's length, finishes the last one too."""
        edges = self.placement.pages.tolist()
        count = len(edges) - (1 if end is not None else 2)
        for number in range(count):
            first, stop = edges[number], edges[number + 1]
            last = end is not None and number == count - 1
            until = end if end is not None and last else int(source[self.lines.start[stop]])
            yield self._page(first, stop, source, (position, until), last)
            position = until

    def _page(
        self, first: int, stop: int, source: Int64s, span: tuple[int, int], last: bool
    ) -> PageLayout:
        lines, placement = self.lines, self.placement
        scale = self.config.dpi / 72
        start = lines.start[first:stop]
        begin = int(start[0])
        end = int(lines.start[stop]) if stop < len(lines.start) else lines.end
        placed = PlacedLines(
            shapes=self.shapes[begin:end],
            start=start - begin,
            stop=lines.ink_stop[first:stop] - begin,
            x=placement.x[first:stop],
            spacing=placement.spacing[first:stop],
            elastic=self.elastic[begin:end],
            baseline_px=np.floor(placement.baseline[first:stop] * scale + _TIE).astype(np.int64),
        )
        return PageLayout(
            span,
            self.codes[begin:end],
            start - begin,
            source[start],
            placed,
            self._boxes(first, stop, scale),
            last,
            None if self.order is None else self.order[begin:end] - begin,
        )

    def _boxes(self, first: int, stop: int, scale: float) -> tuple[tuple[int, int], ...]:
        """Finds the boxes of the paragraphs, or parts of paragraphs, on a page."""
        if not has_boxes(self.config):
            return ()
        opens, baseline = self.lines.opens[first:stop].copy(), self.placement.baseline[first:stop]
        opens[0] = True
        closes = np.append(opens[1:], True)
        above = self.config.font_size + self.config.border_padding
        below = self.config.line_height - self.config.font_size + self.config.border_padding
        tops = np.floor((baseline[opens] - above) * scale + 0.5).astype(int).tolist()
        bottoms = np.floor((baseline[closes] + below) * scale + 0.5).astype(int).tolist()
        return tuple(zip(tops, bottoms, strict=True))


def has_boxes(config: RenderConfig) -> bool:
    """Tells whether paragraphs stand out from the paper."""
    framed = config.border_width > 0 and config.para_border_color != config.page_bg_color
    return framed or config.para_bg_color != config.page_bg_color


def blocks(pieces: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Cuts and joins pieces to blocks of about the same size; the last says that it is."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        for part in slices(piece):
            held.append(part)
            size += len(part)
            if size >= BLOCK:
                yield "".join(held), False
                held, size = [], 0
    yield "".join(held), True


def slices(text: str) -> Iterator[str]:
    """Cuts a text into blocks."""
    for start in range(0, len(text), BLOCK):
        yield text[start : start + BLOCK]
