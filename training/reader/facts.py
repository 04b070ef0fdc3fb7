"""Facts planted in pages, and the questions asked about them.

Names and values are drawn at random, so nothing but the page can tell the answer. Question
wordings are split: the evaluation asks in wordings that training never showed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

ATTRIBUTES = tuple(
    [
        "access code",
        "phone number",
        "manager",
        "budget",
        "password",
        "opening year",
        "serial number",
        "room number",
        "owner",
        "deadline",
        "price",
        "supplier",
        "contact person",
        "target",
        "index",
        "door code",
        "locker number",
        "badge number",
        "account number",
        "reference number",
        "start date",
        "closing time",
        "capacity",
        "weight",
        "director",
        "secretary",
        "favourite colour",
        "postal code",
        "security phrase",
        "invoice total",
        "ticket number",
        "license plate",
        "inventory number",
        "chief engineer",
        "delivery date",
        "monthly rent",
        "flight number",
        "platform number",
        "project leader",
        "backup code",
        "storage key",
        "order number",
        "project code",
        "case number",
        "call sign",
        "house number",
        "registration code",
        "pass phrase",
        "seat number",
        "shelf mark",
        "entry code",
        "safe combination",
    ]
)
PLACES = tuple(
    [
        "office",
        "project",
        "station",
        "warehouse",
        "server",
        "team",
        "factory",
        "laboratory",
        "branch",
        "school",
        "market",
        "bridge",
        "garden",
        "hotel",
        "library",
        "museum",
        "harbour",
        "clinic",
        "depot",
        "workshop",
        "archive",
        "theatre",
        "mill",
        "observatory",
        "bakery",
        "vault",
        "department",
        "conference",
        "expedition",
        "ship",
        "farm",
        "gallery",
    ]
)
CITIES = tuple(
    [
        "Lisbon",
        "Oslo",
        "Vienna",
        "Prague",
        "Dublin",
        "Madrid",
        "Athens",
        "Warsaw",
        "Helsinki",
        "Geneva",
        "Lyon",
        "Porto",
        "Bergen",
        "Turin",
        "Leeds",
        "Boston",
        "Denver",
        "Austin",
        "Quito",
        "Lima",
        "Cairo",
        "Tunis",
        "Nairobi",
        "Accra",
        "Delhi",
        "Osaka",
        "Seoul",
        "Hanoi",
        "Perth",
        "Sydney",
        "Toronto",
        "Calgary",
        "Havana",
        "Bogota",
        "Berlin",
        "Munich",
        "Zurich",
        "Milan",
        "Naples",
        "Riga",
    ]
)
FIRST_NAMES = tuple(
    [
        "Maria",
        "Anna",
        "Peter",
        "John",
        "Laura",
        "Omar",
        "Yuki",
        "Chen",
        "Ivan",
        "Sofia",
        "Emma",
        "Lucas",
        "Nina",
        "Paul",
        "Clara",
        "Hugo",
        "Ada",
        "Felix",
        "Ruth",
        "Simon",
        "Alice",
        "Victor",
        "Elena",
        "Marco",
        "Priya",
        "Tomas",
    ]
)
MONTHS = tuple(
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]
)
CONSONANTS, VOWELS = "bcdfghjklmnpqrstvwz", "aeiou"
CAPITALS, DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"

STATEMENTS = (
    "The {a} of {e} is {v}.",
    "The {a} of {e} is {v}.",
    "The {a} of {e} is {v}.",
    "The {a} for {e} is {v}.",
    "The {a} of {e} was {v}.",
    "For {e} the {a} is {v}.",
    "For {e}, the {a} was set to {v}.",
    "Note that the {a} of {e} is {v}.",
    "At {e} the {a} is now {v}.",
    "As of this week the {a} of {e} is {v}.",
    "We were told that the {a} of {e} would be {v}.",
    "The {a} of {e}, according to the register, is {v}.",
    "Remember: the {a} of {e} is {v}.",
    "Yesterday the {a} of {e} changed to {v}.",
    "{E} has the {a} {v}.",
    "{E}: {a} {v}.",
    "{E} {a}: {v}.",
    "{E} uses {v} as its {a}.",
    "It was agreed that the {a} of {e} should be {v}.",
    "It was agreed that {v} would be the {a} of {e}.",
    "They chose {v} as the {a} of {e}.",
)
QUESTIONS = (
    "What is the {a} of {e}?",
    "What is the {a} of {e}?",
    "What is the {a} of {e}?",
    "What is the {a} for {e}?",
    "What was the {a} of {e}?",
    "Which {a} does {e} have?",
    "Which {a} belongs to {e}?",
    "Tell me the {a} of {e}.",
    "Give the {a} of {e}.",
    "Give me the {a} for {e}, please.",
    "{a} of {e}?",
    "{e}: {a}?",
    "{e} {a}",
    "Find the {a} of {e}.",
    "Look up the {a} of {e}.",
    "What {a} was given for {e}?",
    "Do you know the {a} of {e}?",
    "Please state the {a} of {e}.",
    "According to the text, what is the {a} of {e}?",
    "For {e}, what is the {a}?",
    "What does the document say about the {a} of {e}?",
    "I need the {a} of {e}.",
    "What's the {a} for {e}?",
    "Where the text speaks of {e}, what is the {a}?",
    "Write down the {a} of {e}",
    "How is the {a} of {e} stated?",
    "Does {e} have a certain {a}, and which?",
    "Someone asked for the {a} of {e}. What is it?",
    "Question: what is the {a} of {e}? Answer briefly.",
    "At {e}, what is the {a}?",
)
HELD_OUT_QUESTIONS = (
    "Can you tell me what the {a} of {e} is?",
    "What value is recorded as the {a} of {e}?",
    "Regarding {e}: which {a} is mentioned?",
    "I forgot the {a} of {e}, what was it?",
    "Name the {a} of {e}.",
    "When it comes to {e}, what is the {a}?",
    "Say what the {a} of {e} is.",
    "Could you read out the {a} of {e}?",
    "We are looking for the {a} of {e}.",
    "Show the {a} that {e} has.",
)


@dataclass(frozen=True)
class Fact:
    """One planted statement: the attribute `attribute` of `entity` has the value `value`."""

    attribute: str
    entity: str
    value: str

    def statement(self, rng: random.Random) -> tuple[str, int]:
        """Returns a sentence that states the fact, and where the value starts in it."""
        template = rng.choice(STATEMENTS)
        before, after = template.split("{v}")
        start = self._fill(before)
        return start + self.value + self._fill(after), len(start)

    def question(self, rng: random.Random, *, held_out: bool) -> str:
        """Returns a question for the fact's value."""
        text = self._fill(rng.choice(HELD_OUT_QUESTIONS if held_out else QUESTIONS))
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


