"""How the report shows verdicts: a sign that is legible without colour, and a kind that has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """A verdict's look.

    Attributes:
        sign: One char.
        kind: Its colour: ``good``, ``miss`` (never reached the model), ``wrong`` or ``none``.
    """

    sign: str
    kind: str


SIGNS = {
    "right": Sign("✓", "good"),
    "unanswerable: right": Sign("∅", "good"),
    "gold not retrieved": Sign("N", "miss"),
    "gold split over chunks": Sign("S", "miss"),
    "retrieved but wrong": Sign("W", "wrong"),
    "page misread": Sign("M", "wrong"),
    "wrong": Sign("✗", "wrong"),
    "unanswerable: answered": Sign("A", "wrong"),
    "refused": Sign("R", "none"),
    "failed": Sign("!", "none"),
}
"""All verdicts, in the report's order."""

OUTCOMES = ("all right", "differs", "all wrong", "unanswerable")
"""What a question came to over all arms, in the report's order."""

NOT_ASKED = "not asked"
"""Stands where an arm has no row for a question, as after an interrupted run."""


def sign_of(verdict: str) -> Sign:
    """Returns a verdict's look; one that is not in ``SIGNS`` has its first letter."""
    if verdict == NOT_ASKED:
        return Sign("·", "none")
    return SIGNS.get(verdict, Sign(verdict[:1].upper() or "?", "none"))


def in_order(verdicts: set[str]) -> list[str]:
    """Returns verdicts in the order of ``SIGNS``, others behind them."""
    return [name for name in SIGNS if name in verdicts] + sorted(verdicts - SIGNS.keys())
