"""The Unicode bidirectional algorithm (UAX #9): which way each char of a paragraph runs.

The rules are applied to whole arrays. Chars are put in the order of their isolating run sequences,
each between two sentinels that stand for its surroundings, so one pass serves all paragraphs of a
text; only controls, brackets and isolates are looked at one by one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes, Int8s, Int64s
from glyph_shared.rendering.bidi_controls import Explicit, resolve_controls
from glyph_shared.rendering.bidi_types import (
    AL,
    AN,
    BN,
    CS,
    EN,
    ES,
    ET,
    ISOLATE_MARKS,
    LRE,
    NSM,
    ON,
    TYPE_BY_NAME,
    WS,
    B,
    L,
    R,
    is_neutral,
)
from glyph_shared.rendering.brackets import set_brackets
from glyph_shared.rendering.normalise import CODE_LIMIT, MARKER, NEWLINE

LTR, RTL = 0, 1


@dataclass(frozen=True, eq=False)
class Levels:
    """Embedding levels: even ones run from left to right, odd ones from right to left.

    Attributes:
        level: Level of each char.
        base: Level of each char's paragraph, 0 or 1.
    """

    level: Int8s
    base: Int8s

    @classmethod
    def plain(cls, size: int) -> Levels:
        """Returns those of chars that all run from left to right."""
        return cls(np.zeros(size, np.int8), np.zeros(size, np.int8))

    def between(self, start: int, stop: int) -> Levels:
        """Returns the levels of some of the chars."""
        return Levels(self.level[start:stop], self.base[start:stop])


def resolve_levels(
    codes: Codes, starts: Int64s, continues: Bools, first_base: int | None = None
) -> Levels:
    """Finds the level of each char.

    Args:
        codes: Chars of paragraphs.
        starts: First char of each paragraph, or part of one, ascending, 0 first.
        continues: Which of them continue the paragraph before, and so have its direction.
        first_base: Direction of the first paragraph, if it is known; else, as for all the others,
            that of its first letter outside isolates, and from left to right without one.
    """
    types = bidi_types(codes)
    paragraph = np.zeros(len(codes), np.int64)
    paragraph[starts[1:]] = 1
    paragraph = np.cumsum(paragraph)
    explicit = resolve_controls(types, starts, paragraph, continues, first_base)
    base = explicit.bases[paragraph]
    kept = np.flatnonzero(explicit.types != BN)
    level = explicit.level.copy()
    if len(kept):
        level[kept] = _implicit_levels(codes, explicit, kept, paragraph)
    _give_removed_the_level_before(level, base, explicit.types == BN, starts)
    _reset_trailing_spaces(level, base, types, starts[~continues])
    # The marker is spelled from left to right in any paragraph.
    level += (codes >= MARKER) & (base == RTL)
    return Levels(level, base)


def bidi_types(codes: Codes) -> Bytes:
    """Returns the bidirectional type of each char."""
    return _type_table()[codes]


def is_mirrored(codes: Codes) -> Bools:
    """Tells which chars, such as brackets, look the other way from right to left."""
    return _mirrored_table()[np.minimum(codes, 0xFFFF)]


def _implicit_levels(codes: Codes, explicit: Explicit, kept: Int64s, paragraph: Int64s) -> Int8s:
    """Applies rules W1 to I2 to the chars that are not removed."""
    level = explicit.level[kept]
    order, first = _sequences(level, paragraph[kept], explicit, kept)
    before, after = _surroundings(level, paragraph[kept], explicit, kept, order, first)
    # Each sequence between its two sentinels.
    number = np.zeros(len(order), np.int64)
    number[first[1:]] = 1
    number = np.cumsum(number)
    place = np.arange(len(order)) + 2 * number + 1
    types = np.empty(len(order) + 2 * len(first), np.uint8)
    types[place] = explicit.types[kept[order]]
    ends = np.append(first[1:], len(order))
    types[first + 2 * np.arange(len(first))] = before
    types[ends + 2 * np.arange(len(first)) + 1] = after
    own = np.full(len(types), L, np.uint8)
    own[place] = np.where(level[order] & 1, R, L)
    was_mark = types == NSM
    types = _resolve_weak(types)
    chars = np.zeros(len(types), codes.dtype)
    chars[place] = codes[kept[order]]
    sentinel = np.ones(len(types), np.bool_)
    sentinel[place] = False
    set_brackets(types, chars, own, was_mark, sentinel)
    types = _resolve_neutral(types, own)[place]
    odd = (level[order] & 1).astype(np.bool_)
    raised = np.where(odd, types != R, 2 * (types >= EN) + (types == R)).astype(np.int8)
    resolved = np.empty(len(order), np.int8)
    resolved[order] = level[order] + raised
    return resolved


def _sequences(
    level: Int8s, paragraph: Int64s, explicit: Explicit, kept: Int64s
) -> tuple[Int64s, Int64s]:
    """Orders chars by isolating run sequence (X10).

    Returns:
        The chars' numbers, sequence after sequence, and where each sequence begins among them.
    """
    changes = (np.diff(level) != 0) | (np.diff(paragraph) != 0)
    run_start = np.concatenate(([0], np.flatnonzero(changes) + 1))
    if not explicit.partner:
        return np.arange(len(level)), run_start
    run_end = np.append(run_start[1:], len(level))
    run_at = {int(kept[start]): run for run, start in enumerate(run_start.tolist())}
    pieces: list[Int64s] = []
    first, taken, size = [], set(), 0
    for run in range(len(run_start)):
        if run in taken:
            continue
        first.append(size)
        following: int | None = run
        while following is not None:
            taken.add(following)
            pieces.append(np.arange(run_start[following], run_end[following]))
            size += len(pieces[-1])
            last = int(kept[run_end[following] - 1])
            following = run_at.get(explicit.partner.get(last, -1))
    return np.concatenate(pieces), np.array(first, np.int64)


def _surroundings(
    level: Int8s,
    paragraph: Int64s,
    explicit: Explicit,
    kept: Int64s,
    order: Int64s,
    first: Int64s,
) -> tuple[Bytes, Bytes]:
    """Finds the direction before and after each sequence."""
    base = explicit.bases[paragraph]
    earlier = np.where(np.diff(paragraph, prepend=-1) == 0, np.roll(level, 1), base)
    later = np.where(np.diff(paragraph, append=-1) == 0, np.roll(level, -1), base)
    starts, stops = order[first], order[np.append(first[1:], len(order)) - 1]
    opens = np.isin(explicit.types[kept[stops]], ISOLATE_MARKS[:3])
    later_of = np.where(opens, base[stops], later[stops])
    before = np.maximum(level[starts], earlier[starts]) & 1
    after = np.maximum(level[starts], later_of) & 1
    return np.where(before, R, L).astype(np.uint8), np.where(after, R, L).astype(np.uint8)


def _resolve_weak(types: Bytes) -> Bytes:
    """Applies W1 to W7: marks, numbers and what stands between and beside numbers."""
    source = _last(types != NSM)
    moved = types[source]
    moved[(source != np.arange(len(types))) & np.isin(moved, ISOLATE_MARKS)] = ON
    types = moved
    strong = types[_last((types == L) | (types == R) | (types == AL))]
    types[(types == EN) & (strong == AL)] = AN
    types[types == AL] = R
    left, middle, right = types[:-2], types[1:-1].copy(), types[2:]
    same = left == right
    middle[same & (left == EN) & ((middle == ES) | (middle == CS))] = EN
    middle[same & (left == AN) & (middle == CS)] = AN
    types[1:-1] = middle
    terminators = types == ET
    if terminators.any():
        beside = (types[_last(~terminators)] == EN) | (types[_next(~terminators)] == EN)
        types[terminators & beside] = EN
    types[(types == ES) | (types == ET) | (types == CS)] = ON
    strong = types[_last((types == L) | (types == R))]
    types[(types == EN) & (strong == L)] = L
    return types


def _resolve_neutral(types: Bytes, own: Bytes) -> Bytes:
    """Applies N1 and N2: neutral chars between equal directions take that, others their own."""
    neutral = is_neutral(types)
    side = np.where((types == EN) | (types == AN), R, types)
    left, right = side[_last(~neutral)], side[_next(~neutral)]
    return np.where(neutral, np.where(left == right, left, own), types)


def _last(wanted: Bools) -> Int64s:
    """Returns for each place the last wanted one up to it."""
    places = np.arange(len(wanted))
    return np.maximum.accumulate(np.where(wanted, places, 0))


def _next(wanted: Bools) -> Int64s:
    """Returns for each place the next wanted one from it on."""
    return len(wanted) - 1 - _last(wanted[::-1])[::-1]


def _give_removed_the_level_before(
    level: Int8s, base: Int8s, removed: Bools, starts: Int64s
) -> None:
    """Lets controls go with the char before them; they are invisible, but have a place."""
    if removed.any():
        heads = np.zeros(len(level), np.bool_)
        heads[starts] = True
        level[heads & removed] = base[heads & removed]
        level[:] = level[_last(~removed | heads)]


def _reset_trailing_spaces(level: Int8s, base: Int8s, types: Bytes, starts: Int64s) -> None:
    """Gives the spaces at paragraphs' ends their paragraph's level (L1); lines' are not drawn."""
    blank = (types == WS) | (types == BN) | (types >= LRE) | (types == B)
    solid = np.maximum.accumulate(np.where(blank, 0, np.arange(1, len(types) + 1)))
    stops = np.append(starts[1:], len(types))
    for start, stop in zip(np.maximum(starts, solid[stops - 1]).tolist(), stops, strict=True):
        level[start:stop] = base[stop - 1]


@lru_cache(maxsize=1)
def _type_table() -> Bytes:
    table = np.full(CODE_LIMIT, L, np.uint8)
    for block in (range(0x20000), range(0xE0000, 0xE0200)):
        names = map(unicodedata.bidirectional, map(chr, block))
        table[block.start : block.stop] = [TYPE_BY_NAME[name] for name in names]
    # Chars of a later Unicode than Python's: what they will be, by block.
    for first, last, kind in ((0x590, 0x8FF, R), (0x10800, 0x10FFF, R), (0x1E800, 0x1EFFF, R)):
        span = table[first : last + 1]
        names = map(unicodedata.category, map(chr, range(first, last + 1)))
        span[[name == "Cn" for name in names]] = kind
    table[NEWLINE] = table[MARKER:] = TYPE_BY_NAME["B"]
    table[0x110000] = ON
    return table


@lru_cache(maxsize=1)
def _mirrored_table() -> Bools:
    return np.array([unicodedata.mirrored(chr(code)) for code in range(0x10000)], np.bool_)
