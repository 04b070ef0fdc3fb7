"""Pages as the reference lays them out, its defects included: the other half of a comparison.

A group's background wipes the descenders of the group above it, and a page that starts at a line
break starts with a blank line. Numbers are rounded where the reference writes them into a PDF, and
the operations come in poppler's order, so that ties fall alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from glyph_shared.rendering.arrays import Float64s, Int32s
from glyph_shared.rendering.compat_cjk import Setting, ideograph_paragraphs
from glyph_shared.rendering.compat_lines import CompatWrap, Paragraph, SetText
from glyph_shared.rendering.compat_spacing import Spacer
from glyph_shared.rendering.compat_text import has_ideographs, split_groups, split_words
from glyph_shared.rendering.compose import Composer, PageLayout, ShapeLookup
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.fonts import pdf_number
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.normalise import SPACE
from glyph_shared.rendering.raster import PlacedLines
from glyph_shared.rendering.shapes import ShapeTable

_FUZZ = 1e-6
_NO_CODES, _NO_SHAPES = np.empty(0, np.uint32), np.empty(0, np.int32)
_NO_PLACES = np.empty(0, np.int64)


@dataclass(slots=True)
class _DrawnLine:
    """A line on a page: its chars, its pen, its baseline and the row below which it is wiped."""

    text: SetText
    start: int
    stop: int
    x: float
    spacing: float
    baseline_px: int
    floor_px: int


@dataclass(slots=True)
class _Sheet:
    """A page being filled, from the top; ``y`` runs upwards as in a PDF."""

    y: float
    space_after: float = 0.0
    lines: list[_DrawnLine] = field(default_factory=list)
    boxes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def at_top(self) -> bool:
        return not self.boxes

    def first_offset(self, length: int) -> int:
        """Finds where in the text the page starts; blank lines belong to the page before."""
        inked = (line for line in self.lines if line.stop > line.start)
        return next((int(line.text.source[line.start]) for line in inked), length)


class CompatComposer(Composer):
    """Lays a whole text out as the reference does."""

    def __init__(
        self, config: RenderConfig, geometry: Geometry, table: ShapeTable, look_up: ShapeLookup
    ) -> None:
        super().__init__(config, geometry, table, look_up)
        # Multiplied in reportlab's order, whose last digit decides ties.
        shrink = config.space_shrinkage * (table.space * config.font_size)
        self._measure = replace(self._measure, shrink=shrink)
        self._spacer = Spacer(config, self._measure)
        self._top = config.page_size[1] - geometry.origin_y
        self._bottom = geometry.origin_y

    def pages(self, pieces: Iterable[str], marker: str | None) -> Iterator[PageLayout]:
        """Yields the pages of a text; it is read as a whole first."""
        text = "".join(pieces)
        if has_ideographs(text):
            setting = Setting(self._measure, self._look_up, self._pen)
            paragraphs: Iterator[Paragraph] = ideograph_paragraphs(
                split_groups(text, marker), setting
            )
        else:
            paragraphs = self._word_paragraphs(text, marker)
        return self._layouts(self._fill(paragraphs), len(text))

    def _word_paragraphs(self, text: str, marker: str | None) -> Iterator[Paragraph]:
        words = split_words(text, marker)
        shapes = self._look_up(words.codes)
        gaps = np.concatenate(([0], np.cumsum(words.codes == SPACE)))
        chars = SetText(words.codes, words.source, shapes, gaps)
        wrap = CompatWrap(
            words,
            chars,
            self._em_pen(shapes),
            space=self._table.space,
            font_size=self._config.font_size,
            measure=self._measure,
        )
        return wrap.paragraphs()

    def _em_pen(self, shapes: Int32s) -> Float64s:
        """Sums advances in em, where a font's units add up exactly."""
        pen: Float64s = np.concatenate(([0.0], np.cumsum(self._table.advances[shapes])))
        return pen

    def _pen(self, shapes: Int32s) -> Float64s:
        return self._em_pen(shapes) * self._config.font_size

    def _fill(self, paragraphs: Iterable[Paragraph]) -> Iterator[_Sheet]:
        sheet = _Sheet(self._top)
        for whole in paragraphs:
            paragraph = whole
            while count := len(paragraph.lines):
                took = self._fitting_lines(sheet, count)
                self._put(sheet, paragraph, took)
                if took == count:
                    break
                yield sheet
                sheet = _Sheet(self._top)
                paragraph = paragraph.after(took)
        yield sheet

    def _fitting_lines(self, sheet: _Sheet, count: int) -> int:
        """Finds how many of a paragraph's lines go on this page: all, none, or two and more."""
        leading = self._config.line_height
        room = sheet.y - self._bottom - self._gap(sheet)
        if sheet.y - (count * leading + self._gap(sheet)) >= self._bottom - _FUZZ:
            return count
        fitting = int(room / leading)
        return 0 if fitting <= 1 and not sheet.at_top else min(max(fitting, 1), count)

    def _gap(self, sheet: _Sheet) -> float:
        return 0.0 if sheet.at_top else max(self._config.space_before - sheet.space_after, 0.0)

    def _put(self, sheet: _Sheet, paragraph: Paragraph, took: int) -> None:
        """Draws a paragraph's first lines."""
        lines = paragraph.shown(took)
        if not lines:
            return
        leading, scale = self._config.line_height, self._geometry.scale
        height = len(lines) * leading
        sheet.y -= height + self._gap(sheet)
        origin = pdf_number(sheet.y) * -scale + scale * pdf_number(self._config.page_size[1])
        padding = self._config.border_padding
        box_top = math.floor((height + padding) * -scale + origin + 0.5)
        box_bottom = math.floor(-padding * -scale + origin + 0.5)
        for above in sheet.lines:
            above.floor_px = min(above.floor_px, max(box_top, 0))
        first = pdf_number(height - self._config.font_size)
        placed = self._spacer.place(
            lines,
            paragraph.text.gaps,
            opens=paragraph.opens,
            closes=took == len(paragraph.lines),
            compound=paragraph.compound,
        )
        drop = 0.0
        for line, (x, spacing) in zip(lines, placed, strict=True):
            row = math.floor((drop + first) * -scale + origin)
            sheet.lines.append(
                _DrawnLine(paragraph.text, line.start, line.stop, x, spacing, row, 1 << 30)
            )
            drop -= leading
        sheet.boxes.append((box_top, box_bottom))
        sheet.y -= self._config.space_after
        sheet.space_after = self._config.space_after

    def _layouts(self, sheets: Iterator[_Sheet], length: int) -> Iterator[PageLayout]:
        position = 0
        filled = [sheet for sheet in sheets if sheet.lines] or [_Sheet(self._top)]
        for number, (sheet, following) in enumerate(pairwise([*filled, None])):
            end = length if following is None else following.first_offset(length)
            assert sheet is not None
            yield _layout(sheet, (position, end), number == len(filled) - 1)
            position = end


