"""Rewards from 0 to 1: pure functions of what a model wrote, used in tests, tables and trainers.

Verifiable rewards compare with right answers; format rewards look at the form alone. A thought
between ``<think>`` and ``</think>`` is no part of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from glyph_shared.asking.citations import cited_pages
from glyph_shared.metrics import character_accuracy, exact_match, normalise_answer, token_f1

_THOUGHT = re.compile(r"\A\s*<think>(.*?)</think>", re.S)
_MARK = re.compile(r"</?think>|<\|[a-z_]+\|>")
IDEOGRAPH = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
"""Chars of scripts that put no space between words: Han and kana."""

_CITATION = re.compile(r"\s*\[\s*(?:pages?|pp?\.)[^\]]*\]", re.I)


class Written(NamedTuple):
    """A completion taken apart: the thought, empty if there is none, and the answer."""

    thought: str
    answer: str


def written(completion: str) -> Written:
    """Takes a completion apart; a thought that never ends leaves no answer.

    >>> written("<think>Page 2 says so.</think>Lisbon")
    Written(thought='Page 2 says so.', answer='Lisbon')
    """
    match = _THOUGHT.match(completion)
    if match:
        return Written(match[1].strip(), completion[match.end() :].strip())
    if completion.lstrip().startswith("<think>"):
        return Written(completion.strip().removeprefix("<think>").strip(), "")
    return Written("", completion.strip())


# ---- verifiable ----


def exact(answer: str, references: Sequence[str]) -> float:
    """Returns 1 if an answer is a reference, but for case, articles and punctuation."""
    return exact_match(answer, references)


def f1(answer: str, references: Sequence[str]) -> float:
    """Returns the best harmonic mean of word precision and recall; an ideograph is a word."""
    return token_f1(_spaced(answer), list(map(_spaced, references)))


def listed(answer: str, references: Sequence[str]) -> float:
    """Returns the harmonic mean of precision and recall of the items between commas."""
    given = {normalise_answer(item) for item in answer.split(",")} - {""}
    right = {normalise_answer(item) for item in references}
    return 2 * len(given & right) / (len(given) + len(right))


def levenshtein(answer: str, references: Sequence[str]) -> float:
    """Returns the best similarity by edit distance, every char counted."""
    return max(character_accuracy(answer, reference) for reference in references)


def citations(answer: str, pages: Sequence[int]) -> float:
    """Returns the harmonic mean of precision and recall of the pages that an answer cites."""
    cited, right = set(cited_pages(answer)), set(pages)
    if not cited or not right:
        return float(cited == right)
    return 2 * len(cited & right) / (len(cited) + len(right))


# ---- format ----


def think_form(completion: str) -> float:
    """Returns 1 for one thought, closed, then an answer without marks of the chat; else 0."""
    match = _THOUGHT.match(completion)
    if match is None or _MARK.search(match[1]):
        return 0.0
    answer = completion[match.end() :]
    return float(bool(answer.strip()) and not _MARK.search(answer))


def plain_form(completion: str) -> float:
    """Returns 1 for an answer without thought and marks of the chat; else 0."""
    return float(bool(completion.strip()) and not _MARK.search(completion))


def citation_form(completion: str) -> float:
    """Returns 1 if the answer cites a page as ``[page 3]``; else 0."""
    return float(bool(cited_pages(written(completion).answer)))


def without_citations(answer: str) -> str:
    """Returns an answer without what it cites."""
    return _CITATION.sub("", answer).strip()


def weighted(parts: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Returns the mean of rewards by weight; a reward without one counts nothing."""
    total = sum(weights.get(name, 0.0) for name in parts)
    return sum(value * weights.get(name, 0.0) for name, value in parts.items()) / (total or 1.0)


def _spaced(text: str) -> str:
    return re.sub(IDEOGRAPH, r" \g<0> ", text)
