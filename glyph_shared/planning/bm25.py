"""Okapi BM25: how well passages match a question, by the words they share.

Weights after Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
Foundations and Trends in Information Retrieval 3(4), 2009, its idf and its length rule;
they find 1.2 < k1 < 2 and 0.5 < b < 0.8 good in many circumstances. The logarithm has one added
inside, so that a word in most passages weighs little and not less than nothing.

Words are compared as they are written: ``offices`` does not find ``office``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

K1 = 1.2
"""How soon further occurrences of a word stop to count."""

B = 0.75
"""How much of a passage's length is held against it, from 0 to 1."""

# Kana, Han, Hangul; Thai, Lao, Myanmar and Khmer: no spaces between words, or few.
_UNSPACED = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\s{_UNSPACED}]+")


class _Separators(dict[int, int]):
    """Maps what is no letter, mark or digit to a space; learns each char once."""

    def __missing__(self, code: int) -> int:
        kept = unicodedata.category(chr(code))[0] in "LMN"
        return self.setdefault(code, code if kept else ord(" "))


_SEPARATORS = _Separators()


def words(text: str) -> Iterator[str]:
    """Yields the words of a text, without case; pairs of chars where a script has no spaces.

    >>> list(words("The Café's code: 4711"))
    ['the', 'café', 's', 'code', '4711']
    >>> list(words("门禁码 7"))
    ['门禁', '禁码', '7']
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_SEPARATORS)
    for run in _RUN.finditer(plain):
        if run["unspaced"] and len(run[0]) > 1:
            yield from (first + second for first, second in pairwise(run[0]))
        else:
            yield run[0]


@dataclass(frozen=True, slots=True)
class Match:
    """How well a passage matches a question.

    Attributes:
        score: Its score; 0 where it shares no word with the question.
        telling: Whether it shares a word that at most half of the passages hold. Without the one
            added inside the logarithm the others would weigh less than nothing. A question that
            has no such word is matched by whatever it has.
    """

    score: float
    telling: bool


def bm25_scores(question: str, passages: Sequence[str]) -> list[float]:
    """Returns the score of each passage; 0 where it shares no word with the question."""
    return [match.score for match in bm25_matches(question, passages)]


def bm25_matches(question: str, passages: Sequence[str]) -> list[Match]:
    """Returns how well each passage matches a question."""
    asked = frozenset(words(question))
    lengths: list[int] = []
    shared: list[Counter[str]] = []
    for passage in passages:
        found = list(words(passage))
        lengths.append(len(found))
        shared.append(Counter(word for word in found if word in asked))
    holding = Counter(word for own in shared for word in own)
    weights = _weights(holding, len(passages))
    telling = {word for word, count in holding.items() if 2 * count <= len(passages)}
    telling = telling or set(holding)
    mean = sum(lengths) / max(1, len(lengths)) or 1.0
    return [
        Match(_score(own, weights, length / mean), not telling.isdisjoint(own))
        for own, length in zip(shared, lengths, strict=True)
    ]


def _score(own: Counter[str], weights: dict[str, float], relative_length: float) -> float:
    return sum(
        weights[word] * _saturated(count, relative_length) for word, count in sorted(own.items())
    )


def _weights(holding: Counter[str], passages: int) -> dict[str, float]:
    """Returns the inverse document frequency of each word of the question that occurs."""
    return {
        word: math.log(1 + (passages - count + 0.5) / (count + 0.5))
        for word, count in holding.items()
    }


def _saturated(count: int, relative_length: float) -> float:
    return count * (K1 + 1) / (count + K1 * (1 - B + B * relative_length))
