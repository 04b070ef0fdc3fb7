"""Made-up facts put between the sentences of a document, for a reader to find.

Names, places and values are drawn at random, so nothing but the document can tell the answer.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from glyph_shared.documents import Document
from glyph_shared.errors import InputError

FACTS = 3

ATTRIBUTES = ("access code", "phone number", "manager", "budget", "password", "locker number")
PLACES = ("office", "warehouse", "laboratory", "station", "archive", "workshop")
CITIES = ("Lisbon", "Oslo", "Vienna", "Dublin", "Prague", "Porto", "Geneva", "Turin", "Riga")
NAMES = ("Maria", "Peter", "Laura", "Omar", "Nina", "Felix", "Clara", "Hugo")
SURNAMES = ("Keller", "Lindqvist", "Moreau", "Tanaka", "Okafor", "Novak", "Silva", "Hansen")
CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZ"

_SENTENCE_END = re.compile(r"[a-z]\.(?= [A-Z])")


@dataclass(frozen=True)
class PlantedFact:
    """A sentence put into the document.

    Attributes:
        question: What is asked.
        statement: The sentence.
        truth: The right answer.
        char_span: Where the sentence stands in the document.
    """

    question: str
    statement: str
    truth: str
    char_span: tuple[int, int]


def plant_facts(
    document: Document, seed: int, count: int = FACTS
) -> tuple[Document, list[PlantedFact]]:
    """Puts random facts between random sentences of a document.

    Raises:
        InputError: The text has fewer places between sentences than facts to plant.
    """
    rng, text = random.Random(seed), document.text
    places = [match.end() for match in _SENTENCE_END.finditer(text)]
    if len(places) < count:
        raise InputError(
            f"{document.name} has {len(places)} places between sentences; {count} facts need as "
            "many: give a longer document"
        )
    subjects = rng.sample([(a, c) for a in ATTRIBUTES for c in CITIES], count)
    facts: list[PlantedFact] = []
    pieces: list[str] = []
    length = last = 0
    for place, (attribute, city) in zip(sorted(rng.sample(places, count)), subjects, strict=True):
        entity, value = f"the {city} {rng.choice(PLACES)}", _value(rng, attribute)
        statement = f"The {attribute} of {entity} is {value}."
        pieces += [text[last:place], " ", statement]
        length += place - last + 1
        span = (length, length + len(statement))
        facts.append(PlantedFact(f"What is the {attribute} of {entity}?", statement, value, span))
        length, last = span[1], place
    return Document.from_text("".join([*pieces, text[last:]]), document.name), facts


def _value(rng: random.Random, attribute: str) -> str:
    if attribute == "manager":
        return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    if attribute == "password":
        return "".join(rng.choice(CAPITALS + "0123456789") for _ in range(6))
    if attribute == "access code":
        return f"{rng.choice(CAPITALS)}{rng.choice(CAPITALS)}-{rng.randint(1000, 9999)}"
    return str(rng.randint(1000, 999_999))
