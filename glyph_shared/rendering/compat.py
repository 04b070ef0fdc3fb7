"""Pages as the reference lays them out, its defects included: the other half of a comparison.

A group's background wipes the descenders of the group above it, and a page that starts at a line
break starts with a blank line. Numbers are rounded where the reference writes them into a PDF, and
the operations come in poppler's order, so that ties fall alike. Not copied: the reference's wrap
for texts with ideographs, and its resize of drawn pages (shapes are drawn narrow here).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from glyph_shared.rendering.arrays import Float64s, Int32s, Int64s
from glyph_shared.rendering.compat_lines import CompatLine, CompatWrap
from glyph_shared.rendering.compat_text import Words, split_words
from glyph_shared.rendering.compose import Composer, PageLayout, ShapeLookup
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.fonts import pdf_number
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.line_breaks import Measure
from glyph_shared.rendering.normalise import SPACE
from glyph_shared.rendering.raster import PlacedLines
from glyph_shared.rendering.shapes import ShapeTable

_BLANK = CompatLine(0, 0, True)
_FUZZ = 1e-6
_SLACK = 1e-8


@dataclass(slots=True)
class _DrawnLine:
    """A line on a page: its chars, its pen, its baseline and the row below which it is wiped."""

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


def _first_offset(sheet: _Sheet, words: Words, length: int) -> int:
    """Finds where in the text a page starts; blank lines belong to the page before."""
    for line in sheet.lines:
        if line.stop > line.start:
            return int(words.source[line.start])
    return length


class CompatComposer(Composer):
    """Lays a whole text out as the reference does."""

    def __init__(
        self, config: RenderConfig, geometry: Geometry, table: ShapeTable, look_up: ShapeLookup
    ) -> None:
        super().__init__(config, geometry, table, look_up)
        self._space = table.space * config.font_size
        # Multiplied in reportlab's order, whose last digit decides ties.
        self._measure = replace(self._measure, shrink=config.space_shrinkage * self._space)
        self._top = config.page_size[1] - geometry.origin_y
        self._bottom = geometry.origin_y

    def pages(self, pieces: Iterable[str], marker: str | None) -> Iterator[PageLayout]:
        """Yields the pages of a text; it is read as a whole first."""
        text = "".join(pieces)
        words = split_words(text, marker)
        shapes = self._look_up(words.codes)
        advances = self._table.advances[shapes]
        # Summed in em, where a font's units add up exactly, and only then scaled to points.
        em_pen = np.concatenate(([0.0], np.cumsum(advances)))
        pen = em_pen * self._config.font_size
        gaps = np.concatenate(([0], np.cumsum(words.codes == SPACE)))
        wrap = CompatWrap(words, pen, self._measure, self._space)
        sheets = self._fill(words, wrap, _Spacer(self._config, self._measure, pen, gaps))
        return self._layouts(sheets, words, shapes, len(text))

    def _fill(self, words: Words, wrap: CompatWrap, spacer: _Spacer) -> Iterator[_Sheet]:
        sheet = _Sheet(self._top)
        for number in range(len(words.group_first) - 1):
            lines = wrap.group(number)
            size = int(np.diff(words.group_first[number : number + 2])[0])
            opens = True
            while lines:
                took = self._fitting_lines(sheet, len(lines))
                shown = lines[:took]
                if 0 < took < len(lines) and shown[-1] == _BLANK:
                    # The break that made it is the one that begins the next page.
                    shown.pop()
                if shown:
                    self._put(sheet, shown, spacer, opens, size > 1, took == len(lines))
                if took == len(lines):
                    break
                yield sheet
                sheet = _Sheet(self._top)
                # The remainder begins with the line break that ended the last line drawn.
                carried = took and lines[took - 1].broken
                lines = [_BLANK] * bool(carried) + lines[took:]
                opens = opens and not took
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

    def _put(
        self,
        sheet: _Sheet,
        lines: list[CompatLine],
        spacer: _Spacer,
        opens: bool,
        compound: bool,
        closes: bool,
    ) -> None:
        """Draws a paragraph, or what fits of it."""
        leading, scale = self._config.line_height, self._geometry.scale
        height = len(lines) * leading
        gap = self._gap(sheet)
        sheet.y -= height + gap
        origin = pdf_number(sheet.y) * -scale + scale * pdf_number(self._config.page_size[1])
        padding = self._config.border_padding
        box_top = math.floor((height + padding) * -scale + origin + 0.5)
        box_bottom = math.floor(-padding * -scale + origin + 0.5)
        for above in sheet.lines:
            above.floor_px = min(above.floor_px, max(box_top, 0))
        first = pdf_number(height - self._config.font_size)
        placed = spacer.place(lines, opens=opens, closes=closes, compound=compound)
        drop = 0.0
        for line, (x, spacing) in zip(lines, placed, strict=True):
            row = math.floor((drop + first) * -scale + origin)
            sheet.lines.append(_DrawnLine(line.start, line.stop, x, spacing, row, 1 << 30))
            drop -= leading
        sheet.boxes.append((box_top, box_bottom))
        sheet.y -= self._config.space_after
        sheet.space_after = self._config.space_after

    def _layouts(
        self, sheets: Iterator[_Sheet], words: Words, shapes: Int32s, length: int
    ) -> Iterator[PageLayout]:
        position = 0
        filled = [sheet for sheet in sheets if sheet.lines] or [_Sheet(self._top)]
        for number, (sheet, following) in enumerate(pairwise([*filled, None])):
            end = length if following is None else _first_offset(following, words, length)
            assert sheet is not None
            yield self._layout(sheet, words, shapes, (position, end), number == len(filled) - 1)
            position = end

    def _layout(
        self, sheet: _Sheet, words: Words, shapes: Int32s, span: tuple[int, int], last: bool
    ) -> PageLayout:
        inked = [line for line in sheet.lines if line.stop > line.start]
        begin = inked[0].start if inked else 0
        end = inked[-1].stop if inked else 0
        # A blank line stands at the chars that follow it.
        starts, following = [], end
        for line in reversed(sheet.lines):
            following = line.start if line.stop > line.start else following
            starts.append(following - begin)
        line_starts = np.array(starts[::-1], np.int64)
        codes = words.codes[begin:end]
        stops = [max(line.stop - begin, 0) for line in sheet.lines]
        placed = PlacedLines(
            shapes=shapes[begin:end],
            start=line_starts,
            stop=np.maximum(np.array(stops, np.int64), 0) * (np.array(stops) > line_starts),
            x=np.array([line.x for line in sheet.lines]),
            spacing=np.array([line.spacing for line in sheet.lines]),
            elastic=codes == SPACE,
            baseline_px=np.array([line.baseline_px for line in sheet.lines], np.int64),
            floor_px=np.array([line.floor_px for line in sheet.lines], np.int64),
        )
        offsets = words.source[np.minimum(line_starts + begin, max(len(words.source) - 1, 0))]
        return PageLayout(span, codes, line_starts, offsets, placed, tuple(sheet.boxes), last)


class _Moves:
    """The pen's way from line to line: each move is rounded when written, so roundings add up.

    The move back to the margin and the next one away from it are written as one.
    """

    def __init__(self) -> None:
        self.x = 0.0
        self._base = 0.0
        self._back: float | None = None
        self._away = 0.0

    def begin(self, away: float) -> None:
        """Moves from the margin to a line's start."""
        self._away = away
        self._move(away)
        self._back = None

    def end(self) -> None:
        """Moves back to the margin."""
        self._move(-self._away)

    def _move(self, distance: float) -> None:
        if abs(distance) <= _FUZZ:
            return
        if self._back is None:
            self._base = self.x
        else:
            distance += self._back
        self._back = pdf_number(distance)
        self.x = self._base + self._back


