"""Why an answer is right or wrong, as far as the rows can tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from llama_index_glyph.compare.questions import Gold, Question
from llama_index_glyph.compare.reading import Stretch

Verdict = Literal[
    "right",
    "gold not retrieved",
    "gold split over chunks",
    "retrieved but wrong",
    "page misread",
    "wrong",
    "refused",
    "failed",
    "unanswerable: right",
    "unanswerable: answered",
]

RIGHT: tuple[Verdict, ...] = ("right", "unanswerable: right")

Held = Literal["whole", "part", "none"]
"""How much of a gold place a stretch of text holds."""


def held(gold: Gold, stretch: Stretch) -> Held:
    """Tells how much of a gold place a stretch holds; one without chars is its whole document."""
    document, start, end = stretch
    if document != gold.document:
        return "none"
    if gold.start is None or gold.end is None or (start <= gold.start and gold.end <= end):
        return "whole"
    return "part" if start < gold.end and gold.start < end else "none"


def most_held(golds: Iterable[Gold], stretches: Iterable[Stretch]) -> Held:
    """Tells how much the best of some stretches holds of the best of some gold places."""
    stretches = list(stretches)
    found = {held(gold, stretch) for gold in golds for stretch in stretches}
    return "whole" if "whole" in found else "part" if "part" in found else "none"


def verdict(
    question: Question,
    *,
    right: bool,
    refused: bool,
    shown: tuple[Stretch, ...] | None,
    retrieves: bool,
    has_pages: bool,
) -> Verdict:
    """Names what became of an answer.

    The first that fits: an unanswerable question was refused or answered; the answer is right; its
    gold place was not shown to the model, or no single stretch held all of it; the model refused;
    it had the place and was wrong. Without a gold place a wrong answer is just ``wrong``.

    Args:
        question: What was asked.
        right: Whether the answer counts as right.
        refused: Whether the model said that there is no answer.
        shown: What the model was shown; None means all documents.
        retrieves: Whether the arm chooses what to show.
        has_pages: Whether it shows pages.
    """
    if question.unanswerable:
        return "unanswerable: right" if refused else "unanswerable: answered"
    if right:
        return "right"
    if question.gold and shown is not None and (lost := _lost(question, shown)):
        return lost
    if refused:
        return "refused"
    if not question.gold:
        return "wrong"
    if retrieves:
        return "retrieved but wrong"
    return "page misread" if has_pages else "wrong"


def _lost(question: Question, shown: tuple[Stretch, ...]) -> Verdict | None:
    """Returns how the gold was lost on the way to the model; None if it was not."""
    how = most_held(question.gold, shown)
    if how == "whole":
        return None
    return "gold split over chunks" if how == "part" else "gold not retrieved"
