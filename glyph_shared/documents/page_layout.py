"""What the objects of a PDF page tell about its layout: pictures, rules, columns.

Runs in ``picture_worker``'s child process, so it imports nothing of this project. What is found are
figures; ``page_choice`` says what follows from them. Everything is bounded: a page may hold any
number of objects, and they may be nested.
"""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 10_000
_MOST_RECTS = 5_000
_DEEPEST = 8

_CELLS = 64
"""The page is divided into 64 x 64 cells to measure what pictures cover."""

_THIN_PT = 2.0
"""A rule is at most so thick; positions closer than this are one."""

_LONG_SHARE = 0.2
"""Of the page's width: what a row of a table takes at least."""

_LEAST_CURVES = 30
"""Curved or slanting strokes that make a drawing; round corners and bullets have fewer."""

_ROW_CELLS = 3
_COLUMN_SHARE = 0.6
"""A column is an edge that so many of the rows with three parts or more share."""

_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)

Matrix = tuple[float, float, float, float, float, float]
Box = tuple[float, float, float, float]


def page_facts(page: Any) -> dict[str, Any]:
    """Returns size, objects, the share that figures cover, rules and aligned columns of a page.

    Keys:
        size_pt: Width and height as shown, in points.
        objects: How many objects are drawn.
        figures: Share of the page under images and drawings, from 0 to 1.
        rules: Positions of long horizontal rules and edges, and of vertical ones.
        equal_rules: The most thin horizontal rules that begin and end alike.
        columns: Edges that most rows of three parts or more share.
        rows: How many such rows there are.
    """
    size = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
    sketch = _Sketch(_frame(page), turned=pdfium.FPDFPage_GetRotation(page) % 2 == 1)
    for item, matrix in _objects(page):
        sketch.add(item, matrix)
    rows, columns = _columns(page, turned=sketch.turned)
    return {
        "size_pt": size,
        "objects": sketch.objects,
        "figures": round(sketch.covered, 3),
        "rules": sketch.rules(),
        "equal_rules": sketch.equal_rules(),
        "rows": rows,
        "columns": columns,
    }


