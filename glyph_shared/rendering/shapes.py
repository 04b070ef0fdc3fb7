"""One table from code to shape over a chain of fonts: coverage, fallback and advances.

Shape numbers run through all fonts of the chain. 0 is a char without a shape so far; 1 draws
nothing and does not move the pen. Which font draws a char depends on the char and on the installed
fonts, never on the order in which a text needs them. Shaping adds composites: several of a font's
shapes, each moved a little, that stand for one cluster of chars.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from glyph_shared.errors import FontError
from glyph_shared.rendering.arrays import Bools, Float64s, Int64s
from glyph_shared.rendering.font_files import (
    DEFAULT_FONT,
    FontFile,
    SystemFont,
    bundled_folder,
    system_fonts,
)
from glyph_shared.rendering.fonts import Font, load_font, pdf_number
from glyph_shared.rendering.normalise import CODE_LIMIT, MARKER, NEWLINE, REPLACED, SPACE
from glyph_shared.rendering.sharing import BUILDING

MISSING = 0
BLANK = 1

_SPACES = (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_BUNDLED_FALLBACKS = (DEFAULT_FONT, "STIXGeneral.ttf")


_COMPOSITES = 1024
"""Numbers set aside for composites at a time."""


class Part(NamedTuple):
    """One of a font's shapes and where it is drawn, in em right of the pen and above the line."""

    font: int
    number: int
    x: float = 0.0
    y: float = 0.0


class Composite(NamedTuple):
    """Shapes drawn together, and their advance in em."""

    parts: tuple[Part, ...]
    advance: float


