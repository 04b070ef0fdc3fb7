"""Which stretches of a text are shaped as one."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes, Int8s, Int64s
from glyph_shared.rendering.line_breaks import is_breaking_space
from glyph_shared.rendering.normalise import NEWLINE, REPLACED
from glyph_shared.rendering.scripts import (
    ATTACHED,
    INHERITED,
    INVISIBLE,
    SHAPED,
    ZWJ,
    script_numbers,
)

MAX_WORD = 256
"""Chars shaped as one; a longer stretch is divided before a char that stands by itself."""


_VIRAMA = 9
"""Combining class of the signs that join a consonant to the next."""


class Words(NamedTuple):
    """Stretches of chars to shape, by their first char and the one behind their last."""

    start: Int64s
    stop: Int64s

    def before(self, end: int) -> Words:
        """Returns those that begin before a char."""
        count = int(np.searchsorted(self.start, end))
        return Words(self.start[:count], self.stop[:count])

    def places(self) -> Int64s:
        """Lists the chars in them."""
        length = self.stop - self.start
        first = np.cumsum(length) - length
        places: Int64s = np.arange(int(length.sum())) + np.repeat(self.start - first, length)
        return places


def words_to_shape(codes: Codes, traits: Bytes, level: Int8s | None) -> Words:
    """Finds stretches of one script and one direction, without spaces.

    Args:
        codes: Chars of a text.
        traits: What is particular about each.
        level: Direction of each, None if all are alike.
    """
    shaped = _shaped(codes, traits)
    script = np.where(shaped, script_numbers()[codes], 0)
    script = script[_last(script != INHERITED)]
    script[script == INHERITED] = 0
    begins = shaped.copy()
    same = shaped[:-1] & (script[1:] == script[:-1])
    if level is not None:
        same &= level[1:] == level[:-1]
    begins[1:] &= ~same
    ends = shaped.copy()
    ends[:-1] &= begins[1:] | ~shaped[1:]
    words = Words(np.flatnonzero(begins), np.flatnonzero(ends) + 1)
    if len(words.start) and (words.stop - words.start).max() > MAX_WORD:
        return _divided(words, codes)
    return words


def _shaped(codes: Codes, traits: Bytes) -> Bools:
    """Tells which chars to shape: those that need it, bases of marks, what joiners join."""
    shaped: Bools = traits & SHAPED != 0
    shaped[:-1] |= traits[1:] & ATTACHED != 0
    shaped[1:] |= codes[:-1] == ZWJ
    shaped &= ~is_breaking_space(codes) & (codes != NEWLINE) & (codes < REPLACED)
    shaped &= (traits & (INVISIBLE | SHAPED)) != INVISIBLE
    return shaped


def _divided(words: Words, codes: Codes) -> Words:
    starts: list[int] = []
    for start, stop in zip(words.start.tolist(), words.stop.tolist(), strict=True):
        starts.append(start)
        while stop - starts[-1] > MAX_WORD:
            following = starts[-1] + MAX_WORD
            while following < stop and _belongs_to_char_before(codes, following):
                following += 1
            if following == stop:
                break
            starts.append(following)
    start_array = np.array(starts, np.int64)
    place = np.searchsorted(words.stop, start_array, side="right")
    return Words(start_array, np.minimum(words.stop[place], np.append(start_array[1:], 1 << 62)))


def _belongs_to_char_before(codes: Codes, place: int) -> bool:
    """Tells whether a char is a mark or joined to what is before it."""
    before, char = chr(codes[place - 1]), chr(codes[place])
    joined = before == chr(ZWJ) or unicodedata.combining(before) == _VIRAMA
    return joined or unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


def _last(wanted: Bools) -> Int64s:
    """Returns for each place the last wanted one up to it."""
    places = np.arange(len(wanted))
    return np.maximum.accumulate(np.where(wanted, places, 0))
