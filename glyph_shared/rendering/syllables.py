"""Line ends in scripts without spaces between words: between syllables, where spelling shows them.

Words would need a dictionary. A syllable of Thai or Lao surely begins with a vowel that is written
before its consonant, and surely ends behind a short a, an am or a repetition mark; Khmer lines end
before a consonant that is not stacked, those of Myanmar before one that begins a syllable, Tibetan
ones behind the dot between syllables.
"""

from __future__ import annotations

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes
from glyph_shared.rendering.normalise import CODE_LIMIT

FIRST = 0xE00
"""No char before this one is in a script without spaces."""

_MEMBER, _BEGINS, _ENDS, _MAY_FOLLOW, _HOLDS, _CLOSES = 1, 2, 4, 8, 16, 32


def breaks_between_syllables(codes: Codes) -> Bools:
    """Tells after which chars (all but the last) a line may end because a syllable does."""
    traits = _TRAITS[codes]
    before, after = traits[:-1], traits[1:]
    allowed: Bools = (after & _BEGINS != 0) | ((before & _ENDS != 0) & (after & _MAY_FOLLOW != 0))
    allowed &= before & (_MEMBER | _HOLDS) == _MEMBER
    # A consonant that is silenced or stacked upon the next belongs to the syllable before it.
    allowed[:-1] &= traits[2:] & _CLOSES == 0
    return allowed


def _trait_table() -> Bytes:
    table = np.zeros(CODE_LIMIT, np.uint8)
    for first, last in ((0xE00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17DD)):
        table[first : last + 1] = _MEMBER
    for offset in (0, 0x80):  # Lao is laid out like Thai
        table[0xE40 + offset : 0xE45 + offset] |= _BEGINS | _HOLDS | _MAY_FOLLOW
        table[0xE01 + offset : 0xE2F + offset] |= _MAY_FOLLOW
        table[[0xE30 + offset, 0xE33 + offset, 0xE46 + offset]] |= _ENDS
    table[0xF0B] |= _ENDS
    table[0xF40:0xF6D] |= _MAY_FOLLOW
    table[0x1000:0x102B] |= _BEGINS
    table[[0x1039, 0x103A]] |= _CLOSES
    table[0x1780:0x17B4] |= _BEGINS
    table[[0x1039, 0x17D2]] |= _HOLDS
    return table


_TRAITS = _trait_table()
