"""The reference's text rules: what reaches its pages, as words with single spaces between them.

Soft hyphens and zero-width spaces go; runs of two or more spaces become as many unbreakable ones;
lines are joined in groups of 30, one paragraph each, and inside a group every other run of
whitespace is one space, or nothing at a line's edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bools, Codes, Int64s
from glyph_shared.rendering.normalise import CODE_LIMIT, MARKER, NEWLINE, SPACE, text_codes

LINES_PER_GROUP = 30
NO_BREAK_SPACE = 0xA0

_ESCAPED = np.array([*map(ord, "&<>")], np.uint32)


@dataclass(frozen=True, eq=False)
class Words:
    """The words of a text in the reference's order.

    Attributes:
        codes: Words with one space between those of a part; parts follow each other directly.
        source: Offset in the text of each of these chars.
        start: Start of each word.
        stop: End of each word.
        part_first: First word of each part (a line, or a group's joined lines), and the end.
        group_first: First part of each group, and the end.
        compound: Groups with a newline marker, or a char that XML must escape.
    """

    codes: Codes
    source: Int64s
    start: Int64s
    stop: Int64s
    part_first: Int64s
    group_first: Int64s
    compound: Int64s


@dataclass(frozen=True, eq=False)
class Groups:
    """The chars of a text with ideographs, group by group.

    Attributes:
        codes: Chars, a line feed for each line break.
        source: Offset in the text of each.
        bound: Which are spaces that no line breaks at.
        escaped: Which make a fragment of their own, as entities and markers do.
        first: First char of each group, and the end.
    """

    codes: Codes
    source: Int64s
    bound: Bools
    escaped: Bools
    first: Int64s


def split_words(text: str, marker: str | None) -> Words:
    """Applies the reference's rules to a text."""
    codes, source = _visible(text)
    newline = codes == NEWLINE
    if marker is not None:
        codes, source, newline = _mark_newlines(codes, source, newline, marker)
    white = _WHITE[codes]
    edges = np.flatnonzero(np.diff(np.concatenate(([True], white, [True]))))
    start, stop = edges[::2], edges[1::2]
    breaks = np.flatnonzero(newline)
    part = np.searchsorted(breaks, start)
    kept = ~white
    joins = stop[:-1][part[1:] == part[:-1]]
    kept[joins] = True
    codes[joins] = SPACE
    codes[codes == NO_BREAK_SPACE] = SPACE
    place: Int64s = np.cumsum(kept) - kept
    parts = len(breaks) + 1
    per_group = LINES_PER_GROUP if marker is None else 1
    fragments = np.flatnonzero(_is_fragment(codes))
    return Words(
        codes=codes[kept],
        source=source[kept],
        start=place[start],
        stop=place[start] + (stop - start),
        part_first=np.searchsorted(part, np.arange(parts + 1)),
        group_first=np.append(np.arange(0, parts, per_group), parts),
        compound=np.unique(np.searchsorted(breaks, fragments) // per_group),
    )


def has_ideographs(text: str) -> bool:
    """Tells whether the reference wraps a text between any two chars."""
    codes = text_codes(text)
    return bool(((codes >= 0x4E00) & (codes <= 0x9FFF)).any())


def split_groups(text: str, marker: str | None) -> Groups:
    """Applies the reference's rules to a text with ideographs: lines keep a space at their edges.

    Only those at the edges of a group go.
    """
    codes, source = _visible(text)
    newline = codes == NEWLINE
    parting = newline & (np.cumsum(newline) % LINES_PER_GROUP == 0)
    white = _WHITE[codes] & ~newline
    kept = ~white & ~parting
    begin, end = _runs(white)
    edge = np.concatenate(([True], parting, [True]))
    inner = begin[~(edge[begin] | edge[end + 1])]
    kept[inner] = True
    codes[inner] = SPACE
    group = np.cumsum(parting)[kept]
    codes, source = codes[kept], source[kept]
    if marker is not None:
        newline = codes == NEWLINE
        group = np.repeat(group, np.where(newline, len(marker), 1))
        codes, source, _ = _mark(codes, source, newline, newline, marker)
    bound = codes == NO_BREAK_SPACE
    return Groups(
        codes=np.where(bound, np.uint32(SPACE), codes),
        source=source,
        bound=bound,
        escaped=_is_fragment(codes),
        first=np.searchsorted(group, np.arange(int(np.count_nonzero(parting)) + 2)),
    )


def _is_fragment(codes: Codes) -> Bools:
    """Tells which chars reportlab reads as a fragment of their own: entities, and markers."""
    return np.isin(codes, _ESCAPED) | (codes >= MARKER)


def _visible(text: str) -> tuple[Codes, Int64s]:
    """Drops soft hyphens and zero-width spaces, and binds runs of spaces."""
    codes = text_codes(text)
    kept = (codes != 0xAD) & (codes != 0x200B)
    return _bind_space_runs(codes[kept]), np.flatnonzero(kept)


def _runs(flags: Bools) -> tuple[Int64s, Int64s]:
    """Finds where runs of set flags begin, and the places behind them."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return edges[::2], edges[1::2]


def _bind_space_runs(codes: Codes) -> Codes:
    """Turns spaces beside spaces into no-break spaces."""
    space = np.concatenate(([False], codes == SPACE, [False]))
    run = space[1:-1] & (space[:-2] | space[2:])
    return np.where(run, np.uint32(NO_BREAK_SPACE), codes)


def _mark_newlines(
    codes: Codes, source: Int64s, newline: Bools, marker: str
) -> tuple[Codes, Int64s, Bools]:
    """Draws the line breaks inside groups as the marker; every 30th stays a break."""
    drawn = newline & (np.cumsum(newline) % LINES_PER_GROUP != 0)
    return _mark(codes, source, newline, drawn, marker)


def _mark(
    codes: Codes, source: Int64s, newline: Bools, drawn: Bools, marker: str
) -> tuple[Codes, Int64s, Bools]:
    """Puts the marker in place of some line breaks."""
    repeats = np.where(drawn, len(marker), 1)
    first = (np.cumsum(repeats) - repeats)[drawn]
    codes, source = np.repeat(codes, repeats), np.repeat(source, repeats)
    for place, char in enumerate(marker):
        codes[first + place] = SPACE if char == " " else MARKER + place
    return codes, source, np.repeat(newline & ~drawn, repeats)


def _white_table() -> Bools:
    table = np.zeros(CODE_LIMIT, np.bool_)
    for code in range(0x3001):
        table[code] = chr(code).isspace() and code != NO_BREAK_SPACE
    return table


_WHITE = _white_table()
