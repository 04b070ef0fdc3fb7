"""Needles in a haystack, in the forms of RULER (NVIDIA/RULER), worded and planted by us.

``single`` is one needle; ``keys`` has needles of other names beside it; ``values`` asks for several
values of one name; ``trace`` follows a variable that is assigned to others.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar

from training import rewards
from training.data.invented import words
from training.data.material import Material, plant
from training.tasks.example import Evidence, Example, Pages, user
from training.tasks.questions import thought
from training.tasks.task import Task, check_kinds, drawn_kind, wording

DEPTHS = 10
"""Depths are told in tenths of the text."""

KIND_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"single": 1.0, "keys": 1.0, "values": 1.0, "trace": 1.0}
)


@dataclass(frozen=True)
class Hidden:
    """Sentences to hide: what is asked, what answers it, where it stands, what stands beside."""

    question: str
    answers: tuple[str, ...]
    needles: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needles(Task):
    """Finding planted sentences in a long text.

    Attributes:
        least_chars: Length of the shortest text.
        most_chars: Length of the longest text.
        kinds: How likely each kind is.
    """

    name: ClassVar[str] = "needles"
    least_chars: int = 4000
    most_chars: int = 100_000
    kinds: Mapping[str, float] = field(default_factory=lambda: KIND_WEIGHTS)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kinds(self.name, self.kinds, KINDS)

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Hides needles in a passage."""
        kind = drawn_kind(rng, self.kinds)
        hidden = KINDS[kind](rng, material)
        chars = rng.randint(self.least_chars, self.most_chars)
        text = material.passage(rng, chars, prefer="prose")
        statements = [*hidden.needles, *hidden.others]
        text, spans = plant(rng, text, statements, held_out=material.held_out)
        found = spans[: len(hidden.needles)]
        return Example(
            id=name,
            task=self.name,
            turns=(user(Pages(text), hidden.question),),
            target=", ".join(hidden.answers),
            thought=thought(hidden.needles),
            references=hidden.answers,
            evidence=tuple(Evidence(0, *span) for span in found),
            about={"kind": kind, "depth": str(DEPTHS * found[0][0] // len(text))},
        )

    def score(self, answer: str, example: Example) -> float:
        """Returns the harmonic mean of precision and recall of the listed values."""
        return rewards.listed(answer, example.answers)


def _magic(rng: random.Random, material: Material, values: int, others: int) -> Hidden:
    kind = rng.choice(("number", "word"))
    names = [_name(rng, material) for _ in range(1 + others)]
    told = dict.fromkeys(_value(rng, kind) for _ in range(values))
    form = wording(rng, "needle", material)
    ask = wording(rng, "needle_question", material).format(k=kind, n=names[0])
    needles = tuple(form.format(k=kind, n=names[0], v=value) for value in told)
    beside = (
        form.format(k=kind, n=name, v=_value(rng, kind)) for name in names[1:] if name != names[0]
    )
    return Hidden(ask, tuple(told), needles, tuple(beside))


def _trace(rng: random.Random, material: Material) -> Hidden:
    """Assigns a value to a variable, that variable to another, and so on."""
    variables = [f"{_value(rng, 'word').upper()}{number}" for number in range(rng.randint(3, 5))]
    value = str(rng.randint(10_000, 99_999))
    needles = [f"VAR {variables[0]} = {value}."]
    pairs = pairwise(variables)
    needles += [f"VAR {later} = VAR {earlier}." for earlier, later in pairs]
    others = [f"VAR {_value(rng, 'word').upper()}9 = {rng.randint(10_000, 99_999)}."]
    ask = wording(rng, "trace_question", material).format(v=value)
    return Hidden(ask, tuple(variables), tuple(needles), tuple(others))


KINDS: Mapping[str, Callable[[random.Random, Material], Hidden]] = MappingProxyType(
    {
        "single": lambda rng, material: _magic(rng, material, 1, 0),
        "keys": lambda rng, material: _magic(rng, material, 1, 5),
        "values": lambda rng, material: _magic(rng, material, 4, 2),
        "trace": _trace,
    }
)


def _name(rng: random.Random, material: Material) -> str:
    adjective = rng.choice(words("adjectives", held_out=material.held_out))
    return f"the {adjective} {rng.choice(words('things', held_out=material.held_out))}"


def _value(rng: random.Random, kind: str) -> str:
    if kind == "number":
        return str(rng.randint(1_000_000, 9_999_999))
    letters = ("bcdfgklmnprstvz", "aeiou")
    return "".join(rng.choice(letters[number % 2]) for number in range(8))