class _Sketch:
    """The cells that figures cover, and the rules, of one page.

    Args:
        frame: The shown part of the page: left, bottom, right, top.
        turned: Whether the page is shown turned by a quarter.
    """

    def __init__(self, frame: Box, *, turned: bool) -> None:
        self.turned = turned
        self.objects = 0
        self._frame = frame
        self._segments_left = _MOST_SEGMENTS
        self._images = [0] * _CELLS
        self._drawings = [0] * _CELLS
        self._curves = 0
        self._across: defaultdict[int, float] = defaultdict(float)
        self._down: defaultdict[int, float] = defaultdict(float)
        self._thin: defaultdict[tuple[int, int], set[int]] = defaultdict(set)

    @property
    def covered(self) -> float:
        """Share of the page under images and drawings."""
        rows = self._images
        if self._curves >= _LEAST_CURVES:
            rows = [one | other for one, other in zip(rows, self._drawings, strict=True)]
        return sum(row.bit_count() for row in rows) / _CELLS**2

    def rules(self) -> tuple[int, int]:
        """Counts positions of horizontal and vertical lines that are long enough for a table."""
        width, height = self._shown_size()
        across = sum(length >= _LONG_SHARE * width for length in self._across.values())
        # A table may be low; its columns are as high as a few lines of text.
        down = sum(length >= min(24.0, 0.1 * height) for length in self._down.values())
        return across, down

    def equal_rules(self) -> int:
        """Counts the thin horizontal rules of the commonest extent."""
        return max((len(heights) for heights in self._thin.values()), default=0)

    def add(self, item: Any, matrix: Matrix) -> None:
        """Takes an object into account."""
        self.objects += 1
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING):
            self._mark(self._images, _bounds(item, matrix))
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            self._add_path(item, matrix)

    def _add_path(self, item: Any, matrix: Matrix) -> None:
        curves = 0
        for start, end, curved in self._segments(item, _product(_matrix(item), matrix)):
            wide, high = abs(end[0] - start[0]), abs(end[1] - start[1])
            if curved or min(wide, high) > 1:
                curves += 1
            elif not self.turned:
                self._add_line(start, end, wide, high)
            else:
                self._add_line(start[::-1], end[::-1], high, wide)
        box = _bounds(item, matrix)
        if curves:
            self._curves += curves
            self._mark(self._drawings, box)
            return
        left, bottom, right, top = box
        if self.turned:
            left, bottom, right, top = bottom, left, top, right
        if top - bottom <= _THIN_PT and right - left >= _LONG_SHARE * self._shown_size()[0]:
            self._thin[_place(left), _place(right)].add(_place(bottom))

    def _add_line(self, start: Any, end: Any, wide: float, high: float) -> None:
        if wide > high:
            self._across[_place(start[1])] += wide
        elif high > 0:
            self._down[_place(start[0])] += high

    def _segments(self, path: Any, matrix: Matrix) -> Iterator[tuple[Any, Any, bool]]:
        """Yields begin and end of each segment in the page's points, and whether it is curved."""
        count = min(pdfium.FPDFPath_CountSegments(path), self._segments_left)
        self._segments_left -= max(0, count)
        x, y = ctypes.c_float(), ctypes.c_float()
        first = last = (0.0, 0.0)
        for number in range(count):
            segment = pdfium.FPDFPath_GetPathSegment(path, number)
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            here = _moved((x.value, y.value), matrix)
            kind = pdfium.FPDFPathSegment_GetType(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                first = here
            else:
                yield last, here, kind == pdfium.FPDF_SEGMENT_BEZIERTO
            last = here
            if pdfium.FPDFPathSegment_GetClose(segment):
                yield here, first, False

    def _shown_size(self) -> tuple[float, float]:
        left, bottom, right, top = self._frame
        size = right - left, top - bottom
        return size[::-1] if self.turned else size

    def _mark(self, rows: list[int], box: Box) -> None:
        """Marks the cells whose middle a box covers."""
        left, bottom, right, top = self._frame
        low_x, high_x = _cells((box[0] - left) / (right - left), (box[2] - left) / (right - left))
        low_y, high_y = _cells(
            (box[1] - bottom) / (top - bottom), (box[3] - bottom) / (top - bottom)
        )
        mask = (1 << high_x) - (1 << low_x) if high_x > low_x else 0
        for number in range(low_y, high_y):
            rows[number] |= mask


def _objects(page: Any) -> Iterator[tuple[Any, Matrix]]:
    """Yields all objects but forms, each with the matrix of the forms it stands in."""
    left = _MOST_OBJECTS
    count = pdfium.FPDFPage_CountObjects(page)
    drawn = (pdfium.FPDFPage_GetObject(page, number) for number in range(count))
    pending: list[tuple[Iterator[Any], Matrix]] = [(drawn, _IDENTITY)]
    while pending and left:
        items, matrix = pending[-1]
        item = next(items, None)
        if item is None:
            pending.pop()
            continue
        left -= 1
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_FORM:
            yield item, matrix
        elif len(pending) < _DEEPEST:
            pending.append((_parts(item), _product(_matrix(item), matrix)))


def _parts(form: Any) -> Iterator[Any]:
    for number in range(pdfium.FPDFFormObj_CountObjects(form)):
        yield pdfium.FPDFFormObj_GetObject(form, number)


def _columns(page: Any, *, turned: bool) -> tuple[int, int]:
    """Counts rows of three parts or more, and the edges that most of them share."""
    rows: defaultdict[int, list[Box]] = defaultdict(list)
    for left, bottom, right, top in _text_boxes(page):
        box = (bottom, left, top, right) if turned else (left, bottom, right, top)
        rows[_place((box[1] + box[3]) / 2)].append(box)
    parted = [row for row in rows.values() if len(row) >= _ROW_CELLS]
    best = 0
    for side in (0, 2):
        shared: defaultdict[int, int] = defaultdict(int)
        for row in parted:
            for edge in {_place(box[side]) for box in row}:
                shared[edge] += 1
        enough = _COLUMN_SHARE * len(parted)
        best = max(best, sum(count >= enough for count in shared.values()))
    return len(parted), best


def _text_boxes(page: Any) -> Iterator[Box]:
    text = pdfium.FPDFText_LoadPage(page)
    if not text:
        return
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    for number in range(min(_MOST_RECTS, pdfium.FPDFText_CountRects(text, 0, -1))):
        pdfium.FPDFText_GetRect(text, number, left, top, right, bottom)
        yield left.value, bottom.value, right.value, top.value
    pdfium.FPDFText_ClosePage(text)


def _frame(page: Any) -> Box:
    box = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, box)
    return box.left, box.bottom, max(box.right, box.left + 1), max(box.top, box.bottom + 1)


def _bounds(item: Any, matrix: Matrix) -> Box:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    pdfium.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    corners = [
        _moved((x, y), matrix) for x in (left.value, right.value) for y in (bottom.value, top.value)
    ]
    across, up = zip(*corners, strict=True)
    return min(across), min(up), max(across), max(up)


def _matrix(item: Any) -> Matrix:
    made = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, made):
        return _IDENTITY
    return made.a, made.b, made.c, made.d, made.e, made.f


def _product(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    origin = _moved((e, f), outer)
    return (
        a * outer[0] + b * outer[2],
        a * outer[1] + b * outer[3],
        c * outer[0] + d * outer[2],
        c * outer[1] + d * outer[3],
        *origin,
    )


def _moved(point: tuple[float, float], matrix: Matrix) -> tuple[float, float]:
    (x, y), (a, b, c, d, e, f) = point, matrix
    return a * x + c * y + e, b * x + d * y + f


def _place(position: float) -> int:
    return round(max(-1e6, min(1e6, position)) / _THIN_PT)


def _cells(low: float, high: float) -> tuple[int, int]:
    """Returns the half-open range of cells whose middle lies between two shares of a side."""
    first, last = (round(max(0.0, min(1.0, share)) * _CELLS) for share in (low, high))
    return first, last
