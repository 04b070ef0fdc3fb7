"""From reading order to the order in which a line's shapes stand on the page."""

from __future__ import annotations

import numpy as np

from glyph_shared.rendering.arrays import Bools, Int64s
from glyph_shared.rendering.bidi import Levels
from glyph_shared.rendering.line_breaks import Lines


def visual_order(levels: Levels, lines: Lines) -> tuple[Int64s, Bools]:
    """Reorders the chars of each line (rule L2 of UAX #9).

    A line has the direction of the paragraph that it begins in. Where line breaks are drawn as
    markers, a line may go on with a paragraph of the other direction: that is embedded in it.

    Returns:
        Which char stands at each place, and which lines run from right to left. Spaces that hang
        past a line's end stay behind it.
    """
    base = levels.base[lines.start]
    line_base = np.repeat(base, np.diff(lines.start, append=lines.end))
    level = np.where(levels.base < line_base, levels.level + np.int8(2), levels.level)
    edge = np.zeros(len(level) + 1, np.bool_)
    edge[lines.start] = edge[lines.ink_stop] = True
    inked = np.zeros(len(level) + 1, np.int8)
    np.add.at(inked, lines.start, 1)
    np.add.at(inked, lines.ink_stop, -1)
    level = np.where(np.cumsum(inked[:-1]) > 0, level, 0)
    order = np.arange(len(level))
    for height in range(int(level.max(initial=0)), 0, -1):
        turn = _turned(level >= height, edge[:-1])
        order, level = order[turn], level[turn]
    return order, base == 1


def _turned(high: Bools, edge: Bools) -> Int64s:
    """Turns around each stretch of high places between edges."""
    places = np.arange(len(high))
    begins = high.copy()
    begins[1:] &= ~high[:-1] | edge[1:]
    first = np.flatnonzero(begins)
    if not len(first):
        return places
    ends = high.copy()
    ends[:-1] &= ~high[1:] | edge[1:]
    total = first + np.flatnonzero(ends)
    turned = places[high]
    places[high] = np.repeat(total, np.flatnonzero(ends) - first + 1) - turned
    return places
