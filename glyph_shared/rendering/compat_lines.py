"""The reference's line breaks: reportlab's greedy wrap over words, its long words included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from glyph_shared.rendering.arrays import Codes, Float64s, Int32s, Int64s
from glyph_shared.rendering.compat_text import Words
from glyph_shared.rendering.line_breaks import Measure


@dataclass(frozen=True, slots=True)
class CompatLine:
    """One line: its chars, how wide it counts, and whether a line break (not a wrap) ended it."""

    start: int
    stop: int
    width: float
    broken: bool


@dataclass(frozen=True, eq=False)
class SetText:
    """Chars that lines lie in.

    Attributes:
        codes: The chars.
        source: Offset in the text of each, and of what follows the last.
        shapes: Their shapes.
        gaps: How many spaces that may be stretched come before each char, and in all.
    """

    codes: Codes
    source: Int64s
    shapes: Int32s
    gaps: Int64s


class Paragraph(Protocol):
    """Lines that stay together, or what is left of them on the next page."""

    @property
    def text(self) -> SetText:
        """The chars of its lines."""

    @property
    def lines(self) -> list[CompatLine]:
        """Its lines from here on."""

    @property
    def opens(self) -> bool:
        """Whether the first of them is the paragraph's first."""

    @property
    def compound(self) -> bool:
        """Whether reportlab sees several fragments, which it aligns a little differently."""

    def shown(self, took: int) -> list[CompatLine]:
        """Lists what is drawn of the first ``took`` lines."""

    def after(self, took: int) -> Paragraph:
        """Returns what goes on after so many lines."""


_BLANK = CompatLine(0, 0, 0.0, True)


@dataclass(frozen=True, eq=False)
class WordParagraph:
    """A group's lines of words; it stays as it was wrapped."""

    text: SetText
    lines: list[CompatLine]
    compound: bool
    opens: bool = True

    def shown(self, took: int) -> list[CompatLine]:
        """Lists what is drawn of the first ``took`` lines."""
        # The break that made a blank last line is the one that begins the next page.
        drops = 0 < took < len(self.lines) and self.lines[took - 1] == _BLANK
        return self.lines[: took - drops]

    def after(self, took: int) -> WordParagraph:
        """Begins the remainder with the line break that ended the last line drawn."""
        carried = [_BLANK] if took and self.lines[took - 1].broken else []
        opens = self.opens and not took
        return WordParagraph(self.text, carried + self.lines[took:], self.compound, opens)


