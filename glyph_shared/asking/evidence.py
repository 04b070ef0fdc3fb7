"""Finds where in a text the words of an answer stand. Pure functions over strings.

A statement is looked for at the places of its rarest words. A place fits by the share of the
statement's words that stand around it, rare words counting more; of places that fit alike, the
one with more of the question's words near it is taken ("8812" may stand anywhere, but beside
"access code" and "Lisbon" only once).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
_STATEMENT_END = re.compile(
    r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bNo)[.!?]+[\"'”’)\]]*\s+|[。！？\n]+"
)

LEAST_SHARE = 0.6
"""A statement with fewer of its words (weighted) at any place counts as not found."""
_EXACT_ONLY_BELOW = 3
_SHORT = 6
_COMMON = 20
_NEAR = 40
_PLACES_PER_WORD = 200
_LEADING_WORDS = 3
_WIDEST_GAP = 6


@dataclass(frozen=True)
class Evidence:
    """A place in the text, as a half-open char span, and how well it fits, from 0 to 1."""

    char_span: tuple[int, int]
    score: float


def find_evidence(
    answer: str, question: str, text: str, span: tuple[int, int] | None = None, *, most: int = 5
) -> list[Evidence]:
    """Returns the best place for each statement of an answer, best first; may be empty.

    Args:
        answer: The answer, without page markers.
        question: What was asked; its words decide between places that fit alike.
        text: The text to look in.
        span: The part of it to look in; None means all.
        most: The largest number of places returned.
    """
    start, stop = span or (0, len(text))
    index = _WordIndex(text[start:stop], start)
    asked = frozenset(_words(question))
    found: dict[tuple[int, int], Evidence] = {}
    for statement in _statements(answer):
        place = index.best_place(statement, asked - frozenset(statement))
        if place is not None and (known := found.get(place.char_span, place)).score <= place.score:
            found[known.char_span] = place
    return sorted(found.values(), key=lambda place: -place.score)[:most]


def _reach(statement: list[str]) -> int:
    """Returns how many words to either side of a place may belong to a statement."""
    return 2 * len(statement) + 4


def _words(text: str) -> list[str]:
    return [match[0].casefold() for match in _WORD.finditer(text)]


def _statements(answer: str) -> Iterator[list[str]]:
    for part in _STATEMENT_END.split(answer):
        if words := _words(part):
            yield words


class _WordIndex:
    """The words of a text and where each stands."""

    def __init__(self, text: str, offset: int) -> None:
        self._words: list[str] = []
        self._spans: list[tuple[int, int]] = []
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for number, match in enumerate(_WORD.finditer(text)):
            word = match[0].casefold()
            self._words.append(word)
            self._spans.append((match.start() + offset, match.end() + offset))
            self._places[word].append(number)

    def best_place(self, statement: list[str], asked: frozenset[str]) -> Evidence | None:
        exact = list(islice(self._exact_places(statement), _PLACES_PER_WORD))
        if exact:
            return self._judge_exact(exact, statement, asked)
        if len(statement) < _EXACT_ONLY_BELOW:
            return None
        wanted = frozenset(statement)
        total = sum(self._weight(word) for word in wanted)
        best: tuple[float, float, int] | None = None
        for place in self._leads(statement):
            around = self._around(place, _reach(statement))
            share = sum(self._weight(word) for word in wanted & around) / total
            key = (share, self._nearness(place, asked), -place)
            best = max(best, key) if best is not None else key
        if best is None or best[0] < LEAST_SHARE:
            return None
        return Evidence(self._tight_span(-best[2], wanted, _reach(statement)), best[0])

    def _exact_places(self, statement: list[str]) -> Iterator[int]:
        """Yields the word numbers where the whole statement stands, word for word."""
        rarest = min(statement, key=lambda word: len(self._places.get(word, ())))
        before = statement.index(rarest)
        for place in self._places.get(rarest, ()):
            first = place - before
            if first >= 0 and self._words[first : first + len(statement)] == statement:
                yield first

    def _judge_exact(
        self, places: Sequence[int], statement: list[str], asked: frozenset[str]
    ) -> Evidence | None:
        nearness, place = max((self._nearness(place, asked), -place) for place in places)
        first, last = -place, -place + len(statement) - 1
        score = 1.0 if len(statement) > _SHORT else 0.5 + 0.5 * nearness
        # A short answer that stands in several places, none of them near what was asked, proves
        # nothing; nor does a common word such as "yes", wherever it stands.
        if len(statement) < _EXACT_ONLY_BELOW and len(places) > 1 and score < LEAST_SHARE:
            return None
        if len(statement) == 1 and len(places) > _COMMON:
            return None
        return Evidence((self._spans[first][0], self._spans[last][1]), score)

    def _leads(self, statement: list[str]) -> Iterator[int]:
        """Yields the places of the statement's rarest words."""
        present = {word for word in statement if word in self._places}
        rarest = sorted(present, key=lambda word: (len(self._places[word]), word))
        for word in rarest[:_LEADING_WORDS]:
            yield from self._places[word][:_PLACES_PER_WORD]

    def _nearness(self, place: int, asked: frozenset[str]) -> float:
        """Returns the weighted share of the question's words that stand near a place."""
        known = [word for word in asked if word in self._places]
        total = sum(self._weight(word) for word in known)
        if not total:
            return 0.0
        around = self._around(place, _NEAR)
        return sum(self._weight(word) for word in known if word in around) / total

    def _around(self, place: int, reach: int) -> frozenset[str]:
        return frozenset(self._words[max(0, place - reach) : place + reach + 1])

    def _weight(self, word: str) -> float:
        return math.log((len(self._words) + 1) / (len(self._places.get(word, ())) + 0.5)) + 0.01

    def _tight_span(self, place: int, wanted: frozenset[str], reach: int) -> tuple[int, int]:
        """Returns the span of the heaviest run of wanted words around a place.

        Small words stand everywhere; one that is far from the others is no part of the statement.
        """
        low, high = max(0, place - reach), min(len(self._words), place + reach + 1)
        runs: list[list[int]] = []
        for number in range(low, high):
            if self._words[number] in wanted:
                if not runs or number - runs[-1][-1] > _WIDEST_GAP:
                    runs.append([])
                runs[-1].append(number)
        best = max(runs, key=lambda run: sum(self._weight(self._words[number]) for number in run))
        return self._spans[best[0]][0], self._spans[best[-1]][1]
