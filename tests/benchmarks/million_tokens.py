"""Asks about a million text tokens: five volumes of one long text, each with facts of its own.

    python -m tests.benchmarks.million_tokens [--plans-only] [--facts N] [--seconds N] [--json FILE]

First the plans: what each overflow policy makes of the text in the paper's window at the default
θ. Then the answers: the embedded reader finds the planted facts under ``hybrid`` and under
``map_reduce``. The second reads some 5,450 pages of the reader's own θ, each once for all
questions, in about 20 minutes of one core; ``--seconds`` ends it early. Times are CPU time of
client and reader together. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyph_shared.asking import Answer, GlyphClient, Progress
from glyph_shared.documents import Document
from glyph_shared.errors import OverLengthError
from glyph_shared.planning import DEFAULT_WINDOW, Overflow, Plan, TextTokenCounter, pick_counter
from glyph_shared.planning import plan as make_plan
from glyph_shared.planted_facts import SUBJECTS, PlantedFact, plant_facts_about
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig
from glyph_shared.serving import running_embedded
from tests.benchmarks import texts

VOLUMES = 5
VOLUME_CHARS = 890_000
"""Five of them are a million text tokens by our estimate."""

LONGEST_ANSWER = 32
HYBRID_PAGES = (1, 2, 4)
"""Windows of the embedded reader to retrieve for, in pages."""

TOLD_SHARE = 0.05
"""How often the long reading tells how far it is."""

console = Console(width=130)


@dataclass(frozen=True)
class Library:
    """Volumes of one text and what is planted in them.

    Attributes:
        volumes: The texts.
        facts: A volume's position and a fact in it, in order.
        text_tokens: What all of it costs as text.
        tokenizer: Who counted.
    """

    volumes: list[Document]
    facts: list[tuple[int, PlantedFact]]
    text_tokens: int
    tokenizer: str

    @property
    def questions(self) -> list[str]:
        """All that is asked."""
        return [fact.question for _, fact in self.facts]


@dataclass(frozen=True)
class PlanRow:
    """What one policy makes of the text: a mean over the questions where they differ."""

    policy: str
    pages: float
    visual_tokens: float
    requests: float
    ratio: float
    chars_left_out: float
    facts_sent: str
    note: str


@dataclass(frozen=True)
class AnswerRow:
    """What the embedded reader found.

    Attributes:
        policy: How the text was read.
        pages_at_once: Pages of a request at most.
        pages: Pages read, summed over the questions or once for all of them.
        facts_sent: How many facts stand on the pages that were read.
        right_on_its_page: How many were read right from the page that holds them, where that is
            known.
        found: How many answers are right to the char.
        refused: How many questions were answered by saying that the pages do not tell.
        asked: All questions.
        cpu_seconds: CPU time of client and reader.
        answers: The answers beside the truth.
    """

    policy: str
    pages_at_once: int
    pages: int
    facts_sent: int
    right_on_its_page: int | None
    found: int
    refused: int
    asked: int
    cpu_seconds: float
    answers: list[tuple[str, str]]


def main() -> None:
    """Plans, answers, and prints a table of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans-only", action="store_true", help="ask nothing")
    parser.add_argument("--chars", type=int, default=VOLUME_CHARS, help="of each volume")
    parser.add_argument("--facts", type=int, default=2, help="planted in each volume")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, help="when map_reduce stops reading")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    library = make_library(options.chars, options.facts, options.seed)
    console.print(
        f"{VOLUMES} volumes, {sum(len(one.text) for one in library.volumes):,} chars, "
        f"{library.text_tokens:,} text tokens ({library.tokenizer}), {len(library.facts)} facts"
    )
    planned = list(plan_rows(library))
    show_plans(planned)
    answered = [] if options.plans_only else list(answer_rows(library, options.seconds))
    if answered:
        show_answers(answered)
    if options.json:
        rows = {"plans": planned, "answers": answered}
        figures = {name: [asdict(row) for row in part] for name, part in rows.items()}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def make_library(chars: int, facts: int, seed: int) -> Library:
    """Plants facts, no two about one subject, in volumes of one text."""
    rng = random.Random(seed)
    subjects = rng.sample(SUBJECTS, VOLUMES * facts)
    text = texts.novel(chars)
    volumes: list[Document] = []
    planted: list[tuple[int, PlantedFact]] = []
    for number in range(VOLUMES):
        bare = Document.from_text(text, f"volume {number + 1}")
        about = subjects[number * facts : (number + 1) * facts]
        volume, found = plant_facts_about(bare, rng, about)
        volumes.append(volume)
        planted += ((number, fact) for fact in found)
    counter = pick_counter()
    text_tokens = sum(counter.count(volume.text) for volume in volumes)
    return Library(volumes, planted, text_tokens, counter.name)


