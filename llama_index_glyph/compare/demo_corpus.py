"""The demo's corpus: facts in Python's own documentation, told in ways that retrieval finds or not.

Some facts are stated once and mentioned nowhere else. Others are also mentioned in passing, in
sentences that share the question's words and do not hold the answer, as in any real archive: such
sentences take the places of the few chunks that are retrieved. Others are told at length, so that
the end of a chunk may part what is asked about from its value. Some questions have no answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from glyph_shared import Document
from glyph_shared.planted_facts import (
    SUBJECTS,
    PlantedFact,
    insert_sentences,
    plant_facts_about,
    sentence_ends,
)
from llama_index_glyph.compare.questions import Gold, Question

DOCUMENTS = 6
CHARS = 4000
"""Of each document, before facts are planted: some six of the reader's pages."""

PLAIN, MENTIONED, AT_LENGTH, UNANSWERABLE = 6, 6, 4, 4
MENTIONS = (
    "Whoever needs {subject} asks the porter.",
    "Nobody outside may be told {subject}.",
    "Every spring the board looks at {subject} again.",
    "Letters must not contain {subject}.",
)
OPENING = "There is a new {attribute} for {entity}."
BETWEEN = (
    "The board met twice in spring before it agreed, and thanked the porter for his patience.",
    "Nobody was to speak of it before the month was over, and for once nobody did.",
    "A letter with three seals tells what was decided.",
    "The clerk had asked for it three years before, and had been told to wait.",
    "Whoever was there that evening remembers the rain on the roof and the long silence.",
)
ENDING = "The {attribute} of the {place} is {value}."


@dataclass(frozen=True)
class DemoCorpus:
    """Documents and the questions about them."""

    documents: list[Document]
    questions: list[Question]

    def write(self, folder: Path) -> None:
        """Keeps the documents and ``questions.jsonl``, as the command takes them, in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for document in self.documents:
            (folder / document.name).write_text(document.text, encoding="utf-8", newline="")
        lines = (
            {
                "id": question.id,
                "question": question.question,
                "answers": list(question.answers),
                "gold": [
                    {"document": gold.document, "start": gold.start, "end": gold.end}
                    for gold in question.gold
                ],
            }
            for question in self.questions
        )
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / "questions.jsonl").write_text(text, encoding="utf-8")


def demo_corpus(seed: int = 0) -> DemoCorpus:
    """Makes the corpus: the same for a seed and a version of Python."""
    rng = random.Random(seed)
    subjects = rng.sample(SUBJECTS, PLAIN + MENTIONED + AT_LENGTH + UNANSWERABLE)
    documents, planted = _planted(_prose(), subjects, rng)
    facts = iter(planted)
    plain = list(islice(facts, PLAIN))
    mentioned = list(islice(facts, MENTIONED))
    at_length = [(fact, _told_at_length(fact, rng)) for fact in islice(facts, AT_LENGTH)]
    unanswerable = list(facts)
    # An unanswerable question is asked of texts that lack the statement, though not the words.
    for fact in unanswerable:
        documents = [_with(document, f" {fact.statement}", "") for document in documents]
    documents = _mentioning(documents, [*mentioned, *unanswerable[::2]], rng)
    for fact, passage in at_length:
        documents = [_with(document, fact.statement, passage) for document in documents]
    told = [(fact, fact.statement) for fact in (*plain, *mentioned)] + at_length
    asked = [*told, *((fact, fact.statement) for fact in unanswerable)]
    questions = [_question(f"q{n:02}", *one, documents) for n, one in enumerate(asked, start=1)]
    return DemoCorpus(documents, questions)


def _prose() -> Iterator[Document]:
    """Yields the beginnings of those topics of Python's own documentation with most sentences."""
    from pydoc_data.topics import topics

    prose = {name: _paragraphs(text)[:CHARS] for name, text in topics.items()}
    fullest = sorted(sorted(prose), key=lambda name: -prose[name].count(". "))[:DOCUMENTS]
    for name in sorted(fullest):
        yield Document.from_text(prose[name][: prose[name].rindex(".") + 1], f"{name}.txt")


def _paragraphs(text: str) -> str:
    """Returns the paragraphs of a text that are neither code nor lists, each on one line."""
    lines = (" ".join(part.split()) for part in text.split("\n\n") if not part.startswith(" "))
    return "\n\n".join(line for line in lines if line.endswith("."))


def _planted(
    prose: Iterator[Document], subjects: Sequence[tuple[str, str]], rng: random.Random
) -> tuple[list[Document], list[PlantedFact]]:
    """Spreads facts over documents; they come back in an order that has nothing to do with it."""
    documents, facts = [], []
    for number, document in enumerate(prose):
        planted, own = plant_facts_about(document, rng, subjects[number::DOCUMENTS])
        documents.append(planted)
        facts.extend(own)
    rng.shuffle(facts)
    return documents, facts


def _told_at_length(fact: PlantedFact, rng: random.Random) -> str:
    """Returns some sentences of which only the first names the place and the last the value."""
    attribute, _, entity = _subject(fact).removeprefix("the ").partition(" of ")
    place = entity.rpartition(" ")[2]
    between = rng.sample(BETWEEN, len(BETWEEN))
    ending = ENDING.format(attribute=attribute, place=place, value=fact.truth)
    return " ".join([OPENING.format(attribute=attribute, entity=entity), *between, ending])


def _subject(fact: PlantedFact) -> str:
    return fact.question.removeprefix("What is ").removesuffix("?")


def _with(document: Document, old: str, new: str) -> Document:
    return Document.from_text(document.text.replace(old, new), document.name)


def _mentioning(
    documents: Sequence[Document], facts: Sequence[PlantedFact], rng: random.Random
) -> list[Document]:
    """Mentions each fact once in each of several documents."""
    sentences: list[list[str]] = [[] for _ in documents]
    for fact in facts:
        subject = _subject(fact)
        for mention, own in zip(MENTIONS, rng.sample(sentences, len(MENTIONS)), strict=True):
            own.append(mention.format(subject=subject))
    made = []
    for document, own in zip(documents, sentences, strict=True):
        rng.shuffle(own)
        text, _ = insert_sentences(document.text, sentence_ends(document, rng, len(own)), own)
        made.append(Document.from_text(text, document.name))
    return made


def _question(
    name: str, fact: PlantedFact, statement: str, documents: Sequence[Document]
) -> Question:
    """Asks for a fact; where no document holds its statement, there is no answer."""
    gold = tuple(
        Gold(document.name, start, start + len(statement))
        for document in documents
        if (start := document.text.find(statement)) >= 0
    )
    return Question(name, fact.question, (fact.truth,) if gold else (), gold)
