"""Tasks whose answers the data sets bring along: summaries, and instructions about pages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from glyph_shared.errors import InputError
from training import rewards
from training.data.invented import prose, sentence
from training.data.material import Material, plant
from training.data.records import Record
from training.tasks.example import Example, Pages, user
from training.tasks.task import Task, wording


@dataclass(frozen=True)
class Summaries(Task):
    """Summarising a document.

    Where no record has a summary, a report is invented around some findings, which are its summary.

    Attributes:
        findings: How many findings an invented report has.
        chars: How long an invented report is.
    """

    name: ClassVar[str] = "summary"
    findings: int = 4
    chars: int = 8000

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Shows a document and asks for its summary."""
        told = [record for record in material.records if record.summary]
        if told:
            record = rng.choice(told)
            text, summary = record.text, record.summary
        else:
            text, summary = self._invented(rng, held_out=material.held_out)
        turn = user(Pages(text), wording(rng, "summary", material))
        about = {"source": "given" if told else "invented"}
        return Example(name, self.name, (turn,), summary, about=about)

    def score(self, answer: str, example: Example) -> float:
        """Returns the overlap of words with the summary."""
        return rewards.f1(answer, example.answers)

    def _invented(self, rng: random.Random, *, held_out: bool) -> tuple[str, str]:
        findings = [sentence(rng, held_out=held_out) for _ in range(self.findings)]
        marked = [f"Finding {number}: {text}" for number, text in enumerate(findings, start=1)]
        report = prose(rng, self.chars, held_out=held_out)
        text, _ = plant(rng, report, marked, held_out=held_out)
        return text, " ".join(findings)


@dataclass(frozen=True)
class Instructions(Task):
    """Instruction triples: an instruction, the pages it is about, and the response."""

    name: ClassVar[str] = "instructions"

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Shows a record's text and asks what its instruction says.

        Raises:
            InputError: No record has an instruction and a response.
        """
        if not material.instructed:
            raise InputError(
                "no record has an instruction; give a source whose rows have text, instruction "
                "and response"
            )
        return self.of_record(rng.choice(material.instructed), name)

    def of_record(self, record: Record, name: str) -> Example:
        """Makes the example of one triple; a thought before the response is kept as thought."""
        thought, response = rewards.written(record.response)
        turn = user(Pages(record.text), record.instruction)
        return Example(name, self.name, (turn,), response, thought, about={"of": record.name})

    def score(self, answer: str, example: Example) -> float:
        """Returns the overlap of words with the response; a judge knows better."""
        return rewards.f1(answer, example.answers)
