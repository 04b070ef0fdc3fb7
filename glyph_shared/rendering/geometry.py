"""What follows from θ alone: page pixels, the text area, baselines and the pixel scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glyph_shared.rendering.config import RenderConfig


@dataclass(frozen=True)
class Geometry:
    """Measures of a page. Points unless the name says pixels; y runs downwards from the top."""

    page_px: tuple[int, int]
    scale: float
    x_scale: float
    left: float
    width: float
    first_baseline: float
    height: float
    pitch: float

    @classmethod
    def of(cls, config: RenderConfig) -> Geometry:
        """Derives the measures of a config's pages."""
        scale = config.dpi / 72
        x_scale = scale * config.horizontal_scale
        inset_x = config.margin_x + config.frame_padding
        inset_y = config.margin_y + config.frame_padding
        indents = config.left_indent + config.right_indent
        return cls(
            page_px=(
                _ceil_px(config.page_size[0] * x_scale),
                _ceil_px(config.page_size[1] * scale),
            ),
            scale=scale,
            x_scale=x_scale,
            left=inset_x + config.left_indent,
            width=config.page_size[0] - 2 * inset_x - indents,
            first_baseline=inset_y + config.font_size,
            height=config.page_size[1] - 2 * inset_y,
            pitch=config.line_height,
        )

    @property
    def lines_per_page(self) -> int:
        """Lines of a page whose paragraphs have no space between them."""
        return math.floor(self.height / self.pitch + 1e-9)


def _ceil_px(length: float) -> int:
    """Rounds up to whole pixels, but not for a float's last digits."""
    return max(1, math.ceil(length - 1e-9))
