r"""From a text to the chars that are drawn: one stated rule for everything that is no plain char.

===========================  =====================================================================
char                         rule
===========================  =====================================================================
LF                           ends a line; in marker mode it is drawn as the marker instead
CRLF                         one line break; never divided between two pages or lines
CR, VT, FF, NEL, U+2028/9    a line break
tab                          spaces up to the next multiple of four columns
space, leading or repeated   kept; spaces at a line's end hang invisibly past the margin
no-break spaces              kept; no line break there
soft hyphen, zero-width      dropped: no shape of their own
  chars, BOM, variation
  selectors
zero-width joiners, bidi     kept: they have no ink, but say how their neighbours join and which
  controls                   way these run
combining marks              kept, the first eight in a row; more would only pile up ink
two- and three-em dashes     two and three em dashes, which join to the same line
other C0, DEL, C1            U+FFFD, counted in ``Page.replaced``
lone surrogates,             U+FFFD, counted in ``Page.replaced``
  noncharacters
everything else              kept; markup-like text is text
===========================  =====================================================================

``source`` maps each drawn char to the char of the text it stands for, so that lines and pages can
say which part of the text they show.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes, Int64s

NEWLINE = 0x0A
SPACE = 0x20
REPLACED = 0x110000
"""Code of a char drawn as the replacement; beyond Unicode, so no text contains it."""
MARKER = 0x110001
"""Code of the newline marker's first char; its others follow."""
MARKER_LIMIT = 16
CODE_LIMIT = MARKER + MARKER_LIMIT

JOINERS = (0x200C, 0x200D)
BIDI_CONTROLS = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Marks, embeddings, overrides and isolates of UAX #9."""

TAB_STOP = 4
MAX_MARKS = 8

_EM_DASH, _TWO_EM_DASH, _THREE_EM_DASH = 0x2014, 0x2E3A, 0x2E3B

_KEEP, _BREAK, _DROP, _REPLACE, _TAB, _MARK, _DASH = range(7)


@dataclass(frozen=True, eq=False)
class Normalised:
    """Chars to draw, and the offset in the text that each comes from."""

    codes: Codes
    source: Int64s
    marker: str | None = None

    @property
    def text(self) -> str:
        """The chars as text, the replacement as U+FFFD, a marker as it is spelled."""
        return codes_text(self.codes, self.marker)


class Normaliser:
    """Applies the rules to a text that arrives in pieces."""

    def __init__(self, marker: str | None = None) -> None:
        self._marker = marker
        self._held = ""
        self._offset = 0
        self._column = 0
        self._marks = 0

    @property
    def read(self) -> int:
        """Chars of the text read so far."""
        return self._offset

    def feed(self, piece: str, *, final: bool = False) -> Normalised:
        """Normalises the next piece; a CR at its end waits for the LF that may follow."""
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") and not final else ""
        text = text[: len(text) - len(self._held)]
        codes = text_codes(text)
        source = np.arange(self._offset, self._offset + len(codes), dtype=np.int64)
        self._offset += len(codes)
        actions = _ACTIONS[codes]
        if actions.any():
            codes, source = self._apply(codes, source, actions)
        elif len(codes):
            self._marks = 0
            self._advance_column(codes)
        if self._marker is not None:
            codes, source = _draw_newlines(codes, source, self._marker)
        return Normalised(codes, source, self._marker)

    def _apply(self, codes: Codes, source: Int64s, actions: Bytes) -> tuple[Codes, Int64s]:
        drawn = codes.copy()
        repeats = np.ones(len(codes), np.int64)
        present = np.bincount(actions, minlength=_DASH + 1)
        repeats[actions == _DROP] = 0
        drawn[actions == _REPLACE] = REPLACED
        if present[_BREAK]:
            drawn[actions == _BREAK] = NEWLINE
            repeats[1:][(codes[1:] == NEWLINE) & (codes[:-1] == 0x0D)] = 0
        if present[_DASH]:
            dashes = actions == _DASH
            repeats[dashes] = codes[dashes] - (_TWO_EM_DASH - 2)
            drawn[dashes] = _EM_DASH
        if present[_MARK]:
            self._clamp_marks(actions == _MARK, repeats)
        else:
            self._marks = 0
        tabs = np.flatnonzero(actions == _TAB)
        if len(tabs):
            repeats[tabs] = self._tab_widths(tabs, drawn, repeats)
            drawn[tabs] = SPACE
        drawn = np.repeat(drawn, repeats)
        self._advance_column(drawn)
        return drawn, np.repeat(source, repeats)

    def _clamp_marks(self, marks: Bools, repeats: Int64s) -> None:
        """Drops the marks of a run beyond the allowed number, runs across pieces included."""
        place = np.arange(1, len(marks) + 1)
        before = np.maximum.accumulate(np.where(marks, -self._marks, place))
        run = np.where(marks, place - before, 0)
        repeats[run > MAX_MARKS] = 0
        self._marks = int(run[-1])

    def _tab_widths(self, tabs: Int64s, drawn: Codes, repeats: Int64s) -> Int64s:
        """Finds each tab's width from the chars since the last tab or line break before it."""
        resets = drawn == NEWLINE
        counted = np.where(resets, 0, repeats)
        counted[tabs] = 0
        resets[tabs] = True
        total = np.concatenate(([0], np.cumsum(counted)))
        places = np.flatnonzero(resets)
        rank = np.searchsorted(places, tabs)
        origin = np.where(rank > 0, total[places[rank - 1]], -self._column)
        return TAB_STOP - (total[tabs] - origin) % TAB_STOP

    def _advance_column(self, drawn: Codes) -> None:
        newlines = np.flatnonzero(drawn == NEWLINE)
        since = len(drawn) - 1 - int(newlines[-1]) if len(newlines) else self._column + len(drawn)
        self._column = since % TAB_STOP


