"""Chars to shapes: the step between a text's rules and its layout.

Plain text has one shape for each char. Where chars join, stack or run from right to left, their
words are shaped and every char gets its level; layout still has one shape a char, in reading order.
Text arrives in pieces: what the next piece may change is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from glyph_shared.rendering.arrays import Bytes, Codes, Int32s, Int64s
from glyph_shared.rendering.bidi import LTR, RTL, Levels, is_mirrored, resolve_levels
from glyph_shared.rendering.normalise import MARKER, NEWLINE, REPLACED, Normalised, codes_text
from glyph_shared.rendering.scripts import FIRST_TRAIT, INVISIBLE, RIGHT_TO_LEFT, TRAITS
from glyph_shared.rendering.shaping import Shaper
from glyph_shared.rendering.words import Words, words_to_shape

MAX_PART = 1 << 14
"""Chars of a paragraph whose directions are found together; a longer one is taken in parts."""

_WITHOUT_LETTER = 256
"""A paragraph has the direction of its first letter; one that begins with so many chars that are
none, and goes on in another piece, runs from left to right."""


@dataclass(frozen=True, eq=False)
class Written:
    """Chars in reading order, ready for layout.

    Attributes:
        codes: The chars.
        source: Offset in the text of each.
        shapes: Shape of each; a cluster's is its first char's, those of its others are blank.
        levels: Direction of each, None if all run from left to right.
    """

    codes: Codes
    source: Int64s
    shapes: Int32s
    levels: Levels | None = None

    def behind(self, count: int) -> Written:
        """Returns what is left behind a number of chars."""
        levels = self.levels and self.levels.between(count, len(self.codes))
        return Written(self.codes[count:], self.source[count:], self.shapes[count:], levels)


def joined(parts: Sequence[Written]) -> Written:
    """Puts consecutive parts together."""
    if len(parts) == 1:
        return parts[0]
    levels = None
    if any(part.levels is not None for part in parts):
        each = [part.levels or Levels.plain(len(part.codes)) for part in parts]
        levels = Levels(
            np.concatenate([one.level for one in each]), np.concatenate([one.base for one in each])
        )
    return Written(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.shapes for part in parts]),
        levels,
    )


class Scribe:
    """Writes a text that arrives in pieces."""

    def __init__(self, shaper: Shaper, look_up: Callable[[Codes], Int32s]) -> None:
        self._shaper = shaper
        self._look_up = look_up
        self._held_codes: Codes = np.zeros(0, np.uint32)
        self._held_source: Int64s = np.zeros(0, np.int64)
        # Direction of the paragraph that goes on, if it has one, and its chars written so far.
        self._base: int | None = None
        self._offset = 0

    def feed(self, text: Normalised, *, final: bool) -> Written:
        """Writes the next piece, but for its end if the piece after it may change that."""
        codes, source = text.codes, text.source
        if len(self._held_codes):
            codes = np.concatenate((self._held_codes, codes))
            source = np.concatenate((self._held_source, source))
        traits = _traits(codes, needed=self._base == RTL)
        ends = _paragraph_ends(text, codes)
        levels, settled = None, len(codes)
        if self._base == RTL or (traits is not None and (traits & RIGHT_TO_LEFT).any()):
            levels, settled = self._levels(codes, ends)
        elif self._base is None or len(ends):
            settled = _settled_plain(codes, ends)
        words = None
        if traits is not None:
            words = words_to_shape(codes, traits, levels.level if levels else None)
        stop = len(codes)
        if not (final or (len(ends) and ends[-1] == stop)):
            stop = _behind_settled_words(words, settled, stop)
        shapes = self._shapes(codes[:stop], traits, levels, words)
        self._go_on(ends, levels, stop)
        self._held_codes, self._held_source = codes[stop:], source[stop:]
        return Written(codes[:stop], source[:stop], shapes, levels and levels.between(0, stop))

    def _levels(self, codes: Codes, ends: Int64s) -> tuple[Levels, int]:
        """Finds directions, and up to where another piece cannot change them."""
        paragraphs = np.concatenate(([0], ends[ends < len(codes)]))
        offsets = np.zeros(len(paragraphs), np.int64)
        offsets[0] = self._offset
        lengths = np.diff(paragraphs, append=len(codes))
        parts = [
            np.arange(MAX_PART - offset % MAX_PART, length, MAX_PART) + start
            for start, offset, length in zip(paragraphs, offsets, lengths, strict=True)
            if offset % MAX_PART + length > MAX_PART
        ]
        starts = np.sort(np.concatenate((paragraphs, *parts)))
        continues = ~np.isin(starts, paragraphs)
        levels = resolve_levels(codes, starts, continues, self._base)
        return levels, len(codes) if len(ends) and ends[-1] == len(codes) else int(starts[-1])

    def _shapes(
        self, codes: Codes, traits: Bytes | None, levels: Levels | None, words: Words | None
    ) -> Int32s:
        if traits is None or words is None:
            return self._look_up(codes)
        hidden = traits[: len(codes)] & INVISIBLE != 0
        shapes = self._look_up(np.where(hidden, np.uint32(NEWLINE), codes))
        words = words.before(len(codes))
        text = _as_text(codes)
        places = words.places()
        if levels is None:
            rightward = [False] * len(words.start)
        else:
            odd = levels.level[: len(codes)] & 1 != 0
            rightward = odd[words.start].tolist()
            odd[places] = False
            for place in np.flatnonzero(odd & is_mirrored(codes)).tolist():
                [shapes[place]] = self._shaper.shape(text[place], rightward=True)
        stretches = zip(words.start.tolist(), words.stop.tolist(), rightward, strict=True)
        shape = self._shaper.shape
        shaped = chain.from_iterable(shape(text[a:b], turned) for a, b, turned in stretches)
        shapes[places] = np.fromiter(shaped, np.int32, len(places))
        return shapes

    def _go_on(self, ends: Int64s, levels: Levels | None, stop: int) -> None:
        """Remembers what the paragraph in which the next piece begins has been so far."""
        if not stop:
            return
        before = int(np.searchsorted(ends, stop, side="right"))
        start = int(ends[before - 1]) if before else 0
        self._offset = stop - start + (0 if before else self._offset)
        self._base = levels.base[stop - 1] if levels else LTR
        if start == stop:
            self._base, self._offset = None, 0


def _traits(codes: Codes, *, needed: bool) -> Bytes | None:
    """Returns what is particular about each char; None if nothing is and it is not needed."""
    if not needed and (not len(codes) or codes.max() < FIRST_TRAIT):
        return None
    traits = TRAITS[codes]
    return traits if needed or traits.any() else None


def _paragraph_ends(text: Normalised, codes: Codes) -> Int64s:
    """Lists where paragraphs end: behind line breaks, or behind newline markers."""
    if text.marker is None:
        return np.flatnonzero(codes == NEWLINE) + 1
    solid = text.marker.rstrip(" ")
    last = MARKER + len(solid) - 1
    ends = np.flatnonzero(codes == last) + 1 + len(text.marker) - len(solid)
    return np.minimum(ends, len(codes))


def _as_text(codes: Codes) -> str:
    """Returns chars as text of the same length, whatever stands for those beyond Unicode."""
    return codes_text(np.minimum(codes, REPLACED))


def _settled_plain(codes: Codes, ends: Int64s) -> int:
    """Finds the end of what is surely from left to right: not a beginning without a letter."""
    start = int(ends[-1]) if len(ends) else 0
    tail = codes[start : start + _WITHOUT_LETTER]
    if len(tail) == _WITHOUT_LETTER or any(map(str.isalpha, _as_text(tail))):
        return len(codes)
    return start


def _behind_settled_words(words: Words | None, settled: int, size: int) -> int:
    """Finds the end of the settled words; the last char may yet be a mark's base."""
    settled = min(settled, max(size - 1, 0))
    if words is not None and len(words.start):
        last = int(np.searchsorted(words.start, settled)) - 1
        if last >= 0 and (words.stop[last] > settled or words.stop[last] == size):
            return int(words.start[last])
    return settled
