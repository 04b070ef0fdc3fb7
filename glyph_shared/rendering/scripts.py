"""What each block of Unicode asks of a renderer beyond one shape for one char.

``TRAITS`` tells in one look-up per char whether a text is plain (most are) or needs shaping,
ordering from right to left, or line ends between syllables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from glyph_shared.rendering.arrays import Bytes
from glyph_shared.rendering.normalise import BIDI_CONTROLS, CODE_LIMIT, JOINERS, mark_codes

FIRST_TRAIT = 0x300
"""No char before this one has a trait."""

RIGHT_TO_LEFT, SHAPED, ATTACHED, INVISIBLE = 1, 2, 4, 8
"""Runs from right to left or says so; may change with its neighbours; belongs to the char before
it; is never drawn itself."""

ZWJ = 0x200D

_RIGHT_TO_LEFT = (
    (0x590, 0x8FF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFE),
    (0x10800, 0x10FFF),
    (0x1E800, 0x1EFFF),
)

_SHAPED_SCRIPTS = {
    "Hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "Arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x870, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)),
    "Syriac": ((0x700, 0x74F), (0x860, 0x86F)),
    "Thaana": ((0x780, 0x7BF),),
    "N'Ko": ((0x7C0, 0x7FF),),
    "Samaritan": ((0x800, 0x83F),),
    "Mandaic": ((0x840, 0x85F),),
    "Devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "Bengali": ((0x980, 0x9FF),),
    "Gurmukhi": ((0xA00, 0xA7F),),
    "Gujarati": ((0xA80, 0xAFF),),
    "Oriya": ((0xB00, 0xB7F),),
    "Tamil": ((0xB80, 0xBFF),),
    "Telugu": ((0xC00, 0xC7F),),
    "Kannada": ((0xC80, 0xCFF),),
    "Malayalam": ((0xD00, 0xD7F),),
    "Sinhala": ((0xD80, 0xDFF),),
    "Thai": ((0xE00, 0xE7F),),
    "Lao": ((0xE80, 0xEFF),),
    "Tibetan": ((0xF00, 0xFFF),),
    "Myanmar": ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
    "Hangul letters": ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF)),
    "Philippine": ((0x1700, 0x177F),),
    "Khmer": ((0x1780, 0x17FF), (0x19E0, 0x19FF)),
    "Mongolian": ((0x1800, 0x18AF),),
    "Limbu and Tai": ((0x1900, 0x19DF),),
    "Buginese": ((0x1A00, 0x1A1F),),
    "Tai Tham": ((0x1A20, 0x1AAF),),
    "Balinese": ((0x1B00, 0x1B7F),),
    "Sundanese": ((0x1B80, 0x1BBF), (0x1CC0, 0x1CCF)),
    "Batak": ((0x1BC0, 0x1BFF),),
    "Lepcha": ((0x1C00, 0x1C4F),),
    "Syloti Nagri": ((0xA800, 0xA82F),),
    "Phags-pa": ((0xA840, 0xA87F),),
    "Saurashtra": ((0xA880, 0xA8DF),),
    "Kayah Li": ((0xA900, 0xA92F),),
    "Rejang": ((0xA930, 0xA95F),),
    "Javanese": ((0xA980, 0xA9DF),),
    "Cham": ((0xAA00, 0xAA5F),),
    "Tai Viet": ((0xAA80, 0xAADF),),
    "Meetei Mayek": ((0xAAE0, 0xAAFF), (0xABC0, 0xABFF)),
    "right to left of plane 1": ((0x10800, 0x10FFF), (0x1E800, 0x1EFFF)),
    "Brahmic of plane 1": ((0x11000, 0x11FFF),),
}
"""Scripts whose chars change with their neighbours; what is in none of them has number 0."""

INHERITED = 255
"""Script number of chars that go with the script before them."""

_SHARED = ((0x300, 0x36F), (0x964, 0x965), (0x1AB0, 0x1AFF), (0x1CD0, 0x1CFF), (0x1DC0, 0x1DFF))
_ATTACHED = (0xE33, 0xEB3, 0x302E, 0x302F, *range(0x1F3FB, 0x1F400), *JOINERS)
"""Chars that are no combining marks, but belong to the one before them all the same: the vowels am
of Thai and Lao, tone marks of Hangul, skin colours, joiners."""

_PLAIN = (
    (0x5D0, 0x5F4),
    (0xE01, 0xE30),
    (0xE3F, 0xE46),
    (0xE4F, 0xE5B),
    (0xE81, 0xEB0),
    (0xEBD, 0xEC6),
    (0xED0, 0xEDF),
    (0xF01, 0xF14),
)
"""Chars of Hebrew, Thai, Lao and Tibetan that only marks change; with these they are words."""


@lru_cache(maxsize=1)
def script_numbers() -> Bytes:
    """Returns the number of each char's script: 0 for plain ones, INHERITED for shared marks."""
    table = np.zeros(CODE_LIMIT, np.uint8)
    table[mark_codes()] = INHERITED
    for number, blocks in enumerate(_SHAPED_SCRIPTS.values(), 1):
        for first, last in blocks:
            table[first : last + 1] = number
    for first, last in _SHARED:
        table[first : last + 1] = INHERITED
    table[[0x302E, 0x302F, *range(0x1F3FB, 0x1F400), *JOINERS]] = INHERITED
    return table


def _trait_table() -> Bytes:
    table = np.zeros(CODE_LIMIT, np.uint8)
    for blocks in _SHAPED_SCRIPTS.values():
        for first, last in blocks:
            table[first : last + 1] |= SHAPED
    for first, last in _RIGHT_TO_LEFT:
        table[first : last + 1] |= RIGHT_TO_LEFT
    for first, last in _PLAIN:
        table[first : last + 1] &= ~np.uint8(SHAPED)
    table[mark_codes()] |= SHAPED | ATTACHED
    table[[*_ATTACHED]] |= SHAPED | ATTACHED
    table[[*BIDI_CONTROLS]] = RIGHT_TO_LEFT | INVISIBLE
    table[[*JOINERS]] |= INVISIBLE
    return table


TRAITS = _trait_table()
