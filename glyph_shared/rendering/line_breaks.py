"""Where lines end: a pure, linear-time, greedy wrap over arrays of chars and advances.

A line's chars are everything from its start to the next line's start, spaces and line break
included, so lines tile their text. Units are stretches that a line keeps whole: a word with the
spaces behind it, a syllable of a script without spaces, or one ideograph; a unit wider than a line
is divided between any two chars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering import syllables
from glyph_shared.rendering.arrays import Bools, Codes, Float64s, Int32s, Int64s
from glyph_shared.rendering.cjk import breaks_beside_ideographs
from glyph_shared.rendering.normalise import CODE_LIMIT, NEWLINE, SPACE

_BREAKING_SPACES = (SPACE, 0x1680, *range(0x2000, 0x2007), *range(0x2008, 0x200B), 0x205F, 0x3000)
_IS_BREAKING = np.zeros(CODE_LIMIT, np.bool_)
_IS_BREAKING[[*_BREAKING_SPACES]] = True


@dataclass(frozen=True)
class Measure:
    """Room on a line, in the unit of the advances.

    Attributes:
        width: Room on a paragraph's lines.
        first_width: Room on its first line.
        shrink: By how much each gap between words may shrink on an over-full line.
    """

    width: float
    first_width: float
    shrink: float = 0.0


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of a text, as offsets into its chars.

    Attributes:
        start: First char.
        ink_start: First char that is no space.
        ink_stop: End of the last char that is no space.
        width: Advance from ``start`` to ``ink_stop``.
        gaps: Spaces between ``ink_start`` and ``ink_stop``.
        opens: The line is a paragraph's first.
        closes: The line is a paragraph's last.
    """

    start: Int64s
    ink_start: Int64s
    ink_stop: Int64s
    width: Float64s
    gaps: Int64s
    opens: Bools
    closes: Bools
    end: int


def break_lines(
    codes: Codes, advances: Float64s, measure: Measure, *, continues: bool = False
) -> Lines:
    """Wraps chars into lines.

    Args:
        codes: Chars, a line feed ending each paragraph.
        advances: Advance of each char.
        measure: Room on a line.
        continues: The first char goes on with a paragraph begun earlier.
    """
    blank = is_breaking_space(codes)
    newline = codes == NEWLINE
    pen = np.concatenate(([0.0], np.cumsum(advances)))
    blank |= newline
    solid_stop = np.maximum.accumulate(np.arange(1, len(codes) + 1, dtype=np.int32) * ~blank)
    starts = _unit_starts(codes, blank, newline)
    starts = _divide_wide(starts, solid_stop, pen, min(measure.width, measure.first_width))
    firsts = _follow(starts, solid_stop, pen, newline, measure, continues)
    return _collect(starts[firsts], codes, blank, newline, solid_stop, pen, continues)


def is_breaking_space(codes: Codes) -> Bools:
    """Tells which chars are spaces that a line may end at."""
    blank: Bools = codes == SPACE
    if len(codes) and codes.max() >= _BREAKING_SPACES[1]:
        blank |= _IS_BREAKING[codes]
    return blank


def _unit_starts(codes: Codes, blank: Bools, newline: Bools) -> Int64s:
    ends = newline.copy()
    ends[:-1] |= blank[:-1] & ~blank[1:]
    highest = int(codes.max(initial=0))
    if highest >= syllables.FIRST:
        ends[:-1] |= syllables.breaks_between_syllables(codes)
    if highest >= 0x2E80:
        ends[:-1] |= breaks_beside_ideographs(codes)
    starts = np.flatnonzero(ends[:-1]) + 1 if len(codes) else np.zeros(0, np.int64)
    return np.concatenate((np.zeros(1, np.int64), starts))


def _divide_wide(starts: Int64s, solid_stop: Int32s, pen: Float64s, room: float) -> Int64s:
    """Adds unit starts inside units that are wider than a line."""
    stops = _solid_stops(starts, solid_stop)
    wide = np.flatnonzero(pen[stops] - pen[starts] > room)
    extra: list[int] = []
    for unit in wide.tolist():
        start, stop = int(starts[unit]), int(stops[unit])
        while pen[stop] - pen[start] > room:
            fits = int(np.searchsorted(pen[start : stop + 1], pen[start] + room, side="right")) - 1
            start += max(fits, 1)
            extra.append(start)
    if not extra:
        return starts
    return np.sort(np.concatenate((starts, np.array(extra, np.int64))))


def _solid_stops(starts: Int64s, solid_stop: Int32s) -> Int64s:
    """Finds where each unit's ink ends; its own start for a unit of spaces."""
    ends = np.append(starts[1:], len(solid_stop))
    stops: Int64s = np.maximum(solid_stop[ends - 1], starts)
    return stops


def _follow(
    starts: Int64s,
    solid_stop: Int32s,
    pen: Float64s,
    newline: Bools,
    measure: Measure,
    continues: bool,
) -> Int64s:
    """Lists the units that begin a line.

    For every unit the unit that would begin the next line is one lookup among ascending
    positions; following these pointers is all that remains to be done line by line.
    """
    ends = np.append(starts[1:], len(newline))
    stops = _solid_stops(starts, solid_stop)
    closing = newline[ends - 1]
    gaps = np.cumsum((ends > stops) & ~closing) * measure.shrink
    gaps_before = np.concatenate(([0.0], gaps[:-1]))
    room = np.full(len(starts), measure.width)
    opening = np.concatenate(([not continues], closing[:-1]))
    room[opening] = measure.first_width
    reach = pen[starts] - gaps_before + room
    following = np.searchsorted(pen[stops] - gaps_before, reach, side="right")
    paragraph_end = np.append(np.flatnonzero(closing) + 1, len(starts))
    paragraph = np.concatenate(([0], np.cumsum(closing)[:-1]))
    following = np.minimum(following, paragraph_end[paragraph])
    following = np.maximum(following, np.arange(1, len(starts) + 1))
    pointers = following.tolist()
    firsts: list[int] = []
    unit = 0
    while unit < len(pointers):
        firsts.append(unit)
        unit = pointers[unit]
    return np.array(firsts, np.int64)


def _collect(
    start: Int64s,
    codes: Codes,
    blank: Bools,
    newline: Bools,
    solid_stop: Int32s,
    pen: Float64s,
    continues: bool,
) -> Lines:
    end = len(codes)
    closes = newline[np.append(start[1:], end) - 1]
    ink_stop = _solid_stops(start, solid_stop)
    solid = np.flatnonzero(~blank)
    place = np.searchsorted(solid, start)
    ink_start = np.minimum(np.append(solid, end)[place], ink_stop)
    spaces = np.concatenate(([0], np.cumsum(codes == SPACE, dtype=np.int32)))
    return Lines(
        start=start,
        ink_start=ink_start,
        ink_stop=ink_stop,
        width=pen[ink_stop] - pen[start],
        gaps=spaces[ink_stop] - spaces[ink_start],
        opens=np.concatenate(([not continues], closes[:-1])),
        closes=closes,
        end=end,
    )
