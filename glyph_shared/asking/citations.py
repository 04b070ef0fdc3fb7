"""Ties an answer to the places it rests on, in two independent ways.

The model cites pages ("[page 3]") where the prompt asked it to; and the answer's words are looked
for in the text that the pages were drawn from. Each citation says which of the two found it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from glyph_shared.asking.answer import Citation
from glyph_shared.asking.evidence import find_evidence
from glyph_shared.asking.source import Source
from glyph_shared.asking.special_tokens import restore

_NUMBERS = r"\d+(?:\s*(?:[,，、;&–-]|and)\s*\d+)*"
_MARKER = re.compile(
    rf"\[\s*(?:pages?|pp?\.)\s*({_NUMBERS})\s*\]|\[第?\s*({_NUMBERS})\s*页\]", re.I
)
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)|(\d+)")
_LONGEST_RANGE = 20


def cited_pages(answer: str) -> list[int]:
    """Returns the page numbers, from 1, that an answer cites, each once, in its order.

    >>> cited_pages("Lisbon [page 3], later Porto [pages 5-6, 3].")
    [3, 5, 6]
    """
    numbers: dict[int, None] = {}
    for marker in _MARKER.finditer(answer):
        for match in _RANGE.finditer(marker[1] or marker[2]):
            first, last = int(match[1] or match[3]), int(match[2] or match[3])
            last = last if first <= last <= first + _LONGEST_RANGE else first
            numbers.update(dict.fromkeys(range(first, last + 1)))
    return list(numbers)


def find_citations(
    answer: str, question: str, source: Source, spans: Sequence[tuple[int, int]] = ()
) -> tuple[Citation, ...]:
    """Returns the places an answer rests on: those the model cited, then those found, best first.

    Page numbers outside the document are dropped: the model made them up.

    Args:
        answer: The answer's text.
        question: What was asked.
        source: The text and its pages.
        spans: The parts of the text to look in; empty means all of it.
    """
    cited = [
        source.cite_page(number - 1)
        for number in cited_pages(answer)
        if 1 <= number <= len(source.page_spans)
    ]
    statement = restore(_MARKER.sub("", answer))
    found = [
        source.cite_span(place.char_span, place.score)
        for span in spans or [(0, len(source.text))]
        for place in find_evidence(statement, question, source.text, span)
    ]
    found.sort(key=lambda citation: -citation.score)
    return (*cited, *found)