class CompatWrap:
    """Wraps a text's words, group by group."""

    def __init__(
        self,
        words: Words,
        text: SetText,
        em_pen: Float64s,
        *,
        space: float,
        font_size: float,
        measure: Measure,
    ) -> None:
        """Finds for every word the word that would begin the next line.

        Args:
            words: The text's words.
            text: Their chars.
            em_pen: Pen position before each of their chars, and after the last, in em.
            space: Advance of a space, in em.
            font_size: Points in an em.
            measure: Room on lines, in points.
        """
        self._words = words
        self._text = text
        self._pen = pen = em_pen * font_size
        self._measure = measure
        # In reportlab's order, whose last digits decide ties.
        self._space = 0.001 * font_size * (1000 * space)
        ems = em_pen[words.stop] - em_pen[words.start]
        self._widths = (0.001 * font_size * (1000 * ems)).tolist()
        begin, end = pen[words.start], pen[words.stop]
        allowance = measure.shrink * np.arange(len(begin))
        reach = begin - allowance + measure.width
        following = np.searchsorted(end - allowance, reach, side="right")
        self._next = np.maximum(following, np.arange(1, len(begin) + 1)).tolist()
        self._start, self._stop = words.start.tolist(), words.stop.tolist()
        self._part_first = words.part_first.tolist()
        room = min(measure.width, measure.first_width)
        long_words = np.flatnonzero(end - begin > room)
        parts = np.searchsorted(words.part_first, long_words, side="right") - 1
        self._parts_with_long_words = set(parts.tolist())
        self._compound = set(words.compound.tolist())

    def paragraphs(self) -> Iterator[WordParagraph]:
        """Yields the groups of lines."""
        first = self._words.group_first.tolist()
        for number in range(len(first) - 1):
            lines = self._group(first[number], first[number + 1])
            compound = number in self._compound or first[number + 1] - first[number] > 1
            yield WordParagraph(self._text, lines, compound)

    def _group(self, first: int, stop: int) -> list[CompatLine]:
        """Wraps one group; a blank last part has no line."""
        lines: list[CompatLine] = []
        for part in range(first, stop):
            last = part == stop - 1
            word, end = self._part_first[part], self._part_first[part + 1]
            if word == end:
                if not last:
                    lines.append(_BLANK)
                continue
            if part in self._parts_with_long_words:
                lines += self._careful(word, end, part == first, not last)
            else:
                lines += self._quick(word, end, part == first, not last)
        return lines

    def _quick(self, word: int, end: int, opens: bool, broken: bool) -> list[CompatLine]:
        lines: list[CompatLine] = []
        if opens and self._measure.first_width != self._measure.width:
            following = min(self._first_line_end(word, end), end)
            lines.append(self._words_line(word, following, broken and following == end))
            word = following
        while word < end:
            following = min(self._next[word], end)
            lines.append(self._words_line(word, following, broken and following == end))
            word = following
        return lines

    def _words_line(self, word: int, following: int, broken: bool) -> CompatLine:
        width = self._widths[word]
        for added in self._widths[word + 1 : following]:
            width = width + self._space + added
        return CompatLine(self._start[word], self._stop[following - 1], width, broken)

    def _line(self, start: int, stop: int, broken: bool) -> CompatLine:
        return CompatLine(start, stop, float(self._pen[stop] - self._pen[start]), broken)

    def _first_line_end(self, word: int, end: int) -> int:
        begin = self._pen[self._start[word]]
        following = word + 1
        while following < end:
            width = self._pen[self._stop[following]] - begin
            if width > self._measure.first_width + self._measure.shrink * (following - word):
                break
            following += 1
        return following

    def _careful(self, word: int, end: int, opens: bool, broken: bool) -> list[CompatLine]:
        """Wraps a part some of whose words are wider than a line.

        Such a word fills what is left of the line and goes on, piece by piece.
        """
        pen, lines = self._pen, []
        room = self._measure.first_width if opens else self._measure.width
        start, stop, count = self._start[word], self._start[word], 0
        while word < end:
            begin, finish = self._start[word], self._stop[word]
            width = pen[finish] - pen[begin]
            used = pen[stop] - pen[start] + (self._space if count else 0.0)
            if used + width <= room + self._measure.shrink * count:
                stop, count, word = finish, count + 1, word + 1
                continue
            if width > room:
                begin = self._fitting(begin, finish, room - used)
                cut = begin if begin > self._start[word] else stop
                lines.append(self._line(start, cut, False))
                room = self._measure.width
                while pen[finish] - pen[begin] > room:
                    piece = self._fitting(begin, finish, room)
                    lines.append(self._line(begin, piece, False))
                    begin = piece
                start, stop, count, word = begin, finish, 1, word + 1
                continue
            lines.append(self._line(start, stop, False))
            room = self._measure.width
            start, stop, count = begin, begin, 0
        lines.append(self._line(start, stop, broken))
        return lines

    def _fitting(self, begin: int, finish: int, room: float) -> int:
        """Finds how far a word's chars fit; at least one, if the whole line is theirs."""
        reach = np.searchsorted(self._pen[begin : finish + 1], self._pen[begin] + room, "right")
        place = begin + int(reach) - 1
        return max(place, begin + 1) if room >= self._measure.width else max(place, begin)
