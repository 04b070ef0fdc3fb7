"""Questions about facts that are planted in a long text: nothing but its pages can answer them.

Kinds: ``lookup`` of one fact, ``list`` of facts on several pages, ``compare`` of two of them,
``hop`` from one fact to the next, and ``absent``, which nothing answers. Other facts stand beside
those asked for, some alike in name or attribute.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from glyph_shared.asking.citations import cited_pages
from glyph_shared.asking.prompts import NOT_ON_PAGES
from training import rewards
from training.data.invented import words
from training.data.material import Material, plant
from training.reader.facts import Fact, random_fact
from training.tasks.example import CITED, Evidence, Example, Pages, page_mark, user
from training.tasks.task import Task, check_kinds, drawn_kind, refuses, wording

ROLES = ("manager", "director", "secretary", "project leader", "chief engineer", "owner")
PERSONAL = ("phone number", "badge number", "room number", "locker number", "postal code")
AMOUNTS = ("budget", "capacity", "weight", "invoice total", "monthly rent")
LISTED = ("access code", "supplier", "order number", "contact person", "serial number")

KIND_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"lookup": 4.0, "list": 2.0, "compare": 1.0, "hop": 2.0, "absent": 1.0}
)


@dataclass(frozen=True)
class Asked:
    """A question and what it rests on.

    Attributes:
        question: The question.
        answers: The right answer; several where a list is asked for.
        statements: The sentences to find, in the order of finding them.
        facts: The facts that they state.
        unstated: Facts asked for that stand nowhere.
    """

    question: str
    answers: tuple[str, ...]
    statements: tuple[str, ...]
    facts: tuple[Fact, ...]
    unstated: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class FactQuestions(Task):
    """Long-context question answering over planted facts.

    Attributes:
        least_chars: Length of the shortest text.
        most_chars: Length of the longest text.
        kinds: How likely each kind of question is.
        others: How many facts stand there that nobody asks for.
        cite: The share of questions that ask for the page, too.
    """

    name: ClassVar[str] = "questions"
    least: ClassVar[Mapping[str, int]] = {"others": 0, "cite": 0}
    least_chars: int = 2000
    most_chars: int = 40_000
    kinds: Mapping[str, float] = field(default_factory=lambda: KIND_WEIGHTS)
    others: int = 6
    cite: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kinds(self.name, self.kinds, KINDS)

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Plants facts in a passage and asks one question about them."""
        kind = drawn_kind(rng, self.kinds)
        asked = KINDS[kind](rng, material)
        facts = _other_facts(rng, material, asked, self.others)
        others = [fact.statement(rng)[0] for fact in facts]
        chars = rng.randint(self.least_chars, self.most_chars)
        text = material.passage(rng, chars, prefer="prose")
        text, spans = plant(rng, text, [*asked.statements, *others], held_out=material.held_out)
        parts = [asked.question]
        if not asked.statements or rng.random() < 0.5:
            parts.append(wording(rng, "may_refuse", material))
        target = ", ".join(asked.answers)
        if asked.statements and rng.random() < self.cite:
            parts.append(wording(rng, "cite", material))
            target = f"{target} {CITED}"
        return Example(
            id=name,
            task=self.name,
            turns=(user(Pages(text), " ".join(parts)),),
            target=target,
            thought=thought(asked.statements),
            references=asked.answers,
            evidence=tuple(Evidence(0, *span) for span in spans[: len(asked.statements)]),
            about={"kind": kind, "facts": str(len(asked.statements))},
        )

    def score(self, answer: str, example: Example) -> float:
        """Returns 1 for the right answer, of a list its share; the cited pages count half."""
        if example.about["kind"] == "absent":
            return float(refuses(answer))
        bare = rewards.without_citations(answer)
        measure = rewards.listed if example.about["kind"] == "list" else rewards.exact
        right = measure(bare, example.answers)
        pages = cited_pages(example.target)
        return (right + rewards.citations(answer, pages)) / 2 if pages else right


