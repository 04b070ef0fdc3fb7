"""Scores of a prediction against a reference: pure functions, the higher the better but for errors.

``exact_match`` and ``token_f1`` follow SQuAD's published evaluation (Rajpurkar et al. 2016): case,
punctuation and the articles a, an, the do not count. The character scores count every char.

Intervals tell how far a mean over some questions may be from that over all questions like them.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DROP_PUNCTUATION = str.maketrans("", "", string.punctuation)

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the bounds that hold it with ``CONFIDENCE``.

    Attributes:
        mean: The mean of the values given.
        low: The lower bound.
        high: The upper bound.
    """

    mean: float
    low: float
    high: float


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


def contains_answer(prediction: str, references: str | Sequence[str]) -> float:
    """Returns 1.0 if a reference stands in the prediction as whole words, else 0.0.

    Compared after ``normalise_answer``. For models that answer in sentences; a prediction that
    lists many guesses passes too, so it belongs beside ``exact_match``.
    """
    predicted = f" {normalise_answer(prediction)} "
    expected = (normalise_answer(text) for text in _as_list(references))
    return float(any(f" {text} " in predicted for text in expected if text))


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


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the value below which a share of the values lies, between neighbours by proportion.

    Args:
        values: At least one.
        share: From 0 (the least) to 1 (the greatest).
    """
    return float(np.quantile(values, share))


def bootstrap_mean(
    values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Returns the mean of values and its percentile bootstrap interval (Efron 1979).

    Values that are all alike give an interval without width, whatever their number: of shares
    near 0 or 1 ``wilson_interval`` tells more.
    """
    array = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = [array[rng.integers(len(array), size=len(array))].mean() for _ in range(resamples)]
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(fmean(values), float(low), float(high))


def paired_difference(
    first: Sequence[float], second: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Returns the mean of first minus second over the same questions, and its interval.

    Questions are drawn, not scores: what is hard for both does not widen the interval.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    return bootstrap_mean(differences, seed=seed, resamples=resamples)


def wilson_interval(hits: float, total: int) -> Interval:
    """Returns a share of yes-or-no scores and its interval after Wilson (1927).

    It has width where all scores are alike, too: 10 of 10 is not certainty.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, weight = hits / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return Interval(share, max(0.0, middle - reach), min(1.0, middle + reach))


def _as_list(references: str | Sequence[str]) -> Sequence[str]:
    return [references] if isinstance(references, str) else references


def _f1(predicted: list[str], expected: list[str]) -> float:
    if not predicted or not expected:
        return float(predicted == expected)
    common = (Counter(predicted) & Counter(expected)).total()
    return 2 * common / (len(predicted) + len(expected))
