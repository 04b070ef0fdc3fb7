"""Who has children, and which: the steady form of NSGA-II, and the article's scalar selection.

Each child is bred from everything that has been scored by then, so several workers never wait for
each other, and a search goes on after an interruption from its journal alone. Child ``number`` of a
seed draws on a generator of its own: with one worker the same journal gives the same children.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.search.genome import Genome
from training.search.pareto import Point, ranking, tournament
from training.search.space import Space

Selection = Literal["pareto", "scalar"]

TOP_SHARE = 0.2
"""Of the scored ones, how many may be parents under ``scalar``; the article's figure."""

_CROSSED = 0.9
_TRIES = 50


@dataclass(frozen=True)
class Scored:
    """A genome with what it reached; every objective the larger the better."""

    number: int
    genome: Genome
    scores: Point


@dataclass(frozen=True)
class Child:
    """A genome that is to be scored, and where it comes from.

    Attributes:
        genome: The θ.
        operator: ``preset``, ``sample``, ``mutation``, ``crossover`` or ``critic``.
        parents: Numbers of those it comes from.
        explanation: Why the critic proposed it; empty otherwise.
    """

    genome: Genome
    operator: str
    parents: tuple[int, ...] = ()
    explanation: str = ""


@dataclass(frozen=True)
class Breeder:
    """Breeds children.

    Attributes:
        space: Where genomes are drawn.
        population: How many of the best may be parents, and how many are drawn before any is bred.
        selection: ``pareto``, or ``scalar``: the best by their first objective alone.
        seed: Decides everything that is left to chance.
    """

    space: Space
    population: int = 12
    selection: Selection = "pareto"
    seed: int = 0

    def child(self, number: int, scored: Sequence[Scored], known: set[Genome]) -> Child:
        """Returns child ``number``: drawn while there are too few parents, then bred.

        Args:
            number: Decides what chance does.
            scored: Everything that has scores.
            known: Genomes that need not come again.
        """
        rng = random.Random(f"{self.seed} {number}")
        if number < self.population or len(scored) < 2:
            return Child(self._new(rng, known), "sample")
        return self._bred(rng, self.parents(scored), known)

    def parents(self, scored: Sequence[Scored]) -> list[Scored]:
        """Returns those that may have children, best first."""
        if self.selection == "scalar":
            order = sorted(scored, key=lambda one: one.scores, reverse=True)
            return order[: max(2, round(TOP_SHARE * len(order)))]
        order = [scored[place] for place in ranking([one.scores for one in scored])]
        return order[: max(2, self.population)]

    def _new(self, rng: random.Random, known: set[Genome]) -> Genome:
        for _ in range(_TRIES):
            genome = self.space.sample(rng)
            if genome not in known:
                break
        return genome

    def _bred(self, rng: random.Random, parents: Sequence[Scored], known: set[Genome]) -> Child:
        rate = 1 / len(self.space.genes)
        for _ in range(_TRIES):
            places = range(len(parents))
            first, second = (parents[tournament(places, rng)] for _ in range(2))
            if first is not second and rng.random() < _CROSSED:
                crossed = self.space.crossed(first.genome, second.genome, rng)
                genome = self.space.mutated(crossed, rng, rate) if rng.random() < 0.5 else crossed
                child = Child(genome, "crossover", (first.number, second.number))
            else:
                mutated = self.space.mutated(first.genome, rng, rate)
                child = Child(mutated, "mutation", (first.number,))
            if child.genome not in known:
                return child
        return Child(self._new(rng, known), "sample")
