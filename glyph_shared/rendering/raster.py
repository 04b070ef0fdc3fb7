"""Lines of shapes to grey pixels, by gathering columns.

Every shape's bitmap lies in the atlas as columns. A line is an array of pixel columns; a page's
lines are filled by one gather, in which the columns that neighbours share are blended first.
Turning the columns into rows is the last step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Columns, Float64s, Int32s, Int64s
from glyph_shared.rendering.atlas import VARIANTS, Atlas, Sheet
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.shapes import ShapeTable

_APRON = 16
"""Columns kept on both sides of a line, so that overhanging shapes need no clipping."""


_STRIP = 32
"""Lines drawn at a time.

Arrays of a whole page's columns are so large that malloc hands their memory back to the system and
fetches it again for each page, which costs as much as the drawing.
"""


@dataclass(frozen=True, eq=False)
class PlacedLines:
    """Lines of one page, ready to draw.

    Attributes:
        shapes: Shapes of the text they lie in.
        start: First shape of each line.
        stop: End of each line's shapes.
        x: Where each line's pen starts, in points from the frame's left edge.
        spacing: Added to each elastic space of the line, in points.
        elastic: Which shapes of the text are elastic spaces.
        baseline_px: Pixel row below which each line's descenders begin.
        floor_px: Row from which a line's ink is erased, or None.
    """

    shapes: Int32s
    start: Int64s
    stop: Int64s
    x: Float64s
    spacing: Float64s
    elastic: Bools
    baseline_px: Int64s
    floor_px: Int64s | None = None


@dataclass(frozen=True, eq=False)
class Drawing:
    """Shapes drawn black on white.

    Attributes:
        rows: Rows of the page, each preceded by a zero byte (PNG's filter type "none").
        right: Pixels from the left edge up to which there may be ink.
    """

    rows: Bytes
    right: int


class Painter:
    """Draws lines on pages of one size."""

    def __init__(
        self, atlas: Atlas, table: ShapeTable, font_size: float, geometry: Geometry
    ) -> None:
        self._atlas = atlas
        self._table = table
        self._font_size = font_size
        self._page_px = geometry.page_px
        self._x_scale = geometry.x_scale
        self._origin = geometry.origin_x
        self._wiped = slice(*geometry.box_px)

    def paint(self, lines: PlacedLines, drawn: Bools | None = None) -> Drawing:
        """Draws lines, black on white.

        Args:
            lines: What to draw and where.
            drawn: Which shapes of the text to draw; all of them by default.
        """
        width, height = self._page_px
        filled = np.flatnonzero(lines.stop > lines.start)
        if not len(filled):
            return Drawing(_blank_page(width, height), 0)
        keys, column, line = self._place(lines, filled, drawn)
        sheet = self._atlas.sheet(keys)
        top = lines.baseline_px[filled] - sheet.above
        body = min(int(np.diff(top).min()) if len(top) > 1 else sheet.depth, sheet.depth)
        depths = _line_depths(sheet, keys, line, len(top), body)
        lead = max(0, -int(top.min()))
        tail = max(0, int(top.max()) + sheet.columns.shape[1] - height)
        rows, right = _blank_page(width, lead + height + tail), 0
        # From the bottom up, so that a strip's descenders blend with the lines below them.
        for first in range((len(top) - 1) // _STRIP * _STRIP, -1, -_STRIP):
            strip = slice(first, first + _STRIP)
            own = slice(*np.searchsorted(line, [first, first + _STRIP]).tolist())
            count = len(top[strip])
            ink = _gather(sheet, keys[own], column[own], line[own] - first, count, width)
            if lines.floor_px is not None:
                _erase(ink[:, self._wiped], (lines.floor_px[filled] - top)[strip])
            _draw_lines(rows, ink, top[strip] + lead, body, depths[strip])
            right = max(right, ink.shape[1])
        return Drawing(rows[lead : lead + height], right)

    def _place(
        self, lines: PlacedLines, filled: Int64s, drawn: Bools | None
    ) -> tuple[Int32s, Int32s, Int32s]:
        """Finds the key, the pixel column of the pen and the line of every shape drawn."""
        start = lines.start[filled].astype(np.int32)
        length = lines.stop[filled].astype(np.int32) - start
        places = np.arange(int(length.max()), dtype=np.int32)
        index = np.minimum(start[:, None] + places, np.int32(len(lines.shapes) - 1))
        shapes = lines.shapes.take(index)
        quarter = np.floor(self._pens(lines, filled, index, shapes)).astype(np.int32)
        if self._atlas.has_variants:
            keys = shapes * np.int32(VARIANTS) + (quarter & np.int32(VARIANTS - 1))
        else:
            keys = shapes * np.int32(VARIANTS)
        inside = places < length[:, None]
        if drawn is not None:
            inside &= drawn[index]
            length = np.count_nonzero(inside, axis=1)
        flat = np.flatnonzero(inside)
        line = np.repeat(np.arange(len(filled), dtype=np.int32), length)
        return keys.take(flat), quarter.take(flat) >> 2, line

    def _pens(self, lines: PlacedLines, filled: Int64s, index: Int32s, shapes: Int32s) -> Float64s:
        """Finds where each shape's pen is, in quarters of a pixel.

        Summed from the left and scaled in two products, as poppler does: ties fall alike.
        """
        pen = np.empty((index.shape[0], index.shape[1] + 1))
        pen[:, 0] = lines.x[filled]
        steps = self._table.pdf_advances.take(shapes) * self._font_size
        spacing = lines.spacing[filled]
        spaced = np.flatnonzero(spacing)
        if len(spaced):
            elastic = lines.elastic.take(index[spaced])
            steps[spaced] += np.where(elastic, spacing[spaced, None], 0.0)
        pen[:, 1:] = steps
        pens = np.cumsum(pen[:, :-1], axis=1)
        # Times 4, a power of two, in both: no digit of the sum changes.
        pens *= self._x_scale * VARIANTS
        pens += self._origin * self._x_scale * VARIANTS
        return pens


def _line_depths(sheet: Sheet, keys: Int32s, line: Int32s, lines: int, body: int) -> Int32s:
    """Finds how many rows each line needs: ``body``, but more below deep shapes.

    A line without shapes may get those of the next one, which costs a little and draws nothing.
    """
    bottom = np.append(sheet.bottom.take(keys), np.int32(0))
    first = np.searchsorted(line, np.arange(lines))
    return np.maximum(np.maximum.reduceat(bottom, first), np.int32(body))


def _gather(
    sheet: Sheet, keys: Int32s, column: Int32s, line: Int32s, lines: int, width: int
) -> Bytes:
    """Copies the columns of all shapes to their places.

    Returns:
        Ink as (line, column, row), with no more columns than reach the last one with ink.
    """
    count, start = sheet.count.take(keys), column + sheet.left.take(keys)
    visible = count > 0
    if len(start) and (start.min() <= -_APRON or start.max() + count.max() >= width + _APRON):
        visible &= (start > -_APRON) & (start + count < width + _APRON)
    kept = np.flatnonzero(visible)
    keys, count, start, line = (part.take(kept) for part in (keys, count, start, line))
    right = min(width, max(0, int((start + count).max()))) if len(start) else 0
    span = right + 2 * _APRON
    start += line * np.int32(span) + np.int32(_APRON)
    first = sheet.first.take(keys)
    depth = sheet.columns.shape[1]
    # numpy copies 16-byte numbers faster than opaque words of that size.
    words = np.dtype(np.complex128 if depth == 16 else (np.void, depth))
    atlas = sheet.columns.view(words).reshape(-1)
    stop = start + count
    if len(start) and _only_neighbours_touch(start, stop):
        target = atlas.take(_columns(start, first, count, lines * span))
        _blend_neighbours(target, atlas, start, stop, first)
        canvas = target.view(np.uint8)
    else:
        canvas = np.zeros((lines * span, depth), np.uint8)
        _gather_in_turns(canvas.view(words).reshape(-1), atlas, start, first, count)
    return canvas.reshape(lines, span, depth)[:, _APRON : _APRON + right]


def _columns(start: Int32s, first: Int32s, count: Int32s, total: int) -> Int32s:
    """Finds which column of the atlas is at each place of the canvas.

    A shape has the places up to the next one; the column behind its last, which is empty, fills
    those that it does not need.
    """
    places = np.empty_like(start)
    np.subtract(start[1:], start[:-1], out=places[:-1])
    places[-1] = total - start[-1]
    columns = np.arange(total, dtype=np.int32)
    columns[: start[0]] = 0
    inked = columns[start[0] :]
    inked += np.repeat(first - start, places)
    np.minimum(inked, np.repeat(first + count, places), out=inked)
    return columns


def _only_neighbours_touch(start: Int32s, stop: Int32s) -> bool:
    """Tells whether shapes come in order and share columns with the next one at most."""
    ordered = (start[1:] >= start[:-1]).all() and (stop[1:] >= stop[:-1]).all()
    return bool(ordered and (start[2:] >= stop[:-2]).all())


def _blend_neighbours(
    target: Columns, atlas: Columns, start: Int32s, stop: Int32s, first: Int32s
) -> None:
    """Blends the columns that a shape shares with the one before it."""
    shared = stop[:-1] - start[1:]
    touching = np.flatnonzero(shared > 0)
    begin = start[touching + 1]
    where, earlier = _expand(begin, first[touching] + begin - start[touching], shared[touching])
    target[where] = _blend(atlas.take(earlier), target.take(where))


def _gather_in_turns(
    target: Columns, atlas: Columns, start: Int32s, first: Int32s, count: Int32s
) -> None:
    """Copies stacked shapes, such as letters with several marks, group by group.

    Shapes of a group do not overlap each other; what groups share blends.
    """
    for turn in _turns(start, count):
        where, which = _expand(start[turn], first[turn], count[turn])
        target[where] = _blend(target.take(where), atlas.take(which))


def _turns(start: Int32s, count: Int32s) -> list[slice]:
    """Finds the smallest stride at which shapes never overlap."""
    stop = np.maximum.accumulate(start + count) if len(start) else start
    step = 2
    while step < len(start) and (start[step:] < stop[:-step]).any():
        step += 1
    return [slice(first, None, step) for first in range(min(step, len(start)))]


def _expand(start: Int32s, first: Int32s, count: Int32s) -> tuple[Int64s, Int32s]:
    """Lists, for runs of columns, where each goes and which it is."""
    before = np.cumsum(count, dtype=np.int32)
    run = np.arange(int(before[-1]) if len(before) else 0, dtype=np.int32)
    before -= count
    where = run + np.repeat(start - before, count)
    return where.astype(np.int64), run + np.repeat(first - before, count)


def _blend(below: Columns, above: Columns) -> Columns:
    """Lays ink over ink, as poppler does: paper shines through both, truncating."""
    dark = 255 - below.view(np.uint8).astype(np.uint16)
    light = dark * (255 - above.view(np.uint8).astype(np.uint16)) // 255
    return (255 - light).astype(np.uint8).view(above.dtype)


def _erase(ink: Bytes, floor: Int64s) -> None:
    """Removes each line's ink from a row on."""
    for depth in np.unique(floor[floor < ink.shape[2]]).tolist():
        ink[floor == depth, :, max(depth, 0) :] = 0


def _draw_lines(rows: Bytes, ink: Bytes, top: Int64s, body: int, depths: Int32s) -> None:
    """Turns columns into rows of the page: ``body`` rows at once, deeper ones blended in."""
    if not ink.shape[1]:
        return
    _put_rows(rows, ink[:, :, :body], top)
    for row in range(body, int(depths.max())):
        _overlay_row(rows, ink, row, np.flatnonzero(depths > row), top)


def _put_rows(rows: Bytes, ink: Bytes, top: Int64s) -> None:
    """Draws ink into rows, the lines of a run (those at equal distances) at once."""
    lines, width, body = ink.shape
    turned = ink.transpose(0, 2, 1)
    step = np.diff(top)
    pitch = int(step.min()) if lines > 1 else body
    edges = [0, *(np.flatnonzero(step != pitch) + 1).tolist(), lines]
    tops = top.tolist()
    for first, stop in pairwise(edges):
        # The last line's pitch may reach below the page; its body does not.
        whole = stop - (tops[stop - 1] + pitch > len(rows))
        block = rows[tops[first] : tops[first] + (whole - first) * pitch]
        target = block.reshape(whole - first, pitch, -1)[:, :body, 1 : 1 + width]
        np.invert(turned[first:whole], out=target)
        if whole < stop:
            np.invert(turned[whole], out=rows[tops[whole] : tops[whole] + body, 1 : 1 + width])


def _overlay_row(rows: Bytes, ink: Bytes, row: int, which: Int64s, top: Int64s) -> None:
    """Blends one row of some lines' ink over what the next lines have drawn there."""
    above = ink[which, :, row]
    below = rows[top[which] + row, 1 : 1 + above.shape[1]]
    mixed = np.minimum(below, ~above)
    both = np.flatnonzero((below != 255) & (above != 0))
    if len(both):
        paper = below.reshape(-1)[both].astype(np.int32)
        light = 255 - above.reshape(-1)[both].astype(np.int32)
        mixed.reshape(-1)[both] = paper * light // 255
    rows[top[which] + row, 1 : 1 + above.shape[1]] = mixed


def _blank_page(width: int, height: int) -> Bytes:
    rows = np.full((height, width + 1), 255, np.uint8)
    rows[:, 0] = 0
    return rows