def _invented(rng: random.Random, low: int = 2, high: int = 4) -> str:
    syllables = (rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(low, high)))
    return "".join(syllables) + rng.choice(("", "", "n", "s", "r", "l"))


def _name(rng: random.Random, words: list[str]) -> str:
    draw = rng.random()
    if draw < 0.25:
        return rng.choice(CITIES)
    return (rng.choice(words) if draw < 0.6 else _invented(rng)).capitalize()


def _attribute(rng: random.Random, words: list[str]) -> str:
    if rng.random() < 0.65:
        return rng.choice(ATTRIBUTES)
    noun = rng.choice(rng.choice(ATTRIBUTES).split())
    return f"{rng.choice(words)} {noun}" if rng.random() < 0.7 else rng.choice(words)


def _entity(rng: random.Random, words: list[str]) -> str:
    draw = rng.random()
    if draw < 0.65:
        place = rng.choice(PLACES) if rng.random() < 0.8 else rng.choice(words)
        return f"the {_name(rng, words)} {place}"
    if draw < 0.8:
        return f"{rng.choice(FIRST_NAMES)} {_name(rng, words)}"
    if draw < 0.9:
        return f"{rng.choice(PLACES)} {rng.randint(1, 999)}"
    return f"the {rng.choice(words)} {rng.choice(PLACES)}"


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
        return f"{rng.choice(FIRST_NAMES)} {_name(rng, words)}"
    if draw < 0.85:
        return f"{rng.choice(words)}-{rng.choice(words)}"
    if draw < 0.90:
        return f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(1900, 2060)}"
    if draw < 0.94:
        return f"{rng.choice('$£€')}{rng.randint(1, 999)},{rng.randint(0, 999):03}"
    if draw < 0.97:
        return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    return _invented(rng)
