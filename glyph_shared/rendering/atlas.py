"""Bitmaps of shapes, cut into columns, as poppler rasterises them.

FreeType without hinting or embedded bitmaps, at a whole number of pixels per em and a matrix for
the rest, in four variants a quarter pixel apart. Shapes are drawn when first needed.
"""

from __future__ import annotations

import ctypes
import io
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import freetype
import numpy as np

from glyph_shared.errors import FontError
from glyph_shared.rendering.arrays import Bytes, Int32s
from glyph_shared.rendering.font_files import FontFile
from glyph_shared.rendering.fonts import load_font
from glyph_shared.rendering.shapes import Part, ShapeTable
from glyph_shared.rendering.sharing import BUILDING

VARIANTS = 4
"""Sub-pixel positions of a shape; a key is ``shape * VARIANTS + variant``."""

_MAX_VARIANT_CELL = 50
"""poppler draws shapes whose cell is higher than this at whole pixels only."""

_UNSEEN = -1
_LOAD = freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP


class Bitmap(NamedTuple):
    """Ink, the pixels from the pen to its first column, and its rows above the baseline."""

    ink: Bytes
    left: int
    top: int


_NO_INK = Bitmap(np.zeros((0, 0), np.uint8), 0, 0)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Columns of the shapes drawn so far; a later sheet does not change an earlier one.

    Attributes:
        columns: Ink of each column, ``depth`` rows from ``above`` the baseline downwards; an empty
            one behind each shape.
        first: Number of a key's first column.
        count: How many columns it has; 0 for shapes without ink.
        left: Pixels from the pen to the first column.
        bottom: Rows of a key down to its last ink.
    """

    columns: Bytes
    first: Int32s
    count: Int32s
    left: Int32s
    bottom: Int32s
    above: int
    depth: int


class Atlas:
    """Draws the shapes of a table at one size, each once."""

    def __init__(self, table: ShapeTable, size_px: float, x_scale: float = 1.0) -> None:
        self._table = table
        self._size_px = size_px * x_scale, size_px
        self._ppem = max(1, math.floor(size_px + 0.5))
        self._matrix = freetype.Matrix(
            int(size_px * x_scale / self._ppem * 0x10000), 0, 0, int(size_px / self._ppem * 0x10000)
        )
        self.has_variants = self._cell_height(size_px) <= _MAX_VARIANT_CELL
        self._faces: dict[FontFile, freetype.Face] = {}
        self._bitmaps: dict[int, Bitmap] = {}
        above, below = math.ceil(size_px), math.ceil(size_px * 0.3)
        self._sheet = _empty_sheet(above, above + below)

    def _cell_height(self, size_px: float) -> int:
        low, high = load_font(self._table.fonts[0]).extent
        return int(high * size_px) - int(low * size_px) + 3

    def sheet(self, keys: Int32s) -> Sheet:
        """Returns a sheet that holds at least these keys."""
        sheet = self._sheet
        highest = int(keys.max(initial=0))
        if highest < len(sheet.count) and (sheet.count[keys] != _UNSEEN).all():
            return sheet
        with BUILDING:
            self._sheet = self._extended(self._sheet, sorted(set(keys.tolist())))
            return self._sheet

    def _extended(self, sheet: Sheet, keys: list[int]) -> Sheet:
        sheet = _with_room(sheet, len(self._table.advances) * VARIANTS)
        fresh = [key for key in keys if sheet.count[key] == _UNSEEN]
        for key in fresh:
            self._bitmaps[key] = self._draw(key)
        drawn = [self._bitmaps[key] for key in fresh]
        above = max([sheet.above, *(top for _, _, top in drawn)])
        depth = above + max([sheet.depth - sheet.above, *(len(ink) - top for ink, _, top in drawn)])
        if (above, depth) == (sheet.above, sheet.depth):
            return self._filled(sheet, fresh)
        # A taller shape moves every other's place in its column: start over with more room.
        emptied = _with_room(_empty_sheet(above, depth), len(sheet.count))
        return self._filled(emptied, list(self._bitmaps))

    def _filled(self, sheet: Sheet, keys: list[int]) -> Sheet:
        """Appends the bitmaps of some keys, turned on their side, to a private copy of a sheet."""
        blocks = [sheet.columns]
        end = len(sheet.columns)
        for key in keys:
            ink, left, top = self._bitmaps[key]
            rows, width = ink.shape
            block = np.zeros((width + 1, sheet.columns.shape[1]), np.uint8)
            start = sheet.above - top
            block[:width, start : start + rows] = ink.T
            blocks.append(block)
            sheet.first[key], sheet.count[key], sheet.left[key] = end, width, left
            sheet.bottom[key] = start + rows if width else 0
            end += len(block)
        return Sheet(
            np.concatenate(blocks),
            sheet.first,
            sheet.count,
            sheet.left,
            sheet.bottom,
            sheet.above,
            sheet.depth,
        )

    def _draw(self, key: int) -> Bitmap:
        shape, variant = divmod(key, VARIANTS)
        if shape < 2:
            return _NO_INK
        drawn = [self._draw_part(part, variant) for part in self._table.parts(shape)]
        return drawn[0] if len(drawn) == 1 else _together(drawn)

    def _draw_part(self, part: Part, variant: int) -> Bitmap:
        file = self._table.fonts[part.font]
        face = self._face(file)
        x = round(part.x * self._size_px[0] * 64) + variant * 64 // VARIANTS
        face.set_transform(self._matrix, freetype.Vector(x, round(part.y * self._size_px[1] * 64)))
        try:
            face.load_glyph(part.number, _LOAD)
            slot = face.glyph
            slot.render(freetype.FT_RENDER_MODE_NORMAL)
        except freetype.FT_Exception as error:
            raise FontError(
                f"font {str(file.path)!r} has a damaged shape {part.number}: {error}"
            ) from None
        bitmap = slot.bitmap
        if not bitmap.rows or not bitmap.width:
            return _NO_INK
        # freetype-py's own ``bitmap.buffer`` makes a list of it, byte by byte.
        raw = ctypes.string_at(bitmap._FT_Bitmap.buffer, bitmap.rows * bitmap.pitch)
        ink = np.frombuffer(raw, np.uint8).reshape(bitmap.rows, bitmap.pitch)
        return Bitmap(ink[:, : bitmap.width], slot.bitmap_left, slot.bitmap_top)

    def _face(self, file: FontFile) -> freetype.Face:
        if file not in self._faces:
            try:
                # Not from the path: a file that is replaced under FreeType could end the process.
                face = freetype.Face(io.BytesIO(load_font(file).content), index=file.face)
                face.set_pixel_sizes(0, self._ppem)
            except freetype.FT_Exception as error:
                raise FontError(f"cannot draw with font {str(file.path)!r}: {error}") from None
            self._faces[file] = face
        return self._faces[file]


@lru_cache(maxsize=8)
def shared_atlas(table: ShapeTable, size_px: float, x_scale: float) -> Atlas:
    """Returns the process's atlas of a table at one size, so that no shape is drawn twice."""
    return Atlas(table, size_px, x_scale)


