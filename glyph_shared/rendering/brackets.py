"""Rule N0 of UAX #9: a pair of brackets takes one direction, so that it keeps what it encloses."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, insort
from functools import lru_cache

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes, Int64s
from glyph_shared.rendering.bidi_types import AN, EN, ON, L, R

_MAX_OPEN = 63

_PAIRS = (
    "()[]{}༺༻༼༽᚛᚜⁅⁆⁽⁾₍₎⌈⌉⌊⌋〈〉❨❩❪❫❬❭❮❯❰❱❲❳❴❵⟅⟆⟦⟧⟨⟩⟪⟫⟬⟭⟮⟯⦃⦄⦅⦆⦇⦈⦉⦊⦋⦌⦍⦐⦏⦎⦑⦒⦓⦔⦕⦖⦗⦘⧘⧙⧚⧛⧼⧽"
    "⸢⸣⸤⸥⸦⸧⸨⸩⹕⹖⹗⹘⹙⹚⹛⹜〈〉《》「」『』【】〔〕〖〗〘〙〚〛﹙﹚﹛﹜﹝﹞（）［］｛｝｟｠｢｣"
)
"""Opening and closing brackets in turn; U+2329 and U+232A are as U+3008 and U+3009."""


def set_brackets(types: Bytes, chars: Codes, own: Bytes, was_mark: Bools, sentinel: Bools) -> None:
    """Sets the types of paired brackets, and of marks on them, in place.

    Args:
        types: Types behind the rules for numbers, in sequences between sentinels.
        chars: The chars.
        own: Direction of each char's level.
        was_mark: Which chars are combining marks.
        sentinel: Which places are the ends of a sequence.
    """
    if not len(chars) or chars.max() < 0x28:
        return
    places = np.flatnonzero(_bracket_table()[np.minimum(chars, 0xFFFF)] & (types == ON))
    pairs = _pairs(places.tolist(), chars, np.cumsum(sentinel)) if len(places) else []
    if not pairs:
        return
    rightward = (types == R) | (types == EN) | (types == AN)
    strong = np.flatnonzero((types == L) | rightward)
    lefts = np.concatenate(([0], np.cumsum(types == L)))
    rights = np.concatenate(([0], np.cumsum(rightward)))
    settled: list[int] = []
    for start, stop in pairs:
        has = {
            L: bool(lefts[stop] - lefts[start + 1]),
            R: bool(rights[stop] - rights[start + 1]),
        }
        direction = int(own[start])
        other = R if direction == L else L
        if not has[direction]:
            if not has[other]:
                continue
            if _before(types, strong, settled, start) == other:
                direction = other
        for place in (start, stop):
            insort(settled, place)
            types[place] = direction
            while was_mark[place + 1]:
                place += 1
                types[place] = direction


def _before(types: Bytes, strong: Int64s, settled: list[int], place: int) -> int:
    """Finds the direction of what comes before a bracket, brackets settled so far included."""
    at = int(strong[np.searchsorted(strong, place) - 1])
    earlier = bisect_left(settled, place)
    if earlier:
        at = max(at, settled[earlier - 1])
    return L if types[at] == L else R


def _pairs(places: list[int], chars: Codes, sequence: Int64s) -> list[tuple[int, int]]:
    """Pairs brackets of the same sequence (BD16), in the order of their opening."""
    partner = _partners()
    found: list[tuple[int, int]] = []
    waiting: list[tuple[int, int]] = []
    inside, overflown = -1, False
    for place in places:
        if sequence[place] != inside:
            inside, overflown = int(sequence[place]), False
            waiting.clear()
        if overflown:
            continue
        char = int(chars[place])
        if char in partner:
            overflown = len(waiting) == _MAX_OPEN
            waiting.append((partner[char], place))
            continue
        char = _canonical(char)
        for depth in range(len(waiting) - 1, -1, -1):
            if waiting[depth][0] == char:
                found.append((waiting[depth][1], place))
                del waiting[depth:]
                break
    return sorted(found)


def _canonical(code: int) -> int:
    return ord(unicodedata.normalize("NFC", chr(code)))


@lru_cache(maxsize=1)
def _partners() -> dict[int, int]:
    """Maps each opening bracket to its closing one."""
    codes = [ord(char) for char in _PAIRS]
    return dict(zip([*codes[::2], 0x2329], [*codes[1::2], 0x3009], strict=True))


@lru_cache(maxsize=1)
def _bracket_table() -> Bools:
    table = np.zeros(0x10000, np.bool_)
    table[[ord(char) for char in _PAIRS]] = True
    table[[0x2329, 0x232A]] = True
    return table
