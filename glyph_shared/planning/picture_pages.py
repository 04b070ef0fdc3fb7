"""Pictures of source pages as pages: their size, their cost, and their pixels.

A picture is drawn at ``PICTURE_DPI``, or below where the window has less room, down to
``PICTURE_FLOOR_DPI``. No picture is dearer than ``PICTURE_VISUAL_TOKENS``, so that a poster does
not cost a hundred pages; a smaller page never falls below the floor for it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from glyph_shared.documents import Picture, PictureFile, Raster, rasterise
from glyph_shared.planning.budget import PAGE_MARKS
from glyph_shared.rendering import PICTURE_MARK, Page, PageStore, count_visual_tokens

PICTURE_DPI = 96
"""What Glyph reads well: 91.23 on RULER, where 72 dpi gives 72.17 (arXiv 2510.17800). A4 takes
1,120 visual tokens; 10 pt print has 13 px per em, more than drawn text of 9 pt at 72 dpi has."""

PICTURE_FLOOR_DPI = 72
"""There 10 pt print has 10 px per em and a footnote of 8 pt has 8, as small as drawn text may get
(``LEGIBILITY_FLOOR_PX``). A4 takes 630 visual tokens."""

PICTURE_VISUAL_TOKENS = 2048
"""The most that one picture takes, A3 at 90 dpi; larger sheets are drawn smaller."""

_SIDE_PX = 28
_LONGEST_SHAPE = 100
_MOST_SIDE_PX = 28 * PICTURE_VISUAL_TOKENS
_COLOUR_SPREAD = 24
_COLOUR_SHARE = 0.001
"""A page is grey unless so many of its pixels have channels that differ by more than the spread:
scanners see colours in grey paper."""

Size = tuple[int, int]


def picture_size(size_pt: tuple[float, float], dpi: float) -> Size:
    """Returns the pixels of a source page at a resolution: sides in multiples of 28.

    >>> picture_size((595, 842), 96), picture_size((595, 842), 72)
    ((784, 1120), (588, 840))
    """
    wide, high = (max(1.0, min(_MOST_SIDE_PX, side * dpi / 72)) for side in size_pt)
    # The model refuses images more than 200 times longer than wide.
    wide, high = max(wide, high / _LONGEST_SHAPE), max(high, wide / _LONGEST_SHAPE)
    size = _whole(wide, round), _whole(high, round)
    if _tokens(size) <= PICTURE_VISUAL_TOKENS:
        return size
    shrink = math.sqrt(PICTURE_VISUAL_TOKENS * _SIDE_PX**2 / (wide * high))
    return _whole(wide * shrink, math.floor), _whole(high * shrink, math.floor)


def picture_cost(picture: Picture, dpi: float) -> int:
    """Returns what a picture takes of a window: its visual tokens and the two marks."""
    return _tokens(picture_size(picture.size_pt, dpi)) + PAGE_MARKS


def fitting_dpi(pictures: Sequence[Picture], room: int) -> int:
    """Returns the highest resolution at which pictures fit, or the floor if none does."""
    for dpi in range(PICTURE_DPI, PICTURE_FLOOR_DPI, -1):
        if sum(picture_cost(picture, dpi) for picture in pictures) <= room:
            return dpi
    return PICTURE_FLOOR_DPI


def draw_pictures(
    file: PictureFile, asked: Sequence[tuple[Picture, Size]], store: PageStore | None = None
) -> Iterator[Page]:
    """Draws pictures of one file, as pages that are numbered from 0 and have no place in a text.

    Args:
        file: The file.
        asked: The pictures with their sizes in pixels.
        store: Where pages are kept and taken from; by default nowhere.

    Raises:
        PdfError: The PDF cannot be drawn within its limits.
        InputError: The image file cannot.
    """
    if store is None:
        return _drawn(file, asked)
    return store.keep(_key(file, asked), lambda: _drawn(file, asked))


def _drawn(file: PictureFile, asked: Sequence[tuple[Picture, Size]]) -> Iterator[Page]:
    rasters = rasterise(file, [(picture.number, size) for picture, size in asked])
    for index, raster in enumerate(rasters):
        yield Page.of_pixels(_pixels(raster), index=index, char_span=(0, 0), theta_hash=_look())


def _key(file: PictureFile, asked: Sequence[tuple[Picture, Size]]) -> str:
    """Names the pages by all that they depend on."""
    pages = [(picture.number, size) for picture, size in asked]
    named = json.dumps([_look(), file.kind, file.digest, pages])
    return hashlib.sha256(named.encode("ascii")).hexdigest()


@lru_cache(maxsize=1)
def _look() -> str:
    """Returns what stands in a picture's PNG for θ's hash: a hash of what draws it."""
    drawn_by = {name: version(name) for name in ("glyph-context", "pypdfium2", "pillow")}
    return PICTURE_MARK + hashlib.sha256(json.dumps(drawn_by).encode("ascii")).hexdigest()[:16]


def _pixels(raster: Raster) -> npt.NDArray[np.uint8]:
    """Returns grey pixels, or colours where the page has some."""
    width, height = raster.size_px
    pixels = np.frombuffer(raster.rgb, np.uint8).reshape(height, width, 3)
    red, green, blue = (pixels[:, :, channel] for channel in range(3))
    most, least = (pick(pick(red, green), blue) for pick in (np.maximum, np.minimum))
    if np.count_nonzero(most - least > _COLOUR_SPREAD) > _COLOUR_SHARE * width * height:
        return pixels
    # Rec. 601 luma in 8 bits, as Pillow's convert("L") has it.
    luma = red.astype(np.uint32) * 19595 + green.astype(np.uint32) * 38470
    luma += blue.astype(np.uint32) * 7471 + 0x8000
    return (luma >> 16).astype(np.uint8)


def _tokens(size: Size) -> int:
    return count_visual_tokens(size)


def _whole(length: float, rounded: Callable[[float], int]) -> int:
    return max(1, rounded(length / _SIDE_PX)) * _SIDE_PX