# --- plans -------------------------------------------------------------------------------------


def plan_rows(library: Library, window: int = DEFAULT_WINDOW) -> Iterator[PlanRow]:
    """Plans the text under every policy, in one window's terms."""
    config, counter = RenderConfig.preset("en"), pick_counter()
    refusals: tuple[Overflow, ...] = ("error", "denser")
    for policy in refusals:
        try:
            made = make_plan(
                library.volumes, window, config=config, counter=counter, overflow=policy
            )
        except OverLengthError as error:
            yield PlanRow(policy, 0, 0, 0, 0, 0, "", str(error))
        else:
            yield _plan_row(policy, [made], [])
    yield _plan_row("hybrid", list(_hybrid_plans(library, window, config, counter)), library.facts)
    made = make_plan(library.volumes, window, config=config, counter=counter, overflow="map_reduce")
    yield _plan_row("map_reduce", [made], [])


def _hybrid_plans(
    library: Library, window: int, config: RenderConfig, counter: TextTokenCounter
) -> Iterator[Plan]:
    for question in library.questions:
        yield make_plan(
            library.volumes,
            window,
            config=config,
            counter=counter,
            overflow="hybrid",
            question=question,
        )


def _plan_row(policy: str, plans: list[Plan], facts: list[tuple[int, PlantedFact]]) -> PlanRow:
    sent = sum(fact.statement in made.text for made, (_, fact) in zip(plans, facts, strict=False))
    left = [sum(b - a for a, b in (part.char_span for part in made.left_out)) for made in plans]
    return PlanRow(
        policy=policy,
        pages=_mean(len(made.pages) for made in plans),
        visual_tokens=_mean(made.visual_tokens for made in plans),
        requests=_mean(len(made.windows) for made in plans),
        ratio=_mean(made.report.ratio for made in plans),
        chars_left_out=_mean(left),
        facts_sent=f"{sent}/{len(facts)}" if facts else "all",
        note=plans[0].overflow_note,
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def show_plans(rows: list[PlanRow]) -> None:
    """Prints what each policy sends; a refusal in its own words."""
    table = Table(title=f"Plans for a window of {DEFAULT_WINDOW:,} tokens, preset en")
    for column in ("policy", "pages", "visual tokens", "requests", "ρ", "chars left out"):
        table.add_column(column, justify="right")
    table.add_column("facts sent", justify="right")
    for row in rows:
        figures = (row.pages, row.visual_tokens, row.requests)
        cells = [f"{figure:,.0f}" for figure in figures] + [f"{row.ratio:.2f}"]
        cells += [f"{row.chars_left_out:,.0f}", row.facts_sent]
        table.add_row(row.policy, *(cells if row.pages else ["refused"]))
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.policy}: ", end="", highlight=False)
            console.print(row.note.removeprefix(f"{row.policy}: "), highlight=False)


# --- answers -----------------------------------------------------------------------------------


def answer_rows(library: Library, seconds: float | None) -> Iterator[AnswerRow]:
    """Has the embedded reader answer all questions, first under hybrid, then under map_reduce."""
    reader = Reader.load()
    with running_embedded(reader) as base_url, GlyphClient(base_url, reader.name) as client:
        for pages in HYBRID_PAGES:
            yield hybrid(client, library, pages)
        yield map_reduce(client, library, seconds)