class ShapeTable:
    """Shapes of one font and of those that stand in where it has none.

    Attributes:
        lookup: Shape of each code (code points, then the replacement and the newline marker).
        advances: Advance of each shape in em, exact.
        pdf_advances: Advance of each shape in em, as positions use it.
    """

    def __init__(self, primary: FontFile, marker: str | None = None) -> None:
        self.lookup = np.zeros(CODE_LIMIT, np.int32)
        self.advances = np.zeros(2)
        self.pdf_advances = np.zeros(2)
        self.fonts: list[FontFile] = []
        # Where each range of numbers starts, and the number of its font (-1: composites).
        self._first: list[int] = []
        self._font: list[int] = []
        self._first_of_font: list[int] = []
        self._composites: dict[Composite, int] = {}
        self._next_composite = 0
        self._parts: dict[int, tuple[Part, ...]] = {}
        self._searched = np.zeros(CODE_LIMIT, np.bool_)
        self.lookup[NEWLINE] = BLANK
        self._add_all(load_font(primary))
        self.primary_covers_ascii = bool(self.lookup[0x20:0x7F].all())
        self._bundled = [
            FontFile(bundled_folder() / name)
            for name in _BUNDLED_FALLBACKS
            if bundled_folder() / name != primary.path
        ]
        spelled = [0xFFFD, *map(ord, marker or "")]
        self.cover(np.array([SPACE, *spelled]))
        self.lookup[[REPLACED, *range(MARKER, MARKER + len(spelled) - 1)]] = self.lookup[spelled]

    @property
    def space(self) -> float:
        """Advance of a space in em."""
        return float(self.advances[self.lookup[SPACE]])

    def cover(self, codes: Int64s) -> Int64s:
        """Brings in installed fonts for chars the table lacks; returns those that no font has."""
        with BUILDING:
            left = codes[(self.lookup[codes] == MISSING) & ~self._searched[codes]]
            if len(left):
                self._searched[left] = True
                self._search(left)
        lacking: Int64s = codes[self.lookup[codes] == MISSING]
        return lacking

    def _search(self, left: Int64s) -> None:
        while self._bundled and (self.lookup[left] == MISSING).any():
            self._add_all(load_font(self._bundled.pop(0)))
        left = left[self.lookup[left] == MISSING]
        for listed in system_fonts() if len(left) else ():
            have = left[covers(listed, left)]
            if len(have):
                self._take(listed.file, have)
                left = left[self.lookup[left] == MISSING]
        spaces = [code for code in left.tolist() if code in _SPACES]
        self.lookup[spaces] = self.lookup[SPACE]

    def font_of(self, shape: int) -> tuple[int, int]:
        """Returns the number of a plain shape's font in the chain, and its index in that font."""
        number = bisect_right(self._first, shape) - 1
        return self._font[number] if number >= 0 else -1, shape - self._first[number]

    def parts(self, shape: int) -> tuple[Part, ...]:
        """Returns what is drawn for a shape."""
        return self._parts.get(shape) or (Part(*self.font_of(shape)),)

    def number_of(self, composite: Composite) -> int:
        """Returns the number of a composite; that of a plain shape if it is no more than that."""
        [first, *others] = composite.parts
        plain = self._first_of_font[first.font] + first.number
        if not others and first.x == first.y == 0 and self.advances[plain] == composite.advance:
            return plain
        with BUILDING:
            known = self._composites.get(composite)
            return known if known is not None else self._add_composite(composite)

    def _add_composite(self, composite: Composite) -> int:
        if len(self._composites) % _COMPOSITES == 0:
            room = np.zeros(_COMPOSITES)
            self._next_composite = self._extend(room, room, -1)
        number = self._next_composite
        self._next_composite += 1
        self.advances[number] = composite.advance
        self.pdf_advances[number] = pdf_number(composite.advance * 1000) * 0.001
        self._parts[number] = composite.parts
        self._composites[composite] = number
        return number

    def _take(self, file: FontFile, codes: Int64s) -> None:
        """Lets an installed font draw some chars; an unreadable one draws none."""
        try:
            font = load_font(file)
        except FontError:
            return
        known_font = file in self.fonts
        first = self._first_of_font[self.fonts.index(file)] if known_font else self._append(font)
        place = np.minimum(np.searchsorted(font.codepoints, codes), len(font.codepoints) - 1)
        known = font.codepoints[place] == codes
        self.lookup[codes[known]] = font.shapes[place[known]] + first

    def _append(self, font: Font) -> int:
        """Puts a font's shapes at the table's end; returns the number of the first."""
        first = self._extend(font.advances, font.pdf_advances, len(self.fonts))
        self.fonts.append(font.file)
        self._first_of_font.append(first)
        return first

    def _extend(self, advances: Float64s, pdf_advances: Float64s, font: int) -> int:
        """Adds a range of shape numbers; returns the first."""
        first = len(self.advances)
        self.advances = np.concatenate((self.advances, advances))
        self.pdf_advances = np.concatenate((self.pdf_advances, pdf_advances))
        self._first.append(first)
        self._font.append(font)
        return first

    def _add_all(self, font: Font) -> None:
        """Lets a font draw every char that no font before it draws."""
        first = self._append(font)
        free = self.lookup[font.codepoints] == MISSING
        self.lookup[font.codepoints[free]] = font.shapes[free] + first


@lru_cache(maxsize=16)
def shape_table(primary: FontFile, marker: str | None) -> ShapeTable:
    """Returns the process's table for a font; it grows as texts need more fonts."""
    return ShapeTable(primary, marker)


def covers(listed: SystemFont, codes: Int64s) -> Bools:
    """Tells which chars an installed font has, by fontconfig's list."""
    starts, ends = _ranges(listed.charset)
    place = np.searchsorted(starts, codes, side="right") - 1
    inside: Bools = (place >= 0) & (codes <= ends[place])
    return inside


@lru_cache(maxsize=4096)
def _ranges(charset: str) -> tuple[Int64s, Int64s]:
    pairs = [part.partition("-") for part in charset.split()]
    bounds = [(int(low, 16), int(high or low, 16)) for low, _, high in pairs] or [(-1, -1)]
    starts, ends = np.array(sorted(bounds), np.int64).T
    return starts, ends
