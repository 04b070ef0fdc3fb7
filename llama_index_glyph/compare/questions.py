"""Questions with their answers and the places that hold them, from a JSONL file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyph_shared import Document, InputError

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Gold:
    """A place that holds the answer.

    Attributes:
        document: The document's name.
        start: First char in its text.
        end: One past the last. Both are None where only the document is known.
    """

    document: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what is known of its answer.

    Attributes:
        id: Its name among the questions.
        question: What is asked.
        answers: The right answers; none where the documents do not hold one.
        gold: The places that hold the answer; none where they are not known.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    gold: tuple[Gold, ...] = ()

    @property
    def unanswerable(self) -> bool:
        """Whether the right answer is that there is none."""
        return not self.answers

    def values(self) -> dict[str, Any]:
        """Returns what each row of the results says of the question."""
        return {
            "question": self.question,
            "answers": list(self.answers),
            "unanswerable": self.unanswerable,
            "gold": [asdict(place) for place in self.gold],
        }


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Place(_Line):
    document: str
    start: int | None = Field(default=None, ge=0)
    end: int | None = None
    text: str | None = Field(default=None, min_length=1)


class _Asked(_Line):
    id: str | None = Field(default=None, min_length=1)
    question: str = Field(pattern=r"\S")
    answers: str | list[str]
    gold: list[_Place] = []


def read_questions(path: Path, documents: Sequence[Document]) -> list[Question]:
    r"""Reads questions from a JSONL file, one JSON object a line; empty lines do not count.

    ::

        {"question": "Who wrote it?", "answers": ["Ada"], "gold": [{"document": "a.txt",
         "text": "Ada wrote it."}]}

    ``answers`` is a text or a list, which is empty where the documents hold no answer. ``gold`` may
    be left out; each place names a document and, if known, the chars ``start`` to ``end`` in its
    text, or the ``text`` itself, which must stand there once. ``id`` may be left out too.

    Raises:
        InputError: The file cannot be read, or a line cannot be used; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else f"it is no UTF-8 ({error})"
        raise InputError(f"the questions cannot be read from {str(path)!r}: {told}") from None
    texts = {document.name: document.text for document in documents}
    questions = [
        _question(line, number, f"line {number} of {path.name}", texts)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not questions:
        raise InputError(f"{path.name} holds no question; give one JSON object a line")
    names = Counter(question.id for question in questions)
    if twice := [name for name, times in names.items() if times > 1]:
        raise InputError(f"{path.name} has the id {twice[0]!r} more than once; ids must differ")
    return questions


def _question(line: str, number: int, where: str, texts: Mapping[str, str]) -> Question:
    try:
        asked = _Asked.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where}: {_problem(error)}; got {line[:_SHOWN]!r}") from None
    answers = [asked.answers] if isinstance(asked.answers, str) else asked.answers
    if not all(answer.strip() for answer in answers):
        raise InputError(f"{where}: an answer is empty; an unanswerable question has answers []")
    if asked.gold and not answers:
        raise InputError(f"{where}: gold without answers; an unanswerable question has none")
    gold = tuple(_gold(place, where, texts) for place in asked.gold)
    return Question(asked.id or f"q{number}", asked.question, tuple(answers), gold)


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    # Its own line number is that within the line.
    told = first["msg"].replace(" at line 1 column ", " at char ")
    return f"{field}: {told}" if field else told


def _gold(place: _Place, where: str, texts: Mapping[str, str]) -> Gold:
    text = texts.get(place.document)
    if text is None:
        known = ", ".join(map(repr, list(texts)[:5]))
        raise InputError(
            f"{where}: there is no document {place.document!r}; the first ones are {known}"
        )
    if place.text is not None:
        return _quoted(place.document, place.text, text, where)
    if place.start is None and place.end is None:
        return Gold(place.document)
    if place.start is None or place.end is None or not place.start < place.end <= len(text):
        raise InputError(
            f"{where}: gold must be start < end within the {len(text):,} chars of "
            f"{place.document!r}; got {place.start} and {place.end}"
        )
    return Gold(place.document, place.start, place.end)


def _quoted(document: str, quote: str, text: str, where: str) -> Gold:
    times = text.count(quote)
    if times != 1:
        raise InputError(
            f"{where}: the gold text must stand in {document!r} once and stands there {times} "
            f"times; quote more of it, or give start and end; got {quote[:_SHOWN]!r}"
        )
    start = text.index(quote)
    return Gold(document, start, start + len(quote))
