"""A document as it is drawn: stretches of text, and pictures between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from glyph_shared.documents import Document, Picture


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a document that is drawn as text, or shown as a picture.

    Attributes:
        start: First char in ``Document.text``.
        end: One past the last.
        picture: What is shown; None for text.
    """

    start: int
    end: int
    picture: Picture | None = None


def pieces(document: Document) -> Iterator[Piece]:
    """Yields the pieces of a document, which tile it.

    White space beside a picture belongs to the picture: it makes no page of its own.
    """
    pending: Piece | None = None
    at = 0
    for picture in document.pictures:
        between = document.text[at : picture.start]
        if between.strip():
            if pending:
                yield pending
            yield Piece(at, picture.start)
            pending, at = None, picture.start
        elif pending:
            yield Piece(pending.start, picture.start, pending.picture)
            at = picture.start
        pending, at = Piece(at, picture.end, picture), picture.end
    rest = document.text[at:]
    if pending and not rest.strip():
        yield Piece(pending.start, len(document.text), pending.picture)
        return
    if pending:
        yield pending
    yield Piece(at, len(document.text))