def _layout(sheet: _Sheet, span: tuple[int, int], last: bool) -> PageLayout:
    lines = sheet.lines
    parts = [
        (line.text, slice(line.start, _extent(line, following)))
        for line, following in pairwise([*lines, None])
        if line is not None
    ]
    sizes = np.array([part.stop - part.start for _, part in parts], np.int64)
    starts = np.cumsum(sizes) - sizes
    codes = np.concatenate([_NO_CODES, *(text.codes[part] for text, part in parts)])
    source = np.concatenate([_NO_PLACES, *(text.source[part] for text, part in parts)])
    placed = PlacedLines(
        shapes=np.concatenate([_NO_SHAPES, *(text.shapes[part] for text, part in parts)]),
        start=starts,
        stop=starts + np.array([line.stop - line.start for line in lines], np.int64),
        x=np.array([line.x for line in lines]),
        spacing=np.array([line.spacing for line in lines]),
        elastic=codes == SPACE,
        baseline_px=np.array([line.baseline_px for line in lines], np.int64),
        floor_px=np.array([line.floor_px for line in lines], np.int64),
    )
    # A blank line stands at the chars that follow it.
    offsets = np.append(source, span[1])[starts]
    return PageLayout(span, codes, starts, offsets, placed, tuple(sheet.boxes), last)


def _extent(line: _DrawnLine, following: _DrawnLine | None) -> int:
    """Finds where a line's chars end, with a space between it and the next one."""
    if following is None or following.text is not line.text or line.stop == line.start:
        return line.stop
    return max(following.start, line.stop)
