"""The reference's line breaks in a text with ideographs: reportlab's wrap between any two chars.

Where a page ends inside a paragraph, reportlab joins the lines that are left, a stray space behind
each of them, and wraps them anew: line breaks are lost there, blank lines are not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from glyph_shared.rendering.arrays import Bools, Codes, Float64s, Int32s, Int64s
from glyph_shared.rendering.compat_lines import CompatLine, SetText
from glyph_shared.rendering.compat_text import Groups
from glyph_shared.rendering.line_breaks import Measure
from glyph_shared.rendering.normalise import MARKER, NEWLINE, SPACE

CANNOT_START = (
    "!\"'),.:;?]°‐―‰′″℃、。々」』】〕％）］￠"
    "ぁぃぅぇぉっゃゅょゎ゛゜ゝゞァィゥェォッャュョヮヵヶ・ーヽヾ"
)
"""Chars that reportlab hangs into the margin rather than begin a line with (5.1, textsplit)."""

_WIDE = 0x3000
"""From this code on reportlab breaks between any two chars; below, it looks for a space."""

_FUZZ = 1e-6
_HANGING = np.array([*map(ord, CANNOT_START)], np.uint32)


@dataclass(frozen=True)
class Setting:
    """What a paragraph is wrapped by: room on lines, the shape of a char, pens along shapes."""

    measure: Measure
    look_up: Callable[[Codes], Int32s]
    pen: Callable[[Int32s], Float64s]


@dataclass(frozen=True, eq=False)
class _Chars:
    """Chars of a paragraph, or of what is left of it.

    Attributes:
        codes: The chars; a line feed where ``breaks`` is set, behind a page's end a space.
        source: Offset in the text of each.
        breaks: Whether a line ends there.
        bound: Spaces that were bound to their neighbours, the only ones that reportlab stretches.
    """

    codes: Codes
    source: Int64s
    breaks: Bools
    bound: Bools

    def taken(self, which: Int64s) -> _Chars:
        """Picks chars; -1 picks a space, at the place of the char before it."""
        stray = which < 0
        place = np.where(stray, np.roll(which, 1), which)
        return _Chars(
            np.where(stray, np.uint32(SPACE), self.codes[which]),
            self.source[place],
            self.breaks[which] & ~stray,
            self.bound[which] & ~stray,
        )


class IdeographParagraph:
    """A group of lines, wrapped again after each page's end in it."""

    def __init__(self, chars: _Chars, setting: Setting, *, compound: bool, opens: bool) -> None:
        self.compound = compound
        self.opens = opens
        self._chars = chars if compound else chars.taken(np.flatnonzero(~chars.breaks))
        self._setting = setting

    @cached_property
    def text(self) -> SetText:
        """The chars of its lines."""
        chars = self._chars
        gaps = np.concatenate(([0], np.cumsum(chars.bound)))
        return SetText(chars.codes, chars.source, self._setting.look_up(chars.codes), gaps)

    @cached_property
    def lines(self) -> list[CompatLine]:
        """Its lines from here on."""
        lines = list(self._wrapped())
        return lines if self.compound else [self._stripped(line) for line in lines]

    def shown(self, took: int) -> list[CompatLine]:
        """Lists the first ``took`` lines."""
        return self.lines[:took]

    def after(self, took: int) -> IdeographParagraph:
        """Joins the lines that are left, to be wrapped again."""
        if not took:
            return self
        rest = self.lines[took:]
        parts = [self._joined(line, line is rest[-1]) for line in rest]
        chars = self._chars.taken(np.concatenate(parts))
        chars.codes[:-1][chars.breaks[:-1]] = SPACE
        compound = self.compound and (len(rest) > 1 or _has_fragments(chars))
        return IdeographParagraph(chars, self._setting, compound=compound, opens=False)

    def _joined(self, line: CompatLine, last: bool) -> Int64s:
        """Lists a line's chars as they go on, with a stray space where they do not end with one."""
        which = np.arange(line.start, line.stop)
        if last or not self.compound or line.broken:
            return which
        end = line.stop - 1
        is_space = self._chars.codes[end] == SPACE and not self._chars.bound[end]
        return which if is_space else np.append(which, -1)

    def _wrapped(self) -> Iterator[CompatLine]:
        measure = self._setting.measure
        pen = self._setting.pen(self.text.shapes).tolist()
        start, end = 0, len(pen) - 1
        room = measure.first_width if self.opens else measure.width
        breaks = iter([*np.flatnonzero(self._chars.breaks).tolist(), end])
        following = next(breaks)
        while start < end:
            while following < start:
                following = next(breaks)
            # Behind the first char that is too much.
            stop = bisect_right(pen, pen[start] + room + _FUZZ, start + 1)
            broken = following < min(stop, end)
            if broken:
                stop = following + 1
            elif stop <= end:
                stop = self._turn(start, stop)
            elif pen[end] == pen[start]:
                return
            stop = min(stop, end)
            yield CompatLine(start, stop, pen[stop] - pen[start], broken)
            start, room = stop, measure.width

    def _turn(self, start: int, stop: int) -> int:
        """Ends a line that is one char too long."""
        if not self._is_wide[stop - 1]:
            place = int(self._last_turn[stop - 2]) if stop > 1 else -1
            if place > (start + stop) >> 1:
                stop = place + 2
        hangs = self._hangs[stop - 1] or stop <= start + 1
        return stop if hangs else stop - 1

    @cached_property
    def _is_wide(self) -> Bools:
        wide: Bools = (self._chars.codes >= _WIDE) & (self._chars.codes < MARKER)
        return wide

    @cached_property
    def _last_turn(self) -> Int64s:
        """The last place up to each char behind which reportlab looks back for a better end."""
        turns = self._is_wide | (self._chars.codes == SPACE)
        last: Int64s = np.maximum.accumulate(np.where(turns, np.arange(len(turns)), -1))
        return last

    @cached_property
    def _hangs(self) -> Bools:
        return np.isin(self._chars.codes, _HANGING)

    def _stripped(self, line: CompatLine) -> CompatLine:
        """Removes the spaces at both ends, which still count in a line's width."""
        inked = np.flatnonzero(self._chars.codes[line.start : line.stop] != SPACE)
        if line.stop == len(self._chars.codes):
            return line
        ends = (inked[0], inked[-1] + 1) if len(inked) else (0, 0)
        start, stop = (line.start + int(end) for end in ends)
        return CompatLine(start, stop, line.width, line.broken)


def _has_fragments(chars: _Chars) -> bool:
    """Tells whether reportlab keeps chars in several fragments.

    Each break is one, and so is each newline marker.
    """
    return len(chars.codes) > 1 and bool((chars.breaks | (chars.codes >= MARKER)).any())


def ideograph_paragraphs(groups: Groups, setting: Setting) -> Iterator[IdeographParagraph]:
    """Wraps the groups of a text."""
    for first, stop in pairwise(groups.first.tolist()):
        own = slice(first, stop)
        codes = groups.codes[own]
        chars = _Chars(codes, groups.source[own], codes == NEWLINE, groups.bound[own])
        # A char that XML must escape makes a fragment of its own too.
        escaped = stop - first > 1 and bool(groups.escaped[own].any())
        compound = escaped or _has_fragments(chars)
        yield IdeographParagraph(chars, setting, compound=compound, opens=True)
