"""``glyph demo``: facts planted in a real long document, and a model that finds them in its pages.

Everything is real: the pages are drawn, the reader sees their pixels over HTTP and nothing else,
and the facts are made up anew by each seed.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glyph_shared.asking import Answer, GlyphClient, Progress
from glyph_shared.documents import Document
from glyph_shared.errors import InputError
from glyph_shared.planning import CompressionReport, survey
from glyph_shared.rendering import RenderConfig, render
from glyph_shared.serving import PageReader, running_embedded

READING_SECONDS = 150.0
"""What the reading may take, so that the whole demo ends within three minutes."""

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


@dataclass(frozen=True)
class Outcome:
    """A question, the right answer and the reader's."""

    fact: PlantedFact
    answer: Answer

    @property
    def right(self) -> bool:
        """Tells whether the reader's answer is the truth, to the char."""
        return self.answer.text == self.fact.truth


@dataclass(frozen=True)
class DemoResult:
    """What one run of the demo found.

    Attributes:
        document: The document with the facts in it.
        page_file: A page that holds a fact, as the reader saw it.
        default: Tokens of the whole document at the default θ.
        readers: The same at the reader's own θ, which is no compression.
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


def python_documentation() -> str:
    """Returns a long text that every Python carries: the topics of its own documentation."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def plant_facts(text: str, seed: int, count: int = 3) -> tuple[str, list[PlantedFact]]:
    """Puts random facts between random sentences of a text.

    Raises:
        InputError: The text has fewer places between sentences than facts to plant.
    """
    rng = random.Random(seed)
    places = [match.end() for match in _SENTENCE_END.finditer(text)]
    if len(places) < count:
        raise InputError(
            f"the document has {len(places)} places between sentences; {count} facts need as many"
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
    return "".join([*pieces, text[last:]]), facts


def run_demo(
    reader: PageReader,
    *,
    seed: int,
    output: Path,
    text: str | None = None,
    seconds: float = READING_SECONDS,
    say: Callable[[str], None],
    progress: Callable[[Progress], None],
) -> DemoResult:
    """Runs the demo.

    Args:
        reader: The model that reads.
        seed: Decides the facts and their places.
        output: Folder for the page that is kept.
        text: The document; Python's own documentation by default.
        seconds: How long the reader may read; it takes pages in order until then.
        say: Told each step in a sentence.
        progress: Told after each window of pages.
    """
    planted, facts = plant_facts(text or python_documentation(), seed)
    document = Document.from_text(planted, "Python's documentation" if text is None else "text")
    say(f"Planted {len(facts)} made-up facts in {document.name} ({len(planted):,} chars).")
    configs = {"default": RenderConfig.preset("en"), "reader": reader.render_config}
    default, readers = survey(document, configs, max_tokens=0)
    say(f"At the default θ: {default.pages} pages; {default.report}.")
    say(
        f"At the embedded reader's θ: {readers.pages} pages; {readers.report}. That is no "
        "compression: large letters are what a model this small can read."
    )
    page_file = _save_page(facts[0], planted, reader, output)
    say(f"A page as the reader sees it: {page_file}")
    started = time.perf_counter()
    answers = _read(reader, document, facts, seconds, progress)
    return DemoResult(
        document=document,
        page_file=page_file,
        default=default.report,
        readers=readers.report,
        pages_read=readers.pages - sum(p.stop_page - p.start_page for p in answers[0].left_out),
        pages=readers.pages,
        seconds=time.perf_counter() - started,
        outcomes=tuple(Outcome(f, a) for f, a in zip(facts, answers, strict=True)),
    )


def _read(
    reader: PageReader,
    document: Document,
    facts: list[PlantedFact],
    seconds: float,
    progress: Callable[[Progress], None],
) -> list[Answer]:
    with running_embedded(reader) as base_url, GlyphClient(base_url=base_url) as client:
        return client.ask_many(
            [fact.question for fact in facts],
            document,
            time_budget=seconds,
            concurrency=2,
            max_tokens=32,
            progress=progress,
        )


def _save_page(fact: PlantedFact, text: str, reader: PageReader, output: Path) -> Path:
    """Draws the page around a fact, at the reader's θ, into a file."""
    start = text.rfind("\n", 0, max(0, fact.char_span[0] - 400)) + 1
    page = render(text[start : fact.char_span[1] + 400], reader.render_config)[0]
    output.mkdir(parents=True, exist_ok=True)
    file = output / "page.png"
    file.write_bytes(page.png)
    return file


def _value(rng: random.Random, attribute: str) -> str:
    if attribute == "manager":
        return f"{rng.choice(NAMES)} {rng.choice(SURNAMES)}"
    if attribute == "password":
        return "".join(rng.choice(CAPITALS + "0123456789") for _ in range(6))
    if attribute == "access code":
        return f"{rng.choice(CAPITALS)}{rng.choice(CAPITALS)}-{rng.randint(1000, 9999)}"
    return str(rng.randint(1000, 999_999))
