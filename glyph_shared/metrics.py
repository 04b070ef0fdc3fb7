"""Scores of a prediction against a reference: pure functions, the higher the better but for errors.

``exact_match`` and ``token_f1`` follow SQuAD's published evaluation (Rajpurkar et al. 2016): case,
punctuation and the articles a, an, the do not count. The character scores count every char.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DROP_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Returns an answer as SQuAD compares it: lower case, no punctuation, articles or extra space.

    Characters written in two ways (composed, full width) are made one first, which leaves English
    as SQuAD has it.
    """
    text = unicodedata.normalize("NFKC", text).lower().translate(_DROP_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction: str, references: str | Sequence[str]) -> float:
    """Returns 1.0 if the prediction equals a reference after ``normalise_answer``, else 0.0."""
    predicted = normalise_answer(prediction)
    return float(any(predicted == normalise_answer(text) for text in _as_list(references)))


def token_f1(prediction: str, references: str | Sequence[str]) -> float:
    """Returns the best harmonic mean of word precision and recall over the references.

    Words are counted as often as they occur. Two empty answers agree, one empty answer does not.
    """
    predicted = normalise_answer(prediction).split()
    return max(
        (_f1(predicted, normalise_answer(text).split()) for text in _as_list(references)),
        default=0.0,
    )


def edit_distance(first: str, second: str) -> int:
    """Counts the insertions, deletions and substitutions of chars that turn one text into another.

    Myers' bit-parallel algorithm in Hyyrö's form, with one Python integer as a column of the
    table: two pages of text take milliseconds.
    """
    if not first:
        return len(second)
    places: dict[str, int] = {}
    for index, char in enumerate(first):
        places[char] = places.get(char, 0) | 1 << index
    last = 1 << len(first) - 1
    column = (1 << len(first)) - 1  # keeps the integers from growing beyond the table
    rises, falls, distance = column, 0, len(first)
    for char in second:
        match = places.get(char, 0)
        diagonal = (((match & rises) + rises) ^ rises) | match | falls
        right_rises = falls | ~(diagonal | rises) & column
        right_falls = rises & diagonal
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises = (right_rises << 1 | 1) & column
        right_falls = right_falls << 1 & column
        rises = right_falls | ~(diagonal | right_rises) & column
        falls = right_rises & diagonal
    return distance


def character_error_rate(prediction: str, reference: str) -> float:
    """Returns the edit distance as a share of the reference's length; it can exceed 1.

    An empty reference gives 0 for an empty prediction and 1 for any other.
    """
    if not reference:
        return float(bool(prediction))
    return edit_distance(prediction, reference) / len(reference)


def character_accuracy(prediction: str, reference: str) -> float:
    """Returns 1 minus the character error rate, and 0 at the least."""
    return max(0.0, 1.0 - character_error_rate(prediction, reference))


def _as_list(references: str | Sequence[str]) -> Sequence[str]:
    return [references] if isinstance(references, str) else references


def _f1(predicted: list[str], expected: list[str]) -> float:
    if not predicted or not expected:
        return float(predicted == expected)
    common = (Counter(predicted) & Counter(expected)).total()
    return 2 * common / (len(predicted) + len(expected))
