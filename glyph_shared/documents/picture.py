"""Source pages that are shown as they are: pictures that stand in a document's text.

A picture stands for a stretch of the text, as a drawn page does. The stretch holds the source
page's own text layer, so that its words are found, cited and sent along where they must be exact;
where the page has none, it holds ``OBJECT_MARK`` alone. What is kept is the file's bytes: pixels
are made when a plan knows how large they may be.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from glyph_shared.documents.limits import PdfLimits

OBJECT_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in the text for a picture without text; no search finds it and no font needs it."""

SourcePages = Literal["text", "auto", "pictures"]
"""How the pages of PDFs are read: all as text, each as suits it, or all as pictures."""


@dataclass(frozen=True)
class PictureFile:
    """A PDF or an image file whose source pages are shown.

    Attributes:
        name: The file, as ``Origin.path`` names it.
        kind: What reads it.
        data: Its bytes.
        limits: What drawing it may take.
    """

    name: str
    kind: Literal["pdf", "image"]
    data: bytes = field(repr=False)
    limits: PdfLimits = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """sha256 of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Picture:
    """A source page that is shown as a picture.

    Attributes:
        start: First char of the stretch of ``Document.text`` that it stands for.
        end: One past its last char.
        file: Where it is drawn from.
        number: The source page, from 1.
        size_pt: Its width and height as shown, in points.
        has_text: Whether the stretch holds text of the page, and not the mark alone.
    """

    start: int
    end: int
    file: PictureFile
    number: int
    size_pt: tuple[float, float]
    has_text: bool

    def moved(self, chars: int) -> Picture:
        """Returns the picture so many chars further on."""
        return replace(self, start=self.start + chars, end=self.end + chars)


@dataclass(frozen=True, slots=True)
class SourcePage:
    """How one source page was read, and why.

    Attributes:
        path: The file.
        number: The source page, from 1.
        kind: ``text``, ``picture``, or ``left out``.
        reason: What decided it: ``no text layer``, ``figures cover 45 % of the page``.
    """

    path: str
    number: int
    kind: Literal["text", "picture", "left out"]
    reason: str


def page_ranges(numbers: list[int]) -> str:
    """Writes ascending numbers briefly: ``1-3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