class _Spacer:
    """Aligns a paragraph's lines as reportlab does, numbers rounded as they stand in its PDFs."""

    def __init__(self, config: RenderConfig, measure: Measure, pen: Float64s, gaps: Int64s) -> None:
        self._config = config
        self._measure = measure
        self._pen = pen
        self._gaps = gaps
        self._share = {"CENTER": 0.5, "RIGHT": 1.0}.get(config.alignment, 0.0)
        self._is_sided = not self._share

    def place(
        self, lines: list[CompatLine], *, opens: bool, closes: bool, compound: bool
    ) -> Iterator[tuple[float, float]]:
        """Yields each line's pen start and what its spaces gain.

        Args:
            lines: Lines of a paragraph, as many as are on the page.
            opens: The first of them is the paragraph's first.
            closes: The last of them is the paragraph's last.
            compound: The paragraph has several source lines.
        """
        pen = _Moves()
        for place, line in enumerate(lines):
            first = opens and place == 0
            indent = self._config.first_line_indent if first else 0.0
            room = self._measure.first_width if first else self._measure.width
            slack = float(room - (self._pen[line.stop] - self._pen[line.start]))
            count = int(self._gaps[line.stop] - self._gaps[line.start])
            last = closes and place == len(lines) - 1
            if count and self._stretches(slack, line.broken, last, compound):
                spacing = pdf_number(slack / count)
                pen.begin(indent if not compound or self._is_sided else 0.0)
            else:
                spacing = 0.0
                pen.begin(indent + self._share * slack)
            yield pen.x + self._config.left_indent, spacing
            pen.end()

    def _stretches(self, slack: float, broken: bool, last: bool, compound: bool) -> bool:
        justified = self._config.alignment == "JUSTIFY"
        if slack < -_SLACK:
            return not (justified and compound and broken)
        return justified and slack > _SLACK and not (broken or last)
