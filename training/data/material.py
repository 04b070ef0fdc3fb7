"""What examples are made of: records in memory, and passages of the length that a task wants."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from glyph_shared.errors import InputError
from glyph_shared.planted_facts import insert_sentences
from training.data.invented import sentence
from training.data.records import Record

_PARAGRAPH_START = re.compile(r"(?<=\n)(?=\S)")
_SENTENCE_END = re.compile(r"[.!?。！？][”\"')\]]*(?=\s)|(?<=。)")
JOINT = "\n\n"


class Material:
    """Records to draw from, and the split of wordings that go with them.

    Attributes:
        records: The texts.
        instructed: Those that have an instruction, and its response.
        held_out: Whether instructions and questions are worded as training never words them.
    """

    def __init__(self, records: Sequence[Record], *, held_out: bool = False) -> None:
        if not records:
            raise InputError("there are no records to make examples of; add a source")
        self.records = records
        self.instructed = [record for record in records if record.instruction]
        self.held_out = held_out
        self._by_kind: dict[str, list[Record]] = {}
        for record in records:
            self._by_kind.setdefault(record.kind, []).append(record)

    def of_kind(self, kind: str) -> Sequence[Record]:
        """Returns the records of one kind, in their order."""
        return self._by_kind.get(kind, ())

    def passage(self, rng: random.Random, chars: int, *, prefer: str | None = None) -> str:
        """Draws a run of at most ``chars`` chars that begins and ends where a paragraph does.

        Where a record is shorter, others of its kind follow. ``prefer`` names a kind; where no
        record is of it, any will do.
        """
        first = rng.choice((prefer and self.of_kind(prefer)) or self.records)
        text = _from_paragraph(rng, first.text, chars)
        joint = "\n" if first.kind == "code" else JOINT
        while len(text) < chars:
            more = rng.choice(self.of_kind(first.kind)).text
            text = f"{text.rstrip()}{joint}{more}"
        return cut(text, chars)


def cut(text: str, chars: int) -> str:
    """Returns the beginning of a text: at most ``chars`` chars, up to the last whole line or so.

    A line that is longer than half of that is cut at a space.
    """
    if len(text) <= chars:
        return text
    end = text.rfind("\n", chars // 2, chars)
    if end < 0:
        end = text.rfind(" ", chars // 2, chars)
    return text[: end if end > 0 else chars]


def plant(
    rng: random.Random, text: str, statements: Sequence[str], *, held_out: bool = False
) -> tuple[str, list[tuple[int, int]]]:
    """Puts statements behind random sentences of a text, in random order.

    Invented sentences are appended while the text has too few places.

    Returns:
        The text, and the span of each statement.
    """
    ends = sentence_ends(text)
    while len(ends) < len(statements):
        text = f"{text.rstrip()} {sentence(rng, held_out=held_out)} "
        ends = sentence_ends(text)
    places = sorted(rng.sample(ends, len(statements)))
    order = rng.sample(range(len(statements)), len(statements))
    made, spans = insert_sentences(text, places, [statements[number] for number in order])
    by_statement = dict(zip(order, spans, strict=True))
    return made, [by_statement[number] for number in range(len(statements))]


def sentence_ends(text: str) -> list[int]:
    """Returns the offsets behind the sentences of a text."""
    return [match.end() for match in _SENTENCE_END.finditer(text)]


def _from_paragraph(rng: random.Random, text: str, chars: int) -> str:
    """Drops a random beginning of a text that is longer than wanted."""
    if len(text) <= chars:
        return text
    at = rng.randrange(len(text) - chars)
    start = _PARAGRAPH_START.search(text, at)
    if start is None or start.end() > len(text) - chars // 2:
        space = text.find(" ", at)
        return text[space + 1 :] if space >= 0 else text
    return text[start.end() :]
