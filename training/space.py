"""Spaces of θ: what training samples from and the render search walks.

A ``Space`` says which values each gene of a ``Genome`` may take, how often each is drawn, and which
values are neighbours.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from glyph_shared.errors import ConfigError, FontError
from glyph_shared.rendering.font_files import require_font
from training.genome import Genome, Value, typed

LEAST_EM_PX, LEAST_CHARS = 4.0, 16
"""Below these nobody reads a page: pixels of an em square, and em squares in a line."""

_TRIES = 1000


@dataclass(frozen=True)
class Gene:
    """The values of one gene.

    Attributes:
        values: What it may be.
        weights: How often each is drawn; equally often where empty.
        ordered: Whether neighbours in ``values`` are alike, so that a mutation may be a step.
    """

    values: tuple[Value, ...]
    weights: tuple[float, ...] = ()
    ordered: bool = False

    @classmethod
    def of_classes(cls, *classes: tuple[float, Sequence[Value]], ordered: bool = False) -> Gene:
        """Returns a gene whose classes of values have weights, shared out among their values."""
        weights: dict[Value, float] = {}
        for weight, values in classes:
            for value in values:
                weights[value] = weights.get(value, 0.0) + weight / len(values)
        names = sorted(weights) if ordered else list(weights)
        return cls(tuple(names), tuple(weights[name] for name in names), ordered)

    def sample(self, rng: random.Random) -> Value:
        """Draws a value."""
        return rng.choices(self.values, self.weights or None)[0]

    def nearest(self, value: Value) -> int:
        """Returns the place of a value, or of the nearest one where values are ordered."""
        if self.ordered:
            return min(range(len(self.values)), key=lambda at: abs(self.values[at] - value))
        return self.values.index(value) if value in self.values else 0


@dataclass(frozen=True)
class Space:
    """Which genomes there are.

    Example:
        >>> from training.table_8 import TABLE_8
        >>> TABLE_8.problems(TABLE_8.sample(random.Random(1)))
        []
    """

    genes: Mapping[str, Gene]

    def sample(self, rng: random.Random) -> Genome:
        """Draws a genome that breaks no rule.

        Raises:
            ConfigError: None was found.
        """
        for _ in range(_TRIES):
            drawn = {name: gene.sample(rng) for name, gene in self.genes.items()}
            genome = replace(Genome(), **drawn)
            if not self.problems(genome):
                return genome
        raise ConfigError(f"no possible θ among {_TRIES} draws; widen the space")

    def narrowed(self, **values: Sequence[Value]) -> Space:
        """Returns the space with fewer, or other, values of some genes, all equally likely.

        Raises:
            ConfigError: There is no such gene, or it would have no value.
        """
        genes = dict(self.genes)
        for name, given in values.items():
            if name not in genes:
                raise ConfigError(f"unknown gene {name!r}; known are {', '.join(genes)}")
            if not given:
                raise ConfigError(f"gene {name!r} needs at least one value")
            checked = tuple(typed(name, value) for value in given)
            genes[name] = Gene(checked, ordered=genes[name].ordered)
        return Space(MappingProxyType(genes))

    def problems(self, genome: Genome) -> list[str]:
        """Says what makes a genome impossible; empty where nothing does.

        The rules cost nothing, so they come before any rendering: what the renderer refuses, shapes
        and lines too small to be read.
        """
        try:
            genome.config()
        except (ConfigError, FontError) as error:
            return [str(error)]
        found = []
        if genome.em_px < LEAST_EM_PX:
            found.append(f"letters of {genome.em_px:.2f} px; at least {LEAST_EM_PX:g} px are read")
        inset = 2 * (genome.margin_x + genome.frame_padding)
        chars = (genome.page_size[0] - inset) / genome.font_size
        if chars < LEAST_CHARS:
            found.append(f"lines of {chars:.1f} em; at least {LEAST_CHARS} make a page")
        return found

    def mutated(self, genome: Genome, rng: random.Random, rate: float) -> Genome:
        """Returns a genome with at least one other value, each gene changed with probability rate.

        A gene with an order moves some values up or down two times in three, else any value is
        drawn. A child that breaks a rule is not returned; another is tried.
        """
        changeable = [name for name, gene in self.genes.items() if len(gene.values) > 1]
        for _ in range(_TRIES if changeable else 0):
            chosen = [name for name in changeable if rng.random() < rate]
            chosen = chosen or [rng.choice(changeable)]
            new = {name: self._moved(name, getattr(genome, name), rng) for name in chosen}
            child = replace(genome, **new)
            if child != genome and not self.problems(child):
                return child
        raise ConfigError(f"no possible mutation of {genome.json()} among {_TRIES}")

    def crossed(self, first: Genome, second: Genome, rng: random.Random) -> Genome:
        """Returns a genome with each gene from one of two; the first where none is possible."""
        for _ in range(_TRIES):
            other = second.genes()
            taken = {name: value for name, value in other.items() if rng.random() < 0.5}
            child = replace(first, **taken)
            if not self.problems(child):
                return child
        return first

    def _moved(self, name: str, value: Value, rng: random.Random) -> Value:
        gene = self.genes[name]
        if not gene.ordered or rng.random() < 1 / 3:
            return gene.sample(rng)
        reach = max(1, len(gene.values) // 6)
        place = gene.nearest(value) + rng.choice((-1, 1)) * rng.randint(1, reach)
        return gene.values[min(max(place, 0), len(gene.values) - 1)]


def installed(names: Sequence[str | None]) -> tuple[str | None, ...]:
    """Returns those of some fonts that this machine has; DejaVu Sans, None, is always there."""
    return tuple(name for name in names if _is_installed(name))


def _is_installed(name: str | None) -> bool:
    try:
        require_font(name)
    except FontError:
        return False
    return True
