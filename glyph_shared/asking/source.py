"""The text behind the pages: which page a char stands on, and which file it came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from glyph_shared.asking.answer import Citation
from glyph_shared.documents import Location
from glyph_shared.rendering import Page

_REPEATED = re.compile(" {2,}|\u2014{2,}")


@dataclass(frozen=True)
class Source:
    """A text, the pages drawn from it, and the way back to its files.

    Attributes:
        text: What the pages were drawn from.
        page_spans: The char span of each page, in order; empty where the text went along as text.
        locate: Finds the file and line of a char; None for a text that came from no file.
    """

    text: str
    page_spans: tuple[tuple[int, int], ...] = ()
    locate: Callable[[int], Location] | None = None

    @classmethod
    def of_pages(cls, pages: Sequence[Page]) -> Source:
        """Returns what pages alone tell: what is drawn on their lines, each at its place.

        Drawn newline markers are the line breaks they stand for. Pages of several texts, whose
        spans overlap, give no text to look in.
        """
        spans = tuple(page.char_span for page in pages)
        if any(start < stop for (_, stop), (start, _) in pairwise(spans)):
            return cls("", spans)
        return cls("".join(_drawn_text(pages)), spans)

    def page_at(self, offset: int) -> int | None:
        """Returns the index of the page on which a char stands."""
        index = bisect_right([start for start, _ in self.page_spans], offset) - 1
        return index if index >= 0 and offset < self.page_spans[index][1] else None

    def cite_page(self, index: int) -> Citation:
        """Returns the citation of a whole page that the model named."""
        return self._citation(self.page_spans[index], index, quote="", found_by="model", score=1.0)

    def cite_span(self, span: tuple[int, int], score: float) -> Citation:
        """Returns the citation of a place where the answer's words were found."""
        quote = self.text[slice(*span)]
        page = self.page_at(span[0])
        return self._citation(span, page, quote=quote, found_by="text", score=round(score, 3))

    def _citation(
        self,
        span: tuple[int, int],
        page: int | None,
        *,
        quote: str,
        found_by: Literal["model", "text"],
        score: float,
    ) -> Citation:
        known = self.locate is not None and span[0] < len(self.text)
        place = self.locate(span[0]) if self.locate is not None and known else None
        return Citation(
            page_index=page,
            char_span=span,
            path=place.path if place else None,
            line=place.line if place else None,
            source_page=place.source_page if place else None,
            quote=quote,
            found_by=found_by,
            score=score,
        )


def _drawn_text(pages: Sequence[Page]) -> Iterator[str]:
    """Yields the drawn lines, each as long as what it stands for, so that chars keep offsets."""
    end = 0
    for page in pages:
        for (start, stop), line in zip(page.lines, page.unmarked_lines, strict=True):
            yield " " * (start - end) + _fitted(line, stop - start)
            end = stop


def _fitted(line: str, length: int) -> str:
    """Fills a line up with spaces, or takes away what tabs and long dashes were drawn as."""
    surplus = len(line) - length

    def shortened(run: re.Match[str]) -> str:
        nonlocal surplus
        less = min(surplus, len(run[0]) - 1)
        surplus -= less
        return run[0][less:]

    if surplus > 0 and line[length:].strip(" "):
        line = _REPEATED.sub(shortened, line)
    return line[:length].ljust(length)
