"""Made-up facts put between the sentences of a document, for a reader to find.

Names, places and values are drawn at random, so nothing but the document can tell the answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
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

SUBJECTS = tuple((attribute, city) for attribute in ATTRIBUTES for city in CITIES)
"""What facts may be about; two facts about one of them would contradict each other."""

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
    rng = random.Random(seed)
    return plant_facts_about(document, rng, rng.sample(SUBJECTS, count))


def plant_facts_about(
    document: Document, rng: random.Random, subjects: Sequence[tuple[str, str]]
) -> tuple[Document, list[PlantedFact]]:
    """Puts a random fact about each of some ``SUBJECTS`` between random sentences of a document.

    Raises:
        InputError: The text has fewer places between sentences than facts to plant.
    """
    places = sentence_ends(document, rng, len(subjects))
    made: list[tuple[str, str, str]] = []
    for attribute, city in subjects:
        entity, value = f"the {city} {rng.choice(PLACES)}", _value(rng, attribute)
        question = f"What is the {attribute} of {entity}?"
        made.append((question, f"The {attribute} of {entity} is {value}.", value))
    text, spans = insert_sentences(document.text, places, [statement for _, statement, _ in made])
    facts = [PlantedFact(*fact, span) for fact, span in zip(made, spans, strict=True)]
    return Document.from_text(text, document.name), facts


def sentence_ends(document: Document, rng: random.Random, count: int) -> list[int]:
    """Draws offsets between two sentences of a document, in ascending order.

    Raises:
        InputError: The text has fewer such places.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(document.text)]
    if len(ends) < count:
        raise InputError(
            f"{document.name} has {len(ends)} place{'s' * (len(ends) != 1)} between sentences and "
            f"{count} facts need {count}; give a longer document"
        )
    return sorted(rng.sample(ends, count))


def insert_sentences(
    text: str, places: Sequence[int], sentences: Sequence[str]
) -> tuple[str, list[tuple[int, int]]]:
    """Puts sentences behind a space at ascending offsets; returns the text and their spans."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    length = last = 0
    for place, sentence in zip(places, sentences, strict=True):
        pieces += [text[last:place], " ", sentence]
        start = length + place - last + 1
        length, last = start + len(sentence), place
        spans.append((start, length))
    return "".join([*pieces, text[last:]]), spans


def _value(rng: random.Random, attribute: str) -> str:
    if attribute == "manager":
        return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    if attribute == "password":
        return "".join(rng.choice(CAPITALS + "0123456789") for _ in range(6))
    if attribute == "access code":
        return f"{rng.choice(CAPITALS)}{rng.choice(CAPITALS)}-{rng.randint(1000, 9999)}"
    return str(rng.randint(1000, 999_999))