def hybrid(client: GlyphClient, library: Library, max_pages: int) -> AnswerRow:
    """Asks each question about the passages nearest to it."""
    started = time.process_time()
    answers: list[Answer] = []
    pages = sent = 0
    for _, fact in library.facts:
        made = client.plan(library.volumes, fact.question, overflow="hybrid", max_pages=max_pages)
        pages, sent = pages + len(made.pages), sent + (fact.statement in made.text)
        answers.append(client.ask(fact.question, made, max_tokens=LONGEST_ANSWER))
    return _answer_row("hybrid", library, answers, max_pages, pages, sent, None, started)


def map_reduce(client: GlyphClient, library: Library, seconds: float | None) -> AnswerRow:
    """Asks all questions about every page."""
    started = time.process_time()
    made = client.plan(library.volumes, overflow="map_reduce", max_pages=1)
    answers = client.ask_many(
        library.questions,
        made,
        time_budget=seconds,
        concurrency=min(4, os.cpu_count() or 1),
        max_tokens=LONGEST_ANSWER,
        progress=_Told(started),
    )
    read = [{window.start_page: window.text for window in answer.windows} for answer in answers]
    homes = [_home(made, volume, fact) for volume, fact in library.facts]
    sent = sum(home in texts for home, texts in zip(homes, read, strict=True))
    right = sum(
        texts.get(home) == fact.truth
        for home, texts, (_, fact) in zip(homes, read, library.facts, strict=True)
    )
    pages = len(set().union(*read))
    return _answer_row("map_reduce", library, answers, 1, pages, sent, right, started)


class _Told:
    """Prints how far a long reading is, now and then."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._next = TOLD_SHARE

    def __call__(self, done: Progress) -> None:
        if done.pages_done >= self._next * done.pages_total:
            self._next = done.pages_done / done.pages_total + TOLD_SHARE
            spent = time.process_time() - self._started
            pages = f"{done.pages_done:,} of {done.pages_total:,} pages"
            console.print(f"map_reduce: {pages}, {spent:.0f} CPU s", highlight=False)


def _home(made: Plan, volume: int, fact: PlantedFact) -> int:
    """Returns the page that a fact begins on."""
    planned = made.documents[volume]
    pages = made.pages[planned.start_page : planned.stop_page]
    ends = [page.char_span[1] for page in pages]
    return planned.start_page + sum(end <= fact.char_span[0] for end in ends)


def _answer_row(
    policy: str,
    library: Library,
    answers: list[Answer],
    pages_at_once: int,
    pages: int,
    sent: int,
    right_on_its_page: int | None,
    started: float,
) -> AnswerRow:
    truths = [fact.truth for _, fact in library.facts]
    pairs = [(answer.text, truth) for answer, truth in zip(answers, truths, strict=True)]
    return AnswerRow(
        policy=policy,
        pages_at_once=pages_at_once,
        pages=pages,
        facts_sent=sent,
        right_on_its_page=right_on_its_page,
        found=sum(text == truth for text, truth in pairs),
        refused=sum(answer.refused for answer in answers),
        asked=len(answers),
        cpu_seconds=round(time.process_time() - started, 1),
        answers=pairs,
    )


def show_answers(rows: list[AnswerRow]) -> None:
    """Prints what was found, and each wrong answer beside the truth."""
    table = Table(title="The embedded reader's answers")
    for column in ("policy", "pages at once", "pages read", "facts on them", "right on its page"):
        table.add_column(column, justify="right")
    for column in ("found", "refused", "CPU s"):
        table.add_column(column, justify="right")
    for row in rows:
        own = "" if row.right_on_its_page is None else f"{row.right_on_its_page}/{row.asked}"
        table.add_row(
            row.policy,
            str(row.pages_at_once),
            f"{row.pages:,}",
            f"{row.facts_sent}/{row.asked}",
            own,
            f"{row.found}/{row.asked}",
            str(row.refused),
            f"{row.cpu_seconds:.0f}",
        )
    console.print(table)
    for row in rows:
        wrong = [f"{text!r} for {truth!r}" for text, truth in row.answers if text != truth]
        if wrong:
            at_once = f"{row.policy}, {row.pages_at_once} at once"
            console.print(f"wrong ({at_once}): {'; '.join(wrong)}", highlight=False)


if __name__ == "__main__":
    main()
