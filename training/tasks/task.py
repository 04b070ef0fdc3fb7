"""What every task is: examples, a score, and a reward made of named parts."""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from glyph_shared.asking.prompts import NOT_ON_PAGES
from training import rewards
from training.data.material import Material
from training.tasks.example import Example

_WORDINGS: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("wordings.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Task(ABC):
    """One kind of example, and how an answer to it is judged."""

    name: ClassVar[str]

    @abstractmethod
    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Makes one example, whose id is ``name``; the same ``rng`` state makes the same one.

        Raises:
            InputError: The material holds nothing to make one of.
        """

    @abstractmethod
    def score(self, answer: str, example: Example) -> float:
        """Returns how right an answer (without thought) is, from 0 to 1."""

    def reward(self, completion: str, example: Example) -> dict[str, float]:
        """Returns a completion's rewards by name: ``answer`` is the score, ``format`` the form."""
        form = rewards.think_form if "<think>" in completion else rewards.plain_form
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


def refuses(answer: str) -> bool:
    """Tells whether an answer says that the pages do not hold it."""
    return rewards.exact(rewards.without_citations(answer), [NOT_ON_PAGES]) == 1.0
