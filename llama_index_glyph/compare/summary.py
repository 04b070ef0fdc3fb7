"""Figures over all rows: per arm, per pair of arms, and per question. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

from glyph_shared.metrics import (
    Interval,
    bootstrap_mean,
    paired_difference,
    percentile,
    wilson_interval,
)
from glyph_shared.runner import Row
from llama_index_glyph.compare.verdicts import RIGHT

SEED = 0
"""Of the bootstrap, so that a summary can be made again to the digit."""

_ERRORS = 3
"""How many kinds of failures are told."""

Outcome = Literal["all right", "all wrong", "differs", "unanswerable"]

_SCORES: dict[str, Callable[[Row], float]] = {
    "right": lambda row: float(row["verdict"] in RIGHT),
    "exact_match": lambda row: float(row["exact_match"]),
    "f1": lambda row: float(row["f1"]),
}


def summarise(
    rows: Sequence[Row],
    *,
    corpus: Mapping[str, Any],
    settings: Mapping[str, Any],
    created: str | None = None,
    judge: str | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """Returns all figures as plain values, ready for JSON.

    Args:
        rows: One for each question and arm; failed ones score 0.
        corpus: What was asked about.
        settings: How.
        created: When the last answer came, as ISO 8601 has it.
        judge: The name of the judge, if there was one.
        currency: Of the costs.
    """
    arms = {arm: [row for row in rows if row["arm"] == arm] for arm in _names(rows)}
    return {
        "created": created,
        "corpus": dict(corpus),
        "arms": {arm: _figures(own) for arm, own in arms.items()},
        "pairs": [
            _pair(first, second, metric, arms)
            for first, second in combinations(arms, 2)
            for metric in _SCORES
        ],
        "questions": _questions(rows),
        "judge": judge,
        "currency": currency,
        "settings": dict(settings),
    }


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["arm"] for row in rows))


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    answered = [row for row in rows if not row["error"]]
    scores = {name: [score(row) for row in rows] for name, score in _SCORES.items()}
    return {
        "questions": len(rows),
        "failed": len(rows) - len(answered),
        "failures": _failures(rows),
        "verdicts": dict(Counter(row["verdict"] for row in rows)),
        "right": _interval(wilson_interval(sum(scores["right"]), len(rows))),
        "exact_match": _interval(wilson_interval(sum(scores["exact_match"]), len(rows))),
        "f1": _interval(bootstrap_mean(scores["f1"], seed=SEED)),
        "judged": sum(row["judge"] is not None for row in rows),
        "gold_retrieved": _retrieval(answered),
        "tokens": _tokens(answered),
        "pages": _sum(row["page_count"] for row in answered),
        "seconds": {
            name: _times([row[name] for row in answered if row[name] is not None])
            for name in ("retrieve_s", "render_s", "first_token_s", "total_s")
        },
        "cost": _sum(row["cost"] for row in answered),
    }


def _failures(rows: Sequence[Row]) -> dict[str, int]:
    """Counts the errors that failed rows have most often."""
    told = (f"{row['error']['type']}: {row['error']['message']}" for row in rows if row["error"])
    return dict(Counter(told).most_common(_ERRORS))


def _interval(interval: Interval) -> dict[str, float]:
    return {
        "mean": round(interval.mean, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
    }


def _retrieval(rows: Sequence[Row]) -> dict[str, int] | None:
    """Counts how much of the gold was retrieved; None where nothing is, or no gold is known."""
    known = [row for row in rows if row["gold"]]
    if not any(row["retrieved"] for row in known):
        return None
    best = Counter(
        max(
            (hit["holds_gold"] for hit in row["retrieved"]),
            key=("none", "part", "whole").index,
            default="none",
        )
        for row in known
    )
    return {how: best[how] for how in ("whole", "part", "none")}


def _tokens(rows: Sequence[Row]) -> dict[str, Any]:
    """Sums each kind of tokens; None where no row tells it."""
    kinds = ("prompt", "completion", "text", "visual", "cached")
    return {kind: _sum(row["usage"][f"{kind}_tokens"] for row in rows) for kind in kinds}


def _sum(values: Any) -> Any:
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def _times(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {
        "p50": round(percentile(seconds, 0.5), 3),
        "p95": round(percentile(seconds, 0.95), 3),
        "total": round(sum(seconds), 3),
    }


def _pair(
    first: str, second: str, metric: str, arms: Mapping[str, Sequence[Row]]
) -> dict[str, Any]:
    score = _SCORES[metric]
    one, other = ({row["question_id"]: score(row) for row in arms[arm]} for arm in (first, second))
    both = [name for name in one if name in other]
    interval = paired_difference([one[q] for q in both], [other[q] for q in both], seed=SEED)
    return {
        "a": first,
        "b": second,
        "metric": metric,
        "difference": round(interval.mean, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
    }


def _questions(rows: Sequence[Row]) -> list[dict[str, Any]]:
    asked: dict[str, list[Row]] = {}
    for row in rows:
        asked.setdefault(row["question_id"], []).append(row)
    return [
        {
            "question_id": name,
            "question": own[0]["question"],
            "outcome": _outcome(own),
            "verdicts": {row["arm"]: row["verdict"] for row in own},
        }
        for name, own in asked.items()
    ]


def _outcome(rows: Sequence[Row]) -> Outcome:
    if rows[0]["unanswerable"]:
        return "unanswerable"
    right = [row["verdict"] in RIGHT for row in rows]
    return "all right" if all(right) else "differs" if any(right) else "all wrong"
