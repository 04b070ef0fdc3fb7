"""What every task is: examples, a score, and a reward made of named parts."""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from glyph_shared.asking.prompts import NOT_ON_PAGES
from glyph_shared.errors import ConfigError
from training import rewards
from training.data.material import Material
from training.tasks.example import Example

_WORDINGS: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("wordings.json").read_text(encoding="utf-8")
)

LEAST_CHARS = 100


@dataclass(frozen=True)
class Task(ABC):
    """One kind of example, and how an answer to it is judged."""

    name: ClassVar[str]
    least: ClassVar[Mapping[str, int]] = {}
    """The least value of an option, where that is not 1, or ``LEAST_CHARS`` for a length."""

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            least = self.least.get(option.name, LEAST_CHARS if "chars" in option.name else 1)
            if isinstance(value, int) and value < least:
                raise ConfigError(f"{self.name}: {option.name} is at least {least}; got {value}")
            most = f"most_{option.name.removeprefix('least_')}"
            if option.name.startswith("least_") and value > getattr(self, most):
                raise ConfigError(f"{self.name}: {option.name} {value} is more than {most}")

    @abstractmethod
    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Makes one example, whose id is ``name``; the same ``rng`` state makes the same one.

        Raises:
            InputError: The material holds nothing to make one of.
        """

    @abstractmethod
    def score(self, answer: str, example: Example) -> float:
        """Returns how right an answer (without thought) is, from 0 to 1."""

    def reward(self, completion: str, example: Example, *, think: bool = False) -> dict[str, float]:
        """Returns a completion's rewards by name: ``answer`` is the score, ``format`` the form.

        With ``think`` only a completion that begins with a thought has the right form; without,
        one that is an answer alone has it, too.
        """
        thinks = think or "<think>" in completion
        form = rewards.think_form if thinks else rewards.plain_form
        return {
            "answer": self.score(rewards.written(completion).answer, example),
            "format": form(completion),
        }


def wording(rng: random.Random, kind: str, material: Material) -> str:
    """Draws one of the wordings that the material's split may see."""
    return rng.choice(wordings(kind, held_out=material.held_out))


def wordings(kind: str, *, held_out: bool) -> Sequence[str]:
    """Returns the wordings of one kind and one split."""
    return _WORDINGS[kind]["held_out" if held_out else "train"]


def drawn_kind(rng: random.Random, kinds: Mapping[str, float]) -> str:
    """Draws one of the kinds by their weights."""
    return rng.choices(list(kinds), list(kinds.values()))[0]


def check_kinds(name: str, kinds: Mapping[str, float], known: Iterable[str]) -> None:
    """Refuses kinds that a task does not know, and weights of which none is above 0.

    Raises:
        ConfigError: There is one.
    """
    for kind in kinds:
        if kind not in known:
            raise ConfigError(f"{name}: a kind is one of {', '.join(known)}; got {kind!r}")
    check_weights(f"{name}: kinds", kinds)


def check_weights(name: str, weights: Mapping[str, float]) -> None:
    """Refuses weights of which one is below 0, or none above.

    Raises:
        ConfigError: They are so, or no numbers.
    """
    right = all(isinstance(one, (int, float)) and one >= 0 for one in weights.values())
    if not right or not sum(weights.values()):
        raise ConfigError(f"{name} have weights of 0 or more, not all 0; got {dict(weights)}")


def refuses(answer: str) -> bool:
    """Tells whether an answer says that the pages do not hold it."""
    return rewards.exact(rewards.without_citations(answer), [NOT_ON_PAGES]) == 1.0
