"""``overflow="denser"``: a ladder of θ, each with smaller pages, down to a legibility floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from glyph_shared.errors import OverLengthError
from glyph_shared.planning.budget import Budget
from glyph_shared.planning.drawing import Drawn
from glyph_shared.planning.picture_pages import PICTURE_FLOOR_DPI
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config_values import LINE_BREAK_MARKUP

LEGIBILITY_FLOOR_PX = 7.5
"""The smallest em square that the ladder goes down to: 9 pt at 60 dpi.

Glyph was trained from 45 dpi on, and what it reads falls with the resolution: 94.67 on RULER at
120 dpi, 91.23 at 96 and 72.17 at 72 (arXiv 2510.17800). Below 60 dpi nothing is published.
Tesseract reads 97.4 % of the chars and 90.7 % of the words at the floor, 94.7 % and 83.7 % at
54 dpi, 83.8 % and 54.1 % at 45 (``docs/exact_strings.md``).
"""

_DPI_STEP = 4
_LINE_BREAK_DRAWN = RenderConfig.preset("en").newline_markup
_HOPELESS = 1.25
"""A rung whose cost, in proportion to its pixels, is beyond this share of the room is skipped."""


def rungs(config: RenderConfig) -> Iterator[RenderConfig]:
    """Yields denser and denser θ: line breaks drawn, then fewer dots per inch.

    The last one is at the floor. A θ that is at or below it has no rung but the first.
    """
    if config.newline_markup == LINE_BREAK_MARKUP:
        config = config.model_copy(update={"newline_markup": _LINE_BREAK_DRAWN})
        yield config
    lowest = floor_dpi(config)
    dpi = config.dpi - _DPI_STEP
    while dpi > lowest:
        yield config.model_copy(update={"dpi": dpi})
        dpi -= _DPI_STEP
    if lowest < config.dpi:
        yield config.model_copy(update={"dpi": lowest})


def floor_dpi(config: RenderConfig) -> int:
    """Returns the whole dpi at which a θ's shapes are as small as the floor allows."""
    narrowed = config.font_size * min(1.0, config.horizontal_scale)
    return math.ceil(LEGIBILITY_FLOOR_PX * 72 / narrowed)


def em_px(config: RenderConfig) -> float:
    """Returns the em square's shorter side in pixels."""
    return config.font_size * min(1.0, config.horizontal_scale) * config.dpi / 72


def densify(
    config: RenderConfig, drawn: Drawn, budget: Budget, draw: Callable[[RenderConfig], Drawn]
) -> tuple[RenderConfig, Drawn]:
    """Returns the least dense rung that fits, and its pages.

    Args:
        config: The θ that does not fit.
        drawn: What it costs.
        budget: The room there is.
        draw: Draws the context at a θ.

    Raises:
        OverLengthError: Not even the last rung fits.
    """
    needed, pages, exact = drawn.visual_tokens, drawn.page_count, drawn.exact
    last = known = config
    pictures = drawn.picture_tokens  # at their floor already
    cost = drawn.visual_tokens - pictures
    for rung in rungs(config):
        last = rung
        needed, exact = pictures + round(cost * (rung.dpi / known.dpi) ** 2), False
        if rung.dpi < known.dpi and needed > _HOPELESS * budget.context:
            continue
        made = draw(rung)
        if made.complete:
            return rung, made
        known, cost = rung, made.visual_tokens - pictures
        needed, pages, exact = made.visual_tokens, made.page_count, made.exact
    raise _below_the_floor(last, budget, needed=needed, pages=pages, exact=exact, pictures=pictures)


def _below_the_floor(
    last: RenderConfig, budget: Budget, *, needed: int, pages: int, exact: bool, pictures: int
) -> OverLengthError:
    others = "use overflow='hybrid' (the passages nearest to the question) or 'map_reduce' (all)"
    floor = (
        f"the legibility floor of {LEGIBILITY_FLOOR_PX:g} px per em is met at {last.dpi:g} dpi "
        f"({em_px(last):.3g} px)"
    )
    if pictures:
        floor += f", that of source pages at {PICTURE_FLOOR_DPI} dpi"
    if budget.max_pages is not None and needed <= budget.context:
        return OverLengthError(
            f"{floor}, and there the context is {counted(pages, 'page')} where a request may have "
            f"max_pages={budget.max_pages:,}; {others}, or a larger page_size",
            needed=pages,
            limit=budget.max_pages,
        )
    about = "" if exact else "about "
    return OverLengthError(
        f"{floor}, and there the context still needs {about}{needed:,} visual tokens where a "
        f"window of {budget.window:,} has {budget.context:,} for it; {others}, a larger window "
        "or less text",
        needed=needed,
        limit=budget.context,
    )
