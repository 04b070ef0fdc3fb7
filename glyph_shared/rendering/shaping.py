"""Words of scripts whose chars join, stack or change places, shaped by HarfBuzz.

A word's answer is one shape for each char, so that layout and drawing need not know about shaping:
a cluster's first char has the whole cluster's shape, its others have one that is blank. Words
repeat, so answers are kept.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TypeAlias

import uharfbuzz

from glyph_shared.rendering.font_files import FontFile
from glyph_shared.rendering.fonts import load_font
from glyph_shared.rendering.normalise import REPLACED
from glyph_shared.rendering.scripts import INHERITED, INVISIBLE, TRAITS, script_numbers
from glyph_shared.rendering.shapes import BLANK, MISSING, Composite, Part, ShapeTable

_KEPT_WORDS = 200_000
"""Answers kept before they are all forgotten: some 60 MB."""

_PLAIN_FEATURES = {"kern": False, "liga": False, "clig": False, "calt": False}
"""Letters with marks have the advances of letters without, as all plain text here."""


_Placed: TypeAlias = tuple[int, int, int, int, int]
"""A font's shape as HarfBuzz places it: index, offsets in x and y, advances in x and y."""


class Shaper:
    """Shapes words with the fonts of one table."""

    def __init__(self, table: ShapeTable) -> None:
        self._table = table
        self._known: dict[tuple[str, bool], tuple[int, ...]] = {}
        self._fonts: dict[str, int] = {}
        self._clusters: dict[tuple[int, tuple[_Placed, ...]], int] = {}

    def shape(self, word: str, rightward: bool) -> tuple[int, ...]:
        """Returns the shape of each char.

        Args:
            word: Chars of one script, in reading order.
            rightward: Whether they run from right to left.
        """
        known = self._known.get((word, rightward))
        if known is None:
            known = tuple(self._shaped(word, rightward))
            if len(self._known) >= _KEPT_WORDS:
                self._known.clear()
            self._known[word, rightward] = known
        return known

    def _shaped(self, word: str, rightward: bool) -> Iterator[int]:
        for number, part in self._split_by_font(word):
            if number is None:
                yield from (self._table.lookup[REPLACED] for _ in part)
            else:
                yield from self._shaped_part(part, number, rightward)

    def _split_by_font(self, word: str) -> Iterator[tuple[int | None, str]]:
        """Divides a word between fonts, as rarely as possible: first of all by none.

        The first font that draws one of the chars and has them all draws the word; else each char
        goes to its own, joiners and marks to the one before them if that has them.
        """
        own = [self._font_of(char) for char in word]
        for number in dict.fromkeys(own):
            if number is not None and (own.count(number) == len(own) or self._has(number, word)):
                yield number, word
                return
        for place, char in enumerate(word[1:], 1):
            before = own[place - 1]
            if before is not None and _goes_with_others(char) and self._has(before, char):
                own[place] = before
        place = 0
        for number, chars in groupby(own):
            length = len(list(chars))
            yield number, word[place : place + length]
            place += length

    def _font_of(self, char: str) -> int | None:
        if char not in self._fonts:
            shape = int(self._table.lookup[ord(char)])
            if shape in (MISSING, BLANK):
                return None
            self._fonts[char], _ = self._table.font_of(shape)
        return self._fonts[char]

    def _has(self, number: int, text: str) -> bool:
        """Tells whether a font has all chars, or what they are composed to."""
        has = _char_map(self._table.fonts[number])
        if all(ord(char) in has or TRAITS[ord(char)] & INVISIBLE for char in text):
            return True
        composed = unicodedata.normalize("NFC", text)
        return composed != text and all(ord(char) in has for char in composed)

    def _shaped_part(self, text: str, number: int, rightward: bool) -> Sequence[int]:
        font, units = _harfbuzz_font(self._table.fonts[number])
        buffer = uharfbuzz.Buffer()
        buffer.add_codepoints([ord(char) for char in text])
        # The process's locale must not decide about a page.
        buffer.language = "und"
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if rightward else "ltr"
        is_plain = script_numbers()[ord(text[0])] in (0, INHERITED)
        uharfbuzz.shape(font, buffer, _PLAIN_FEATURES if is_plain else None)
        clusters: dict[int, list[_Placed]] = {}
        for info, placed in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            clusters.setdefault(info.cluster, []).append((info.codepoint, *placed.position))
        shapes = [BLANK] * len(text)
        for place, members in clusters.items():
            key = number, tuple(members)
            if key not in self._clusters:
                self._clusters[key] = self._cluster_shape(number, members, units)
            shapes[place] = self._clusters[key]
        return shapes

    def _cluster_shape(self, number: int, members: Sequence[_Placed], units: int) -> int:
        """Returns the shape that stands for all of a cluster's."""
        parts, pen = [], 0
        for index, x, y, advance, _ in members:
            parts.append(Part(number, index, (pen + x) / units, y / units))
            pen += advance
        return self._table.number_of(Composite(tuple(parts), pen / units))


@lru_cache(maxsize=16)
def shared_shaper(table: ShapeTable) -> Shaper:
    """Returns the process's shaper of a table, so that no word is shaped twice."""
    return Shaper(table)


def _goes_with_others(char: str) -> bool:
    return unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf")


@lru_cache(maxsize=64)
def _char_map(file: FontFile) -> frozenset[int]:
    return frozenset(load_font(file).codepoints.tolist())


@lru_cache(maxsize=64)
def _harfbuzz_font(file: FontFile) -> tuple[uharfbuzz.Font, int]:
    face = uharfbuzz.Face(uharfbuzz.Blob(load_font(file).content), file.face)
    return uharfbuzz.Font(face), face.upem
