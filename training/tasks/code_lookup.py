"""Questions about an invented program of several files, answered by reading across them.

Kinds: ``value`` follows a call from one file to the next, ``where`` asks for the file that defines
a function, ``callers`` for the files that call it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from training import rewards
from training.data.invented import module_text, words
from training.data.material import Material
from training.tasks.example import Evidence, Example, Pages, user
from training.tasks.questions import thought
from training.tasks.task import Task, wording

KINDS = ("value", "where", "callers")


@dataclass(frozen=True)
class CodeLookup(Task):
    """Cross-file lookups in code.

    Attributes:
        least_files: How many files the smallest program has; 3 at least.
        most_files: How many files the largest program has.
        file_chars: About how long each file is.
    """

    name: ClassVar[str] = "code_lookup"
    least: ClassVar[Mapping[str, int]] = {"least_files": 3}
    least_files: int = 3
    most_files: int = 12
    file_chars: int = 1500

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Writes a program and asks about one function of it."""
        program = _Program(rng, rng.randint(self.least_files, self.most_files), material)
        kind = rng.choice(KINDS)
        answers, lines = program.facts(kind)
        text = program.text(self.file_chars)
        starts = [text.index(line) for line in lines]
        asked = wording(rng, f"code_{kind}", material)
        question = asked.format(f=program.asked(kind), m=program.files[1])
        return Example(
            id=name,
            task=self.name,
            turns=(user(Pages(text), question),),
            target=", ".join(answers),
            thought=thought([line.strip() for line in lines]),
            references=tuple(answers),
            evidence=tuple(
                Evidence(0, start, start + len(line))
                for start, line in zip(starts, lines, strict=True)
            ),
            about={"kind": kind, "files": str(len(program.files))},
        )

    def score(self, answer: str, example: Example) -> float:
        """Returns the harmonic mean of precision and recall of what is listed."""
        return rewards.listed(answer, example.answers)


class _Program:
    """Files of which the first defines a number, the second returns it, others call the second."""

    def __init__(self, rng: random.Random, count: int, material: Material) -> None:
        self._rng, self._held_out = rng, material.held_out
        modules = words("modules", held_out=material.held_out)
        names = [f"{rng.choice(modules)}_{number}.py" for number in range(count)]
        # In random order, or a file's number would tell what is in it.
        self.files = rng.sample(names, count)
        verb, noun = (rng.choice(words(kind, held_out=material.held_out)) for kind in _PARTS)
        self._base, self._function = f"base_{noun}", f"{verb}_{noun}"
        self._factor, self._number = rng.randint(2, 9), rng.randint(11, 99)
        self._callers = sorted(rng.sample(self.files[2:], rng.randint(1, min(3, count - 2))))

    def asked(self, kind: str) -> str:
        return self._base if kind == "where" else self._function

    def facts(self, kind: str) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the right answers, and the lines that tell them."""
        if kind == "where":
            return [self.files[0]], [self._base_line]
        if kind == "callers":
            return self._callers, [self._call_line(file) for file in self._callers]
        return [str(self._factor * self._number)], [self._function_line, self._base_line]

    def text(self, chars: int) -> str:
        """Returns all files in the order of their names, each under its name."""
        parts = [f"# file: {file}\n{self._file(file, chars)}" for file in sorted(self.files)]
        return "\n\n".join(parts)

    @property
    def _base_line(self) -> str:
        return f"def {self._base}(): return {self._number}"

    @property
    def _function_line(self) -> str:
        return f"def {self._function}(factor={self._factor}): return factor * {self._base}()"

    def _call_line(self, file: str) -> str:
        return f"RESULT_{_stem(file).upper()} = {self._function}()"

    def _file(self, file: str, chars: int) -> str:
        filler = module_text(self._rng, chars, held_out=self._held_out).split("\n\n\n")
        if file == self.files[0]:
            own = self._base_line
        elif file == self.files[1]:
            filler.insert(0, f"from {_stem(self.files[0])} import {self._base}")
            own = self._function_line
        elif file in self._callers:
            filler.insert(0, f"from {_stem(self.files[1])} import {self._function}")
            own = self._call_line(file)
        else:
            return "\n\n\n".join(filler)
        filler.insert(self._rng.randint(1, len(filler)), own)
        return "\n\n\n".join(filler)


_PARTS = ("verbs", "nouns")


def _stem(file: str) -> str:
    return file.removesuffix(".py")