def _together(drawn: list[Bitmap]) -> Bitmap:
    """Lays bitmaps around one pen over each other; ink upon ink darkens."""
    drawn = [bitmap for bitmap in drawn if bitmap.ink.size]
    if not drawn:
        return _NO_INK
    left, top = min(bitmap.left for bitmap in drawn), max(bitmap.top for bitmap in drawn)
    width = max(bitmap.left + bitmap.ink.shape[1] for bitmap in drawn) - left
    height = top - min(bitmap.top - bitmap.ink.shape[0] for bitmap in drawn)
    paper = np.full((height, width), 255, np.uint16)
    for ink, first_column, first_row in drawn:
        rows, columns = ink.shape
        below = paper[top - first_row :, first_column - left :][:rows, :columns]
        below[:] = below * (255 - ink.astype(np.uint16)) // 255
    return Bitmap((255 - paper).astype(np.uint8), left, top)


def _empty_sheet(above: int, depth: int) -> Sheet:
    # Column 0 stays empty; a depth of whole 16-byte words makes copies of columns cheap.
    columns = np.zeros((1, -(-depth // 16) * 16), np.uint8)
    none = np.zeros(0, np.int32)
    return Sheet(columns, none, none, none, none, above, depth)


def _with_room(sheet: Sheet, size: int) -> Sheet:
    """Copies a sheet with its tables lengthened to ``size`` keys."""
    extra = size - len(sheet.count)
    unseen = np.full(extra, _UNSEEN, np.int32)
    zeros = np.zeros(extra, np.int32)
    return Sheet(
        sheet.columns,
        np.concatenate((sheet.first, zeros)),
        np.concatenate((sheet.count, unseen)),
        np.concatenate((sheet.left, zeros)),
        np.concatenate((sheet.bottom, zeros)),
        sheet.above,
        sheet.depth,
    )
