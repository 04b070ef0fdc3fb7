"""The space that the search walks: the styles that training draws, and how one becomes another.

Values come from ``training.data.space``, so a search looks where training looked. What is changed
or crossed keeps the same rules as a drawn style, and they come first: they cost nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from glyph_shared.errors import ConfigError, FontError
from glyph_shared.rendering.font_files import find_font
from training.data.space import Space as Styles
from training.data.space import Trait
from training.data.styles import RULES, config_of, draw_traits, space_named
from training.search.genome import Genome, Value, typed

ORDERED = (
    "dpi",
    "font_size",
    "leading",
    "margin_x",
    "margin_y",
    "frame_padding",
    "horizontal_scale",
)
"""Genes whose neighbouring values look alike, so that a mutation may be a step."""

_GENE_OF_TRAIT = {"crop_width": "auto_crop_width", "crop_last_page": "auto_crop_last_page"}
_TRIES = 1000

_REDRAWN, _REACH, _LIKENESS = 0.1, 0.15, 1.0
"""How often a mutation forgets where it was, how far else it goes as a share of all values, and how
like its parents a crossover's child is; chosen on ZDT1 and DTLZ2 (``make bench-search``)."""


@dataclass(frozen=True)
class Space:
    """Which genomes there are.

    Example:
        >>> space = Space.named("table8")
        >>> space.problems(space.sample(random.Random(1)))
        []

    Attributes:
        styles: What the first genomes are drawn from.
        genes: Every value of each gene that may change; where it has an order, in order.
        chosen: Genes whose values were chosen for this search, and not those of the styles.
    """

    styles: Styles
    genes: Mapping[str, tuple[Value, ...]]
    chosen: frozenset[str] = frozenset()

    @classmethod
    def named(cls, name: str) -> Space:
        """Returns the space of the styles of a name, such as ``table8`` or ``code``.

        Raises:
            ConfigError: There are no such styles.
        """
        styles = space_named(name)
        usual = {trait: parameter.options()[0] for trait, parameter in styles.items()}
        genes: dict[str, tuple[Value, ...]] = {}
        for trait, parameter in styles.items():
            gene = _GENE_OF_TRAIT.get(trait, trait)
            values = [_value(usual, trait, option) for option in parameter.options()]
            genes[gene] = tuple(sorted(values) if gene in ORDERED else values)
        genes["font"] = _different_fonts(genes["font"])
        return cls(styles, MappingProxyType(genes))

    def with_values(self, **values: Sequence[Value]) -> Space:
        """Returns the space with other values of some genes, all equally likely.

        Raises:
            ConfigError: There is no such gene, or it would have no value, or one of another type.
        """
        genes = dict(self.genes)
        for name, given in values.items():
            if not given:
                raise ConfigError(f"gene {name!r} needs at least one value")
            checked = [typed(name, value) for value in given]
            genes[name] = tuple(sorted(checked) if name in ORDERED else checked)
        return Space(self.styles, MappingProxyType(genes), self.chosen | values.keys())

    def sample(self, rng: random.Random) -> Genome:
        """Draws a genome that breaks no rule.

        Raises:
            ConfigError: None was found.
        """
        for _ in range(_TRIES):
            try:
                style = Genome.of(config_of(draw_traits(self.styles, rng)))
            except ConfigError:
                continue
            chosen = {name: rng.choice(self.genes[name]) for name in sorted(self.chosen)}
            genome = replace(style, **chosen)
            if not self.problems(genome):
                return genome
        raise ConfigError(f"no possible θ among {_TRIES} draws; widen the space")

    def problems(self, genome: Genome) -> list[str]:
        """Says what makes a genome impossible; empty where nothing does.

        That is what the renderer refuses, and what training draws no page with.
        """
        try:
            config = genome.config()
        except (ConfigError, FontError) as error:
            return [str(error)]
        return [
            f"rule {rule.name!r} of training is broken" for rule in RULES if rule.breaks(config)
        ]

    def mutated(self, genome: Genome, rng: random.Random, rate: float) -> Genome:
        """Returns a possible genome with at least one other value.

        A gene with an order mostly moves some values up or down; others take any value.

        Args:
            genome: What is changed.
            rng: Decides.
            rate: How likely each gene is changed.

        Raises:
            ConfigError: There is no other possible genome near.
        """
        changeable = [name for name, values in self.genes.items() if len(values) > 1]
        for _ in range(_TRIES if changeable else 0):
            drawn = [name for name in changeable if rng.random() < rate]
            names = drawn or [rng.choice(changeable)]
            moved = {name: self._moved(name, getattr(genome, name), rng) for name in names}
            child = replace(genome, **moved)
            if child != genome and not self.problems(child):
                return child
        raise ConfigError(f"no possible change of {genome.json()} among {_TRIES}; widen the space")

    def crossed(self, first: Genome, second: Genome, rng: random.Random) -> Genome:
        """Returns a possible genome between and around two; else the first.

        Each gene is that of one of the two; one with an order is as often a value near one of
        theirs, the nearer the more alike they are.
        """
        for _ in range(_TRIES):
            taken = {
                name: self._mixed(name, getattr(first, name), getattr(second, name), rng)
                for name in self.genes
            }
            child = replace(first, **taken)
            if not self.problems(child):
                return child
        return first

    def _moved(self, name: str, value: Value, rng: random.Random) -> Value:
        values = self.genes[name]
        if name not in ORDERED or rng.random() < _REDRAWN:
            return rng.choice(values)
        reach = max(1.0, len(values) * _REACH * rng.random())
        return self._at(name, self._place(name, value) + rng.choice((-reach, reach)))

    def _mixed(self, name: str, one: Value, other: Value, rng: random.Random) -> Value:
        if rng.random() < 0.5:
            one, other = other, one
        if name not in ORDERED or one == other or rng.random() < 0.5:
            return one
        # Simulated binary crossover (Deb and Agrawal 1995): as often beyond the two as between.
        draw = rng.random()
        spread = (2 * draw if draw < 0.5 else 1 / (2 - 2 * draw)) ** (1 / (_LIKENESS + 1))
        near, far = self._place(name, one), self._place(name, other)
        return self._at(name, (near + far + spread * (near - far)) / 2)

    def _place(self, name: str, value: float) -> int:
        values = self.genes[name]
        return min(range(len(values)), key=lambda at: abs(values[at] - value))

    def _at(self, name: str, place: float) -> Value:
        values = self.genes[name]
        return values[min(max(round(place), 0), len(values) - 1)]


def _value(usual: Mapping[str, Trait], trait: str, option: Trait) -> Value:
    """Returns the gene's value for a trait's."""
    genome = Genome.of(config_of({**usual, trait: option}))
    return getattr(genome, _GENE_OF_TRAIT.get(trait, trait))


def _different_fonts(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names of different files; those that one substitute stands in for are one."""
    return tuple({find_font(name): name for name in reversed(names)}.values())[::-1]
