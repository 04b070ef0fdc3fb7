"""Published two-objective test functions, mapped to θ, to see what the search is worth.

ZDT1 (Zitzler, Deb and Thiele 2000) and DTLZ2 (Deb et al. 2002) take numbers from 0 to 1. Variable i
is the place of a gene's value among that gene's values, as a share: ``dpi`` is the first variable,
which runs along the front; the others decide how far from the front a θ stands. Both are to be made
small, so the search sees their negatives. The reference point of the hypervolume is (1.1, 1.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.search.breeding import Breeder, Scored
from training.search.genome import Genome
from training.search.pareto import Point, hypervolume
from training.search.space import Space

VARIABLES = ("dpi", "margin_x", "margin_y", "font_size", "leading", "horizontal_scale")

REFERENCE: Point = (-1.1, -1.1)


@dataclass(frozen=True)
class Problem:
    """A test function of θ.

    Attributes:
        name: As published.
        of: The two values, the smaller the better, of numbers from 0 to 1.
        best: The hypervolume of the published front, with all its infinitely many points.
    """

    name: str
    of: Callable[[Sequence[float]], Point]
    best: float

    def scores(self, space: Space, genome: Genome) -> Point:
        """Returns the objectives of a θ, the larger the better."""
        first, second = self.of([_share(space, name, genome) for name in VARIABLES])
        return (-first, -second)

    def share(self, points: Sequence[Point]) -> float:
        """Returns the share of the front's hypervolume that points reach."""
        return hypervolume(points, REFERENCE) / self.best


def space() -> Space:
    """Returns the space of the test: nothing but the variables varies, and no rule is broken."""
    table = Space.named("table8")
    others = {name: [values[0]] for name, values in table.genes.items() if name not in VARIABLES}
    return table.with_values(
        **others,
        dpi=[72 + step / 2 for step in range(81)],
        margin_x=[10 + step for step in range(31)],
        margin_y=[10 + step for step in range(31)],
        font_size=[9 + step / 4 for step in range(21)],
        leading=[step / 4 for step in range(13)],
        horizontal_scale=[0.75 + step / 100 for step in range(26)],
    )


def searched(problem: Problem, evaluations: int, seed: int, population: int = 12) -> list[Point]:
    """Returns the scores that a search finds."""
    breeder = Breeder(space(), population=population, seed=seed)
    scored: list[Scored] = []
    known: set[Genome] = set()
    for number in range(evaluations):
        genome = breeder.child(number, scored, known).genome
        known.add(genome)
        scored.append(Scored(number, genome, problem.scores(breeder.space, genome)))
    return [one.scores for one in scored]


def drawn(problem: Problem, evaluations: int, seed: int) -> list[Point]:
    """Returns the scores that chance finds."""
    return searched(problem, evaluations, seed, population=evaluations)


def _share(space: Space, name: str, genome: Genome) -> float:
    values = space.genes[name]
    return values.index(getattr(genome, name)) / (len(values) - 1)


def _zdt1(x: Sequence[float]) -> Point:
    g = 1 + 9 * sum(x[1:]) / len(x[1:])
    return x[0], g * (1 - math.sqrt(x[0] / g))


def _dtlz2(x: Sequence[float]) -> Point:
    g = sum((value - 0.5) ** 2 for value in x[1:])
    angle = x[0] * math.pi / 2
    return (1 + g) * math.cos(angle), (1 + g) * math.sin(angle)


# The fronts are y = 1 - sqrt(x) and a quarter of the unit circle.
ZDT1 = Problem("ZDT1", _zdt1, 1.1 * 1.1 - 1 / 3)
DTLZ2 = Problem("DTLZ2", _dtlz2, 1.1 * 1.1 - math.pi / 4)
