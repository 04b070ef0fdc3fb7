"""What a page costs the model: GLM-4.1V's resize rule, as its image processor applies it.

Checked against transformers 5.x and vLLM 0.32. The two marks around each image are not counted
here; a plan adds them.
"""

from __future__ import annotations

import math

from glyph_shared.errors import InputError
from glyph_shared.rendering.config_values import excerpt

TOKEN_SIDE_PX = 28
"""A visual token covers 28 x 28 pixels: patches of 14, merged two by two."""

LONGEST_EDGE = 9_633_792
"""``size.longest_edge`` of the shipped GLM-4.xV processors: two frames' worth of pixels."""

SHORTEST_EDGE = 12_544
"""``size.shortest_edge`` of the same processors."""

LEAST_PIXELS = SHORTEST_EDGE // 2
"""Smaller images are enlarged."""

MAX_ASPECT = 200

_MAX_SIDE = 1_000_000


def count_visual_tokens(size_px: tuple[int, int], *, longest_edge: int = LONGEST_EDGE) -> int:
    """Counts the visual tokens of an image of ``size_px`` (width, height).

    Raises:
        InputError: A side is not positive, or one is more than 200 times the other; or
            ``longest_edge`` leaves no room for one token.
    """
    width, height = _resized(size_px, longest_edge)
    return (width // TOKEN_SIDE_PX) * (height // TOKEN_SIDE_PX)


def _resized(size_px: tuple[int, int], longest_edge: int) -> tuple[int, int]:
    width, height = size_px
    # Said so that a NaN, which no comparison holds for, is refused too.
    if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
        raise InputError(
            f"image sides must be positive, at most {_MAX_SIDE} px; "
            f"got {excerpt(width)} x {excerpt(height)}"
        )
    side = TOKEN_SIDE_PX
    if not longest_edge >= 2 * side * side:
        raise InputError(
            f"longest_edge must be at least {2 * side * side}, one visual token in two frames; "
            f"got {longest_edge}"
        )
    if min(width, height) < side:
        scale = max(side / height, side / width)
        width, height = int(width * scale), int(height * scale)
    if max(width, height) / min(width, height) > MAX_ASPECT:
        raise InputError(
            f"the model refuses images more than {MAX_ASPECT} times longer than wide; "
            f"got {size_px[0]} x {size_px[1]}: change page_size"
        )
    # An image stands for two equal video frames, hence the factor 2. Rounding is Python's, to even.
    rounded = round(width / side) * side, round(height / side) * side
    if 2 * math.prod(rounded) > longest_edge:
        shrink = math.sqrt(2 * width * height / longest_edge)
        return _floor_side(width / shrink), _floor_side(height / shrink)
    if 2 * math.prod(rounded) < SHORTEST_EDGE:
        grow = math.sqrt(SHORTEST_EDGE / (2 * width * height))
        return math.ceil(width * grow / side) * side, math.ceil(height * grow / side) * side
    return rounded


def _floor_side(length: float) -> int:
    return max(TOKEN_SIDE_PX, math.floor(length / TOKEN_SIDE_PX) * TOKEN_SIDE_PX)
