"""A θ for looking closer: the same lines, drawn larger, on pages that the model does not shrink."""

from __future__ import annotations

import math

from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.visual_tokens import LONGEST_EDGE, TOKEN_SIDE_PX

CLOSER_DPI = 144
"""What FocusVTC (arXiv 2609.36651) draws page regions at when a model reads them again."""

LEAST_GAIN = 1.5
"""A second look at less than this many times the dpi would hardly show more."""

_MOST_DPI = 1200


def closer(config: RenderConfig) -> RenderConfig:
    """Returns θ at a higher dpi, which breaks lines as before.

    The model scales down what is beyond its ``longest_edge``, 4.8 Mpx a page, and the dots gained
    would be lost again; such pages become lower, so that a text takes several of them.

    Raises:
        ConfigError: A line alone is larger than that.
    """
    dpi = min(_MOST_DPI, max(CLOSER_DPI, LEAST_GAIN * config.dpi))
    width, height = config.page_size
    parts = 1
    while _seen_px(config, dpi, height / parts) > LONGEST_EDGE:
        parts += 1
    return config.model_copy(update={"dpi": dpi, "page_size": (width, height / parts)})


def _seen_px(config: RenderConfig, dpi: float, height: float) -> int:
    """Returns the pixels the model sees of a page, in its two frames, before it scales down."""
    width = config.page_size[0] * config.horizontal_scale
    sides = (math.ceil(side * dpi / 72 / TOKEN_SIDE_PX) * TOKEN_SIDE_PX for side in (width, height))
    return 2 * math.prod(sides)