@dataclass(frozen=True)
class CitedAnswers(FactQuestions):
    """The same questions, all of which ask for the page as ``[page 3]``."""

    name: ClassVar[str] = "cited_answers"
    cite: float = 1.0

    def reward(self, completion: str, example: Example, *, think: bool = False) -> dict[str, float]:
        """Returns the rewards of an answer, and whether it cites in the right form."""
        cites = bool(example.evidence)
        form = {"citation": rewards.citation_form(completion)} if cites else {}
        return {**super().reward(completion, example, think=think), **form}


def thought(statements: Sequence[str]) -> str:
    """Returns what leads to an answer: where each fact stands, and what it says."""
    if not statements:
        return "None of the pages says so."
    found = (f"Page {page_mark(number)} says: {text}" for number, text in enumerate(statements))
    return " ".join(found)


def _lookup(rng: random.Random, material: Material) -> Asked:
    fact = random_fact(rng, _names(material))
    question = fact.question(rng, held_out=material.held_out)
    return Asked(question, (fact.value,), (fact.statement(rng)[0],), (fact,))


def _absent(rng: random.Random, material: Material) -> Asked:
    fact = random_fact(rng, _names(material))
    question = fact.question(rng, held_out=material.held_out)
    return Asked(question, (NOT_ON_PAGES,), (), (), (fact,))


def _list(rng: random.Random, material: Material) -> Asked:
    entity, attribute = random_fact(rng, _names(material)).entity, rng.choice(LISTED)
    facts: dict[str, Fact] = {}
    for _ in range(rng.randint(2, 4)):
        value = random_fact(rng, _names(material)).value.replace(",", "")
        facts[value] = Fact(attribute, entity, value)
    question = wording(rng, "list", material).format(a=attribute, e=entity)
    statements = (
        wording(rng, "list_statement", material).format(a=attribute, e=entity, v=value)
        for value in facts
    )
    return Asked(question, tuple(facts), tuple(statements), tuple(facts.values()))


def _compare(rng: random.Random, material: Material) -> Asked:
    attribute = rng.choice(AMOUNTS)
    entities: list[str] = []
    while len(entities) < 2:
        entity = random_fact(rng, _names(material)).entity
        entities += [entity] * (entity not in entities)
    low, high = sorted(rng.sample(range(100, 99_999), 2))
    facts = (Fact(attribute, entities[0], str(low)), Fact(attribute, entities[1], str(high)))
    first, second = rng.sample(entities, 2)
    question = wording(rng, "compare", material).format(a=attribute, e1=first, e2=second)
    statements = tuple(fact.statement(rng)[0] for fact in facts)
    return Asked(question, (entities[1],), statements, facts)


def _hop(rng: random.Random, material: Material) -> Asked:
    person = rng.choice(words("persons", held_out=material.held_out))
    entity = random_fact(rng, _names(material)).entity
    first = Fact(rng.choice(ROLES), entity, person)
    second = Fact(rng.choice(PERSONAL), person, str(rng.randint(100, 999_999)))
    question = wording(rng, "hop", material).format(
        a1=first.attribute, e=first.entity, a2=second.attribute
    )
    statements = (first.statement(rng)[0], second.statement(rng)[0])
    return Asked(question, (second.value,), statements, (first, second))


KINDS: Mapping[str, Callable[[random.Random, Material], Asked]] = MappingProxyType(
    {"lookup": _lookup, "list": _list, "compare": _compare, "hop": _hop, "absent": _absent}
)


def _names(material: Material) -> list[str]:
    """Returns words that the names of facts are made of."""
    return list(words("adjectives", held_out=material.held_out)) + list(
        words("things", held_out=material.held_out)
    )


def _other_facts(rng: random.Random, material: Material, asked: Asked, count: int) -> list[Fact]:
    """Draws facts that neither answer nor contradict; half are like one that is asked for."""
    known = asked.facts + asked.unstated
    taken = {(fact.attribute, fact.entity) for fact in known}
    others: list[Fact] = []
    while len(others) < count:
        near = rng.choice(known) if rng.random() < 0.5 else None
        fact = random_fact(rng, _names(material), near)
        if (fact.attribute, fact.entity) not in taken:
            taken.add((fact.attribute, fact.entity))
            others.append(fact)
    return others
