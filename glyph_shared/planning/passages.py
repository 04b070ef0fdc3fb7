"""Documents in passages: cut where the text pauses, put together again with their origins."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from glyph_shared.documents import Document, Picture
from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.planning.pieces import Piece, pieces

GAP = "\n[...]\n"
"""Stands in an excerpt where text was left out, for the model and for people to see."""

# Where a passage may end, the best place first: paragraph, line, sentence, word.
_PAUSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"\n[^\S\n]*\n\s*",
        r"\r\n|\r|\n",
        r"[.!?][\"'”’)\]]*\s+|[。！？]",
        r"\s+",
    )
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one document.

    Attributes:
        document: Position of the document among those of the context.
        start: First char in the document's text.
        end: One past the last.
        picture: The source page that is shown there; None for text.
    """

    document: int
    start: int
    end: int
    picture: Picture | None = None


def split_passages(documents: Sequence[Document], size: int, *, whole: int = 0) -> list[Passage]:
    """Cuts documents into passages of at most ``size`` chars that tile them.

    No passage reaches from one file into the next, and a file of at most ``whole`` chars is one
    passage. A picture of a source page is one, whatever its text's length.
    """
    return [
        passage
        for number, document in enumerate(documents)
        for files in [list(_files(document))]
        for piece in pieces(document)
        for passage in _of_piece(number, document.text, files, piece, size, whole)
    ]


def _of_piece(
    number: int, text: str, files: Sequence[Span], piece: Piece, size: int, whole: int
) -> Iterator[Passage]:
    if piece.picture is not None:
        yield Passage(number, piece.start, piece.end, piece.picture)
        return
    for first, last in files:
        start, end = max(first, piece.start), min(last, piece.end)
        if start < end:
            for window in _windows(text, start, end, size, whole):
                yield Passage(number, *window)


def excerpt(document: Document, spans: Sequence[Span]) -> Document:
    """Returns stretches of a document, in order, with their origins and a ``GAP`` between them.

    Beside a picture there is none: it would be a page of its own.
    """
    builder = DocumentBuilder()
    starts = [origin.start for origin in document.origins]
    shown = [(piece.start, piece.end) for piece in pieces(document) if piece.picture is not None]
    begins, ends = {start for start, _ in shown}, {end for _, end in shown}
    for number, (start, end) in enumerate(spans):
        place = document.locate(start)
        if number and start not in begins and spans[number - 1][1] not in ends:
            builder.add(
                GAP,
                path=place.path,
                line=place.line,
                source_page=place.source_page,
                follows_lines=False,
            )
        for picture in document.pictures:
            if start <= picture.start and picture.end <= end:
                builder.place(picture.moved(len(builder) - start))
        for origin in document.origins[bisect_right(starts, start) - 1 :]:
            if origin.start >= end:
                break
            low = max(start, origin.start)
            builder.add(
                document.text[low : min(end, origin.end)],
                path=origin.path,
                line=document.locate(low).line,
                source_page=origin.source_page,
                follows_lines=origin.follows_lines,
            )
    for skipped in document.skipped:
        builder.skip(skipped.path, skipped.reason)
    shown_at = {(one.file.name, one.number) for one in builder.pictures}
    for page in document.source_pages:
        if page.kind != "picture" or (page.path, page.number) in shown_at:
            builder.source_page(page)
    return builder.build(document.name)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Joins ascending spans where one begins as the one before ends."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _files(document: Document) -> Iterator[Span]:
    for _, group in groupby(document.origins, key=lambda origin: origin.path):
        origins = list(group)
        yield origins[0].start, origins[-1].end


def _windows(text: str, start: int, end: int, size: int, whole: int) -> Iterator[Span]:
    if end - start <= whole:
        yield start, end
        return
    while end - start > size:
        cut = _pause(text, start + size // 2, start + size)
        yield start, cut
        start = cut
    yield start, end


def _pause(text: str, low: int, high: int) -> int:
    """Returns the last good place to cut in a part of the text."""
    for pattern in _PAUSES:
        ends = [match.end() for match in pattern.finditer(text, low, high)]
        if ends:
            return ends[-1]
    return high
