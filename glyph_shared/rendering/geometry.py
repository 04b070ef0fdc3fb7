"""What follows from θ alone: page pixels, the text area, baselines and the pixel scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glyph_shared.rendering.config import RenderConfig


@dataclass(frozen=True)
class Geometry:
    """Measures of a page. Points unless the name says pixels; y runs downwards from the top.

    Attributes:
        page_px: Width and height of a page before it is cropped.
        scale: Pixels per point.
        x_scale: The same in x, with the horizontal scale.
        origin_x: Left edge of the frame that holds the paragraphs.
        origin_y: Its top edge.
        width: Room for a line between the indents.
        height: Height of the frame.
        box_px: First pixel column of the paragraphs' boxes, and the column behind them.
    """

    page_px: tuple[int, int]
    scale: float
    x_scale: float
    origin_x: float
    origin_y: float
    width: float
    height: float
    box_px: tuple[int, int]

    @classmethod
    def of(cls, config: RenderConfig) -> Geometry:
        """Derives the measures of a config's pages."""
        scale = config.dpi / 72
        x_scale = scale * config.horizontal_scale
        inset_x = config.margin_x + config.frame_padding
        inset_y = config.margin_y + config.frame_padding
        width = config.page_size[0] - 2 * inset_x - config.left_indent - config.right_indent
        box_left = inset_x + config.left_indent - config.border_padding
        box_right = box_left + width + 2 * config.border_padding
        return cls(
            page_px=(
                _ceil_px(config.page_size[0] * x_scale),
                _ceil_px(config.page_size[1] * scale),
            ),
            scale=scale,
            x_scale=x_scale,
            origin_x=inset_x,
            origin_y=inset_y,
            width=width,
            height=config.page_size[1] - 2 * inset_y,
            box_px=(max(round_px(box_left * x_scale), 0), max(round_px(box_right * x_scale), 0)),
        )


def round_px(length: float) -> int:
    """Rounds an edge to a pixel as poppler does: halves go up."""
    return math.floor(length + 0.5)


def _ceil_px(length: float) -> int:
    """Rounds up to whole pixels, but not for a float's last digits."""
    return max(1, math.ceil(length - 1e-9))
