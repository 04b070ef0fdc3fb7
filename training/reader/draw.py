"""Draws grid pages as the renderer does, only faster: one gather from an atlas of whole cells.

Every char of the reader's θ starts on a whole pixel, so a page is a mosaic. A test compares the
pixels with `Renderer`'s.
"""

from __future__ import annotations

from functools import lru_cache

import freetype
import numpy as np

from glyph_shared.reader.vocabulary import UNKNOWN, VOCABULARY
from glyph_shared.rendering.font_files import find_font
from training.reader.pages import ROWS

CELL_WIDTH, CELL_HEIGHT = 7, 14
PAGE_COLUMNS = 80
BASELINE = 11
FONT_SIZE = 11.627
BLEED = 2
"""Pixels that a shape may reach into its neighbours' cells."""


def draw(lines: list[str], rows: int = ROWS) -> np.ndarray:
    """Draws up to `rows` lines of up to 79 chars; returns a grey page, uint8 (14 * rows, 560)."""
    atlas, index = _atlas()
    grid = np.full((rows, PAGE_COLUMNS), index[" "], np.int64)
    for row, line in enumerate(lines):
        grid[row, : len(line)] = [index.get(char, index[UNKNOWN]) for char in line]
    cells = atlas[grid]  # (rows, columns, height, width with bleed)
    paper = np.zeros((rows, CELL_HEIGHT, PAGE_COLUMNS * CELL_WIDTH + 2 * BLEED), np.int32)
    # Every second cell at once: a cell with its bleed is less than two cells wide.
    width = CELL_WIDTH + 2 * BLEED
    for phase in range(2):
        layer = np.zeros_like(paper)
        for column in range(phase, PAGE_COLUMNS, 2):
            left = column * CELL_WIDTH
            layer[:, :, left : left + width] = cells[:, column]
        paper = _blend(paper, layer)
    ink = paper[:, :, BLEED : BLEED + PAGE_COLUMNS * CELL_WIDTH]
    return (255 - ink).astype(np.uint8).reshape(rows * CELL_HEIGHT, -1)


def _blend(under: np.ndarray, over: np.ndarray) -> np.ndarray:
    both = (under > 0) & (over > 0)
    blended = 255 - (255 - under) * (255 - over) // 255
    return np.where(both, blended, under + over)


@lru_cache(maxsize=1)
def _atlas() -> tuple[np.ndarray, dict[str, int]]:
    face = freetype.Face(str(find_font("DejaVuSansMono.ttf").path))
    pixels = round(FONT_SIZE)
    face.set_pixel_sizes(0, pixels)
    scale = int(FONT_SIZE / pixels * 0x10000)
    face.set_transform(freetype.Matrix(scale, 0, 0, scale), freetype.Vector(0, 0))
    chars = [token for token in VOCABULARY if len(token) == 1 and token != "\n"]
    atlas = np.zeros((len(chars), CELL_HEIGHT, CELL_WIDTH + 2 * BLEED), np.int32)
    for cell, char in zip(atlas, chars, strict=True):
        face.load_char(char, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP)
        face.glyph.render(freetype.FT_RENDER_MODE_NORMAL)
        bitmap = face.glyph.bitmap
        if bitmap.rows and bitmap.width:
            shape = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
            top, left = BASELINE - face.glyph.bitmap_top, BLEED + face.glyph.bitmap_left
            cell[top : top + bitmap.rows, left : left + bitmap.width] = shape[:, : bitmap.width]
    return atlas, {char: index for index, char in enumerate(chars)}
