"""Rankings of answers by people, as pairs of a better and a worse one.

A line of a file of rankings is JSON: an example as ``training.data`` writes it under ``example``,
``answers`` of a model to it, and their ``ranking``, from best to worst, as positions in
``answers``. Positions in a list within it are as good as each other: ``[2, [0, 1], 3]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from glyph_shared import InputError
from training.tasks.example import Example, from_row


@dataclass(frozen=True)
class Preference:
    """Of two answers to an example, which one people like better."""

    example: Example
    chosen: str
    rejected: str


def read_preferences(path: Path) -> Iterator[Preference]:
    """Yields every pair that a file of rankings tells apart.

    Raises:
        InputError: A line is no ranking; the error names it.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                yield from _pairs(json.loads(line))
            except (KeyError, TypeError, ValueError, InputError) as error:
                raise InputError(
                    f"{path}:{number}: no ranking: {error}; a line has example, answers and "
                    "ranking, the positions of all answers from best to worst"
                ) from error


def _pairs(row: dict[str, Any]) -> Iterator[Preference]:
    example, answers = from_row(row["example"]), row["answers"]
    ranks = [rank if isinstance(rank, list) else [rank] for rank in row["ranking"]]
    named = sorted(position for rank in ranks for position in rank)
    if named != list(range(len(answers))):
        raise ValueError(f"ranking {row['ranking']} of {len(answers)} answers")
    for better, worse in combinations(ranks, 2):
        for first, second in _across(better, worse):
            yield Preference(example, answers[first], answers[second])


def _across(better: Sequence[int], worse: Sequence[int]) -> Iterator[tuple[int, int]]:
    return ((first, second) for first in better for second in worse)
