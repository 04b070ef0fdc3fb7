"""A comparison that runs anywhere: the embedded reader, and facts in Python's documentation.

Some facts are stated once and mentioned nowhere else. Others are also mentioned in passing, in
sentences that share the question's words and do not hold the answer, as in any real archive: such
sentences take the places of the few chunks that are retrieved. Some questions have no answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from glyph_shared import AsyncGlyphClient, Document
from glyph_shared.asking import Endpoint
from glyph_shared.cli.console import say
from glyph_shared.cli.program import told_in_a_line
from glyph_shared.planted_facts import (
    SUBJECTS,
    PlantedFact,
    insert_sentences,
    plant_facts_about,
    sentence_ends,
)
from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded

from llama_index_glyph.compare.comparison import compare
from llama_index_glyph.compare.console import Told, run_with_bar, tell
from llama_index_glyph.compare.questions import Gold, Question
from llama_index_glyph.compare.report import write_report
from llama_index_glyph.compare.setup import Settings, make_arms

DOCUMENTS = 6
CHARS = 4000
"""Of each document, before facts are planted: some six of the reader's pages."""

PLAIN, MENTIONED, UNANSWERABLE = 8, 8, 4
MENTIONS = (
    "Whoever needs {subject} asks the porter.",
    "Nobody outside may be told {subject}.",
    "Every spring the board looks at {subject} again.",
    "Letters must not contain {subject}.",
)

SETTINGS = Settings(
    arms=("glyph", "rag-bm25", "hybrid"),
    chunk_size=256,
    chunk_overlap=20,
    max_pages=1,
    overflow="map_reduce",
    max_tokens=32,
)
"""Chunks of some 1,000 chars, of which LlamaIndex's default retrieves two. The reader is surest on
a single page."""


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
    subjects = rng.sample(SUBJECTS, PLAIN + MENTIONED + UNANSWERABLE)
    documents, facts = _planted(_prose(), subjects, rng)
    mentioned, unanswerable = facts[PLAIN : PLAIN + MENTIONED], facts[PLAIN + MENTIONED :]
    # An unanswerable question is asked of texts that lack the statement, though not the words.
    documents = [_without(document, unanswerable) for document in documents]
    documents = _mentioning(documents, [*mentioned, *unanswerable[::2]], rng)
    questions = [_question(number, fact, documents) for number, fact in enumerate(facts, start=1)]
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


def _without(document: Document, facts: Sequence[PlantedFact]) -> Document:
    text = document.text
    for fact in facts:
        text = text.replace(f" {fact.statement}", "")
    return Document.from_text(text, document.name)


def _mentioning(
    documents: Sequence[Document], facts: Sequence[PlantedFact], rng: random.Random
) -> list[Document]:
    """Mentions each fact once in each of several documents."""
    sentences: list[list[str]] = [[] for _ in documents]
    for fact in facts:
        subject = fact.question.removeprefix("What is ").removesuffix("?")
        for mention, own in zip(MENTIONS, rng.sample(sentences, len(MENTIONS)), strict=True):
            own.append(mention.format(subject=subject))
    made = []
    for document, own in zip(documents, sentences, strict=True):
        rng.shuffle(own)
        text, _ = insert_sentences(document.text, sentence_ends(document, rng, len(own)), own)
        made.append(Document.from_text(text, document.name))
    return made


def _question(number: int, fact: PlantedFact, documents: Sequence[Document]) -> Question:
    gold = tuple(
        Gold(document.name, start, start + len(fact.statement))
        for document in documents
        if (start := document.text.find(fact.statement)) >= 0
    )
    answers = (fact.truth,) if gold else ()
    return Question(f"q{number:02}", fact.question, answers, gold)


def run_demo(folder: Path, seed: int = 0) -> Path:
    """Runs the comparison against the embedded reader and returns the report's path.

    The documents and questions are left in the folder too. A second run of the same goes on where
    the first was interrupted.

    Raises:
        ConfigError: The folder holds the results of something else.
    """
    corpus = demo_corpus(seed)
    corpus.write(folder / "corpus")
    reader = Reader.load()
    say(
        f"Asking {len(corpus.questions)} questions about {len(corpus.documents)} documents in "
        f"{len(SETTINGS.arms)} ways; about a minute."
    )
    with running_embedded(reader) as base_url:
        endpoint = Endpoint.resolve(base_url=base_url, model=reader.name)

        async def work(told: Told) -> dict[str, Any]:
            async with AsyncGlyphClient.at(endpoint) as client:
                arms = await make_arms(corpus.documents, SETTINGS, endpoint, client)
                settings = {**SETTINGS.values(), "seed": seed, "model": reader.name}
                return await compare(
                    corpus.documents,
                    corpus.questions,
                    arms,
                    folder,
                    settings=settings,
                    progress=told,
                )

        summary = run_with_bar(work)
    report = write_report(folder)
    tell(summary, report)
    return report


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where results and report go.")
    ] = Path("compare-demo"),
    seed: Annotated[int, typer.Option(help="Decides the facts and where they stand.")] = 0,
) -> None:
    """Compare RAG with full context on made-up facts, with the embedded reader."""
    with told_in_a_line():
        run_demo(output, seed)


if __name__ == "__main__":
    typer.run(main)