def normalise(text: str, marker: str | None = None) -> Normalised:
    """Normalises a whole text at once."""
    return Normaliser(marker).feed(text, final=True)


def text_codes(text: str) -> Codes:
    """Returns the text's code points; lone surrogates pass."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def codes_text(codes: Codes, marker: str | None = None) -> str:
    """Returns codes as text, the replacement as U+FFFD, marker codes by the marker's spelling."""
    shown = np.where(codes == REPLACED, 0xFFFD, codes).astype(np.uint32)
    for place, char in enumerate(marker or ""):
        shown[codes == MARKER + place] = ord(char)
    return shown.tobytes().decode("utf-32-le")


def without_markers(codes: Codes, marker: str | None) -> tuple[Codes, Bools]:
    """Undoes the drawing of newlines: a line break for each marker, and which codes stay."""
    undone, kept = codes.copy(), np.ones(len(codes), np.bool_)
    lead = len(marker or "") - len((marker or "").lstrip(" "))
    seen = np.flatnonzero(codes == MARKER + lead)
    for place in range(-lead, len(marker or "") - lead):
        # A page may begin or end within a marker.
        inside = (seen + place >= 0) & (seen + place < len(codes))
        kept[seen[inside] + place] = False
    undone[seen], kept[seen] = NEWLINE, True
    return undone, kept


def mark_codes() -> Int64s:
    """Returns the chars that combine with the one before them."""
    return np.flatnonzero(_ACTIONS == _MARK)


def is_blank(text: str) -> bool:
    """Tells whether nothing of the text would leave ink."""
    if not text or text.isspace():
        return True
    if len(text) > 4096 and not is_blank(text[:4096]):
        return False
    actions = _ACTIONS[text_codes(text)]
    inked = [char for char, act in zip(text, actions.tolist(), strict=True) if act != _DROP]
    return all(char in _INKLESS or char.isspace() for char in inked)


def _draw_newlines(codes: Codes, source: Int64s, marker: str) -> tuple[Codes, Int64s]:
    """Puts the marker in place of each line break; its spaces stay spaces, where lines may end."""
    newlines = codes == NEWLINE
    repeats = np.where(newlines, len(marker), 1)
    drawn = np.repeat(codes, repeats)
    first = (np.cumsum(repeats) - repeats)[newlines]
    for place, char in enumerate(marker):
        drawn[first + place] = SPACE if char == " " else MARKER + place
    return drawn, np.repeat(source, repeats)


def _action_table() -> Bytes:
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    # Beyond plane 1 only the tag and selector block of plane 14 holds anything but plain chars.
    for block in (range(0x20000), range(0xE0000, 0xE0200)):
        # Filled at once: item by item the table would be most of an import's time.
        categories = map(unicodedata.category, map(chr, block))
        table[block.start : block.stop] = [_BY_CATEGORY.get(name, _KEEP) for name in categories]
    for plane in range(17):
        table[plane * 0x10000 + 0xFFFE : plane * 0x10000 + 0x10000] = _REPLACE
    table[0xFDD0:0xFDF0] = _REPLACE
    table[0xFE00:0xFE10] = table[0xE0100:0xE01F0] = _DROP
    table[[*_VISIBLE_FORMATS, *JOINERS, *BIDI_CONTROLS]] = _KEEP
    table[[0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]] = _BREAK
    table[[_TWO_EM_DASH, _THREE_EM_DASH]] = _DASH
    table[0x09] = _TAB
    table[NEWLINE] = _KEEP
    return table


_BY_CATEGORY = {"Mn": _MARK, "Me": _MARK, "Cf": _DROP, "Cc": _REPLACE, "Cs": _REPLACE}
_VISIBLE_FORMATS = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD]
"""Format chars that have ink: Arabic and Syriac signs that enclose what follows."""
_ACTIONS = _action_table()
_INKLESS = {*"\u034f\u115f\u1160\u2800\u3164\uffa0", *map(chr, (*JOINERS, *BIDI_CONTROLS))}
"""The empty Braille cell, fillers, joiners and controls: no spaces, but nothing to see either."""
