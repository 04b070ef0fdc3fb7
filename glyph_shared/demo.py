"""``glyph demo``: facts planted in a real long document, and a model that finds them in its pages.

Everything is real: the pages are drawn, the reader sees their pixels over HTTP and nothing else,
and the facts are made up anew by each seed.
"""

from __future__ import annotations

import math
import os
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from glyph_shared.asking import Answer, GlyphClient, Progress
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planning import CompressionReport, Plan, SurveyRow, counted, survey
from glyph_shared.planted_facts import PlantedFact, plant_facts
from glyph_shared.rendering import Page, RenderConfig
from glyph_shared.serving import PageReader, running_embedded

DEMO_SECONDS = 170.0
"""What the demo may take, so that it ends within three minutes with start-up and last requests."""

PAGES_AT_A_TIME = 1
"""The reader is surest on a single page, and the others of a window cost as much."""

MOST_AT_ONCE = 4
"""Pages whose keys and values the reader keeps, so that further questions on them are cheap."""

SECONDS_PER_PAGE = (0.10, 0.15)
"""Three questions on a page: 733 pages took about 75 s on two cores, 108 s on a shared one."""

LONGEST_ANSWER = 32
SHORTEST_READING = 0.1


@dataclass(frozen=True)
class Outcome:
    """What became of one fact.

    Attributes:
        fact: The fact.
        answer: The reader's answer.
        page_index: The page that the fact stands on, from 0; the first of two, if it runs on.
        page_read: Whether the reader came that far.
    """

    fact: PlantedFact
    answer: Answer
    page_index: int
    page_read: bool

    @property
    def verdict(self) -> Literal["right", "wrong", "unread"]:
        """Compares the answer with the truth, to the char."""
        if self.answer.text == self.fact.truth:
            return "right"
        return "wrong" if self.page_read else "unread"


@dataclass(frozen=True)
class DemoResult:
    """What one run of the demo found.

    Attributes:
        document: The document with the facts in it.
        page_file: A page that holds a fact, as the reader saw it.
        default: Tokens of the whole document at the default θ.
        readers: The same at the reader's own θ, which compresses less or not at all.
        pages_read: Pages the reader looked at.
        pages: All pages at the reader's θ.
        seconds: How long it read.
        outcomes: One per fact.
    """

    document: Document
    page_file: Path
    default: CompressionReport
    readers: CompressionReport
    pages_read: int
    pages: int
    seconds: float
    outcomes: tuple[Outcome, ...]


def run_demo(
    reader: PageReader,
    *,
    seed: int,
    output: Path,
    document: Document | None = None,
    seconds: float = DEMO_SECONDS,
    say: Callable[[str], None],
    progress: Callable[[Progress], None],
) -> DemoResult:
    """Runs the demo.

    Args:
        reader: The model that reads.
        seed: Decides the facts and their places.
        output: Folder for the page that is kept.
        document: What the facts are planted in; Python's own documentation by default.
        seconds: What all of it may take. Pages are read in order until then.
        say: Told each step in a sentence.
        progress: Told after each page.

    Raises:
        ConfigError: ``seconds`` is not positive.
        InputError: The document is too short, or the page cannot be kept.
    """
    end = time.monotonic() + _checked(seconds)
    planted, facts = plant_facts(document or python_documentation(), seed)
    say(f"Planted {len(facts)} made-up facts in {planted.name}, {len(planted.text):,} chars.")
    [default] = survey(planted, {"en": RenderConfig.preset("en")}, max_tokens=0)
    with running_embedded(reader) as base_url, GlyphClient(base_url, reader.name) as client:
        made = client.plan(planted, max_pages=PAGES_AT_A_TIME)
        readers = _cost_of(made, default.report)
        page_file = _save_page(made.pages[_page_of(facts[0], made)], output)
        for line in _introduction(default, made, readers, page_file):
            say(line)
        started = time.monotonic()
        say(_announcement(len(made.pages), len(facts), seconds))
        # At least one page is read, however short the time.
        time_budget = max(end - started, SHORTEST_READING)
        answers = _read(client, made, facts, time_budget, progress)
        seconds_reading = time.monotonic() - started
    unread = _unread(answers)
    pages = [_page_of(fact, made) for fact in facts]
    return DemoResult(
        document=planted,
        page_file=page_file,
        default=default.report,
        readers=readers,
        pages_read=len(made.pages) - len(unread),
        pages=len(made.pages),
        seconds=seconds_reading,
        outcomes=tuple(
            Outcome(fact, answer, page, page not in unread)
            for fact, answer, page in zip(facts, answers, pages, strict=True)
        ),
    )


def python_documentation() -> Document:
    """Returns a long text that every Python carries: the topics of its own documentation."""
    from pydoc_data.topics import topics

    text = "\n\n".join(topics[name] for name in sorted(topics))
    return Document.from_text(text, "Python's own documentation")


def _checked(seconds: float) -> float:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"seconds must be a positive number; got {seconds}")
    return seconds


def _cost_of(made: Plan, counted: CompressionReport) -> CompressionReport:
    """Returns the cost of the reader's pages beside the same text tokens."""
    return CompressionReport(counted.text_tokens, made.visual_tokens, counted.tokenizer)


def _introduction(
    default: SurveyRow, made: Plan, readers: CompressionReport, page_file: Path
) -> tuple[str, ...]:
    return (
        f"Drawn for a large model (default θ): {counted(default.pages, 'page')}, {default.report}.",
        f"Drawn for the embedded reader: {counted(len(made.pages), 'page')}, {readers}.",
        ("That is no compression: " if readers.ratio < 1 else "It compresses less: ")
        + "larger letters are what a model this small can read.",
        f"One of its pages, with a fact on it: {page_file}",
    )


def _announcement(pages: int, questions: int, seconds: float) -> str:
    """Tells how long the reading may take; without a terminal nothing else is seen meanwhile."""
    low, high = (max(1, round(min(pages * each, seconds))) for each in SECONDS_PER_PAGE)
    expected = f"{low} to {high}" if low < high else f"{high}"
    return (
        f"Reading {counted(pages, 'page')} now, {counted(questions, 'question')} on each: about "
        f"{expected} s. It stops after {seconds:g} s in all."
    )


def _read(
    client: GlyphClient,
    made: Plan,
    facts: list[PlantedFact],
    seconds: float,
    progress: Callable[[Progress], None],
) -> list[Answer]:
    return client.ask_many(
        [fact.question for fact in facts],
        made,
        time_budget=seconds,
        concurrency=min(MOST_AT_ONCE, os.cpu_count() or 1),
        max_tokens=LONGEST_ANSWER,
        progress=progress,
    )


def _page_of(fact: PlantedFact, made: Plan) -> int:
    stops = [stop for _, stop in made.page_spans]
    return bisect_right(stops, fact.char_span[0])


def _unread(answers: list[Answer]) -> frozenset[int]:
    """Returns the pages that some question was not asked about."""
    parts = [part for answer in answers for part in answer.left_out]
    return frozenset(page for part in parts for page in range(part.start_page, part.stop_page))


def _save_page(page: Page, folder: Path) -> Path:
    file = folder / "page.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(page.png)
    except OSError as error:
        raise InputError(
            f"the page cannot be kept in {str(folder)!r}: {error.strerror or error}; choose "
            "another folder with --output"
        ) from None
    return file
