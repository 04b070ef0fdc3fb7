"""Facts planted in pages, and the questions asked about them.

Names and values are drawn at random, so nothing but the page can tell the answer. Question
wordings are split: the evaluation asks in wordings that training never showed.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

_WORDS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("words.json").read_text(encoding="utf-8")
)
CONSONANTS, VOWELS = "bcdfghjklmnpqrstvwz", "aeiou"
CAPITALS, DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"


@dataclass(frozen=True)
class Fact:
    """One planted statement: the attribute `attribute` of `entity` has the value `value`."""

    attribute: str
    entity: str
    value: str

    def statement(self, rng: random.Random) -> tuple[str, int]:
        """Returns a sentence that states the fact, and where the value starts in it."""
        template = rng.choice(_WORDS["statements"])
        before, after = template.split("{v}")
        start = self._fill(before)
        return start + self.value + self._fill(after), len(start)

    def question(self, rng: random.Random, *, held_out: bool) -> str:
        """Returns a question for the fact's value."""
        text = self._fill(rng.choice(_WORDS["held_out_questions" if held_out else "questions"]))
        if not held_out and rng.random() < 0.15:
            text = text.lower() if rng.random() < 0.3 else text.rstrip("?.") + rng.choice(("?", ""))
        return text

    def _fill(self, template: str) -> str:
        entity = self.entity
        capitalised = entity[0].upper() + entity[1:]
        return template.format(a=self.attribute, e=entity, E=capitalised)


def random_fact(rng: random.Random, words: list[str], near: Fact | None = None) -> Fact:
    """Draws a fact; with `near`, one that shares its attribute or its entity (a look-alike)."""
    attribute, entity = _attribute(rng, words), _entity(rng, words)
    if near is not None:
        if rng.random() < 0.5:
            attribute = near.attribute
        else:
            entity = near.entity
    return Fact(attribute, entity, _value(rng, words))


def linked_facts(rng: random.Random, words: list[str]) -> tuple[Fact, Fact]:
    """Draws two facts of which the second tells of the person whom the first names."""
    person = f"{rng.choice(_WORDS['first_names'])} {_name(rng, words)}"
    first = Fact(rng.choice(_WORDS["roles"]), _entity(rng, words), person)
    return first, Fact(_attribute(rng, words), person, _value(rng, words))


def over_two_hops(first: Fact, second: Fact) -> Fact:
    """Returns what two linked facts say together; no page states it in one sentence."""
    return Fact(second.attribute, f"the {first.attribute} of {first.entity}", second.value)


def _invented(rng: random.Random, low: int = 2, high: int = 4) -> str:
    syllables = (rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(low, high)))
    return "".join(syllables) + rng.choice(("", "", "n", "s", "r", "l"))


def _name(rng: random.Random, words: list[str]) -> str:
    draw = rng.random()
    if draw < 0.25:
        return rng.choice(_WORDS["cities"])
    return (rng.choice(words) if draw < 0.6 else _invented(rng)).capitalize()


def _attribute(rng: random.Random, words: list[str]) -> str:
    if rng.random() < 0.65:
        return rng.choice(_WORDS["attributes"])
    noun = rng.choice(rng.choice(_WORDS["attributes"]).split())
    return f"{rng.choice(words)} {noun}" if rng.random() < 0.7 else rng.choice(words)


def _entity(rng: random.Random, words: list[str]) -> str:
    draw = rng.random()
    if draw < 0.65:
        place = rng.choice(_WORDS["places"]) if rng.random() < 0.8 else rng.choice(words)
        return f"the {_name(rng, words)} {place}"
    if draw < 0.8:
        return f"{rng.choice(_WORDS['first_names'])} {_name(rng, words)}"
    if draw < 0.9:
        return f"{rng.choice(_WORDS['places'])} {rng.randint(1, 999)}"
    return f"the {rng.choice(words)} {rng.choice(_WORDS['places'])}"


def _value(rng: random.Random, words: list[str]) -> str:
    draw = rng.random()
    if draw < 0.34:
        return str(rng.randint(10, 10 ** rng.randint(2, 8)))
    if draw < 0.54:
        return "".join(rng.choice(CAPITALS + DIGITS) for _ in range(rng.randint(4, 8)))
    if draw < 0.64:
        return f"{rng.choice(CAPITALS)}{rng.choice(CAPITALS)}-{rng.randint(10, 9999)}"
    if draw < 0.72:
        return _name(rng, words)
    if draw < 0.80:
        return f"{rng.choice(_WORDS['first_names'])} {_name(rng, words)}"
    if draw < 0.85:
        return f"{rng.choice(words)}-{rng.choice(words)}"
    if draw < 0.90:
        return f"{rng.randint(1, 28)} {rng.choice(_WORDS['months'])} {rng.randint(1900, 2060)}"
    if draw < 0.94:
        return f"{rng.choice('$£€')}{rng.randint(1, 999)},{rng.randint(0, 999):03}"
    if draw < 0.97:
        return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    return _invented(rng)
