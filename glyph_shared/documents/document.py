"""A text that knows where each of its chars came from.

``Document`` holds one string and the ``Origin`` segments that tile it. ``DocumentBuilder`` is how
the readers make one: they add pieces of text in order and say where each piece stands in its file.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from glyph_shared.documents.picture import Picture, PictureFile, SourcePage

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Origin:
    """A stretch of a document's text and the place it was read from.

    Attributes:
        start: First char of the stretch in ``Document.text``.
        end: One past its last char.
        path: The file, relative to the folder that was read, with ``/`` between names.
        line: The line of the file, from 1, that the first char stands on. In a PDF, the line of
            the source page's extracted text.
        source_page: The PDF page, from 1; None where the file has no pages.
        follows_lines: True if each line of the stretch is the next line of the file. False if all
            of it comes from ``line`` alone, as a table row written over several lines does.
    """

    start: int
    end: int
    path: str
    line: int
    source_page: int | None = None
    follows_lines: bool = True


@dataclass(frozen=True, slots=True)
class Location:
    """Where one char of a document stands in its source."""

    path: str
    line: int
    source_page: int | None = None

    def __str__(self) -> str:
        """Writes the place as people do: ``book.txt:12`` or ``paper.pdf p. 3``."""
        if self.source_page is not None:
            return f"{self.path} p. {self.source_page}"
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a part of one, that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Document:
    """A text with the origin of each char.

        document = read_document("src/")
        document.text[:80]
        print(document.locate(1200))        # src/main.py:31

    Attributes:
        text: The whole text, as it will be drawn.
        origins: Sorted, without gaps or overlaps: the first starts at 0, the last ends at the end.
        name: The name of the file or folder, for people to read.
        skipped: What was left out although it was there.
        pictures: Stretches of the text that are shown as their source page looks; sorted, apart.
        source_pages: How each source page of PDFs and image files was read, and why.
    """

    text: str = field(repr=False)
    origins: tuple[Origin, ...] = field(repr=False)
    name: str
    skipped: tuple[Skipped, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    source_pages: tuple[SourcePage, ...] = field(default=(), repr=False)

    @classmethod
    def from_text(cls, text: str, name: str = "text") -> Document:
        """Wraps a string that comes from no file; its lines are counted from 1."""
        return cls(text, (Origin(0, len(text), name, 1),) if text else (), name)

    @classmethod
    def joined(cls, documents: Sequence[Document]) -> Document:
        """Returns several documents as one: each under a header line with its name."""
        builder = DocumentBuilder()
        for document in documents:
            builder.extend_with_header(document, f"=== {document.name} ===")
        return builder.build(", ".join(document.name for document in documents))

    def locate(self, offset: int) -> Location:
        """Finds the file, line and source page of one char.

        Takes logarithmic time; the first call also indexes the line breaks once.

        Raises:
            IndexError: The offset is outside the text.
        """
        if not 0 <= offset < len(self.text):
            raise IndexError(f"offset must be in 0..{len(self.text) - 1}; got {offset}")
        origin = self.origins[bisect_right(self._starts, offset) - 1]
        line = origin.line
        if origin.follows_lines:
            line += self._breaks_before(offset) - self._breaks_before(origin.start)
        return Location(origin.path, line, origin.source_page)

    def _breaks_before(self, offset: int) -> int:
        """Counts the line breaks that end at or before ``offset``."""
        return bisect_right(self._break_ends, offset)

    @cached_property
    def _starts(self) -> array[int]:
        return array("Q", (origin.start for origin in self.origins))

    @cached_property
    def _break_ends(self) -> array[int]:
        return array("Q", (match.end() for match in _LINE_BREAK.finditer(self.text)))


class DocumentBuilder:
    """Collects pieces of text with their origins and makes a ``Document`` of them.

    Neighbouring pieces that continue one another in the file become one ``Origin``, so a file of
    a million lines is one segment and not a million.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._origins: list[Origin] = []
        self._length = 0
        self._next_line = 0
        self._skipped: list[Skipped] = []
        self._pictures: list[Picture] = []
        self._source_pages: list[SourcePage] = []

    def __len__(self) -> int:
        """Returns the number of chars so far."""
        return self._length

    def add(
        self,
        text: str,
        *,
        path: str,
        line: int,
        source_page: int | None = None,
        follows_lines: bool = True,
    ) -> None:
        """Appends ``text``, which begins on ``line`` of ``path``."""
        if not text:
            return
        start, self._length = self._length, self._length + len(text)
        self._pieces.append(text)
        origin = Origin(start, self._length, path, line, source_page, follows_lines)
        if self._origins and self._continues(self._origins[-1], origin):
            last = self._origins.pop()
            origin = Origin(last.start, self._length, path, last.line, source_page, follows_lines)
        self._origins.append(origin)
        self._next_line = line
        if follows_lines:
            self._next_line += sum(1 for _ in _LINE_BREAK.finditer(text))

    def _continues(self, last: Origin, new: Origin) -> bool:
        same_place = (last.path, last.source_page, last.follows_lines) == (
            new.path,
            new.source_page,
            new.follows_lines,
        )
        return same_place and self._next_line == new.line

    def add_picture(
        self,
        text: str,
        file: PictureFile,
        number: int,
        size_pt: tuple[float, float],
        *,
        has_text: bool,
        source_page: int | None,
    ) -> None:
        """Appends ``text`` as a stretch that is shown as page ``number`` of ``file``."""
        start = self._length
        self.add(text, path=file.name, line=1, source_page=source_page)
        self.place(Picture(start, self._length, file, number, size_pt, has_text))

    def place(self, picture: Picture) -> None:
        """Notes that a stretch, added already, is shown as a picture."""
        self._pictures.append(picture)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures so far."""
        return tuple(self._pictures)

    def source_page(self, page: SourcePage) -> None:
        """Notes how a source page was read."""
        self._source_pages.append(page)

    def skip(self, path: str, reason: str) -> None:
        """Notes that something was left out."""
        self._skipped.append(Skipped(path, reason))

    def extend(self, part: Document) -> None:
        """Appends another document with its origins and pictures."""
        self._skipped.extend(part.skipped)
        self._source_pages.extend(part.source_pages)
        self._pictures.extend(picture.moved(self._length) for picture in part.pictures)
        for origin in part.origins:
            self.add(
                part.text[origin.start : origin.end],
                path=origin.path,
                line=origin.line,
                source_page=origin.source_page,
                follows_lines=origin.follows_lines,
            )

    def extend_with_header(self, part: Document, header: str) -> None:
        """Appends a file's text under a header line, an empty line apart from the file before.

        The header is not in the file; it counts as part of the file's first line. A file without
        text adds nothing, not even its header.
        """
        if not part.text.strip():
            self._skipped.extend(part.skipped)
            return
        first, last = part.locate(0), part.locate(len(part.text) - 1)
        gap = "\n" if self._pieces else ""
        self.add(
            f"{gap}{header}\n",
            path=first.path,
            line=first.line,
            source_page=first.source_page,
            follows_lines=False,
        )
        self.extend(part)
        if not part.text.endswith(("\n", "\r")):
            self.add(
                "\n",
                path=last.path,
                line=last.line,
                source_page=last.source_page,
                follows_lines=False,
            )

    def build(self, name: str) -> Document:
        """Returns the document; the builder may be used on."""
        return Document(
            "".join(self._pieces),
            tuple(self._origins),
            name,
            tuple(self._skipped),
            tuple(self._pictures),
            tuple(self._source_pages),
        )
