"""Measures how exactly UUIDs come off a page, and what it costs to send them along as text.

    python -m tests.benchmarks.uuid_needles [--needles N] [--lookups N] [--json FILE]

UUIDs are planted in paragraphs of Python's own documentation. Tesseract (Debian: tesseract-ocr)
reads the pages of preset ``en`` at several dpi, each as it is and enlarged; 144 and 200 dpi are
what ``refine="hidpi"`` draws or could draw. The embedded reader looks UUIDs up on pages of its own
look, one at a time. Both see pixels alone, so neither measures the text that goes along; of that
the cost is told. Nothing here passes or fails; it takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyph_shared.asking import GlyphClient
from glyph_shared.asking.closer import closer
from glyph_shared.documents import Document
from glyph_shared.metrics import edit_distance
from glyph_shared.planning import PAGE_MARKS, Plan, pick_counter, plan
from glyph_shared.planted_facts import insert_sentences, sentence_ends
from glyph_shared.reader import Reader
from glyph_shared.rendering import Page, RenderConfig, render
from glyph_shared.serving import running_embedded
from tests.benchmarks import ocr, texts

DPIS = (72, 96, 144, 200)
NEEDLES_PER_PAGE, CHARS_PER_PAGE = 50, 6_300
"""Needles and prose that together fill most of a page of preset ``en``."""
SIDECARS = ((20, 8_500), (5, 9_500), (1, 10_000))
"""Needles and prose of a page whose sidecar is weighed."""
LOOKUP_CHARS = 600
"""Prose around a fact: with it about a page of the embedded reader."""
QUESTION = "What is the access code of the Lisbon office?"

console = Console(width=130)


@dataclass(frozen=True)
class OcrRow:
    """How Tesseract read all pages at one dpi and one enlargement."""

    dpi: int
    scale: int
    visual_tokens_per_page: float
    needles: int
    exact: int
    needle_accuracy: float
    page_accuracy: float


@dataclass(frozen=True)
class LookupRow:
    """How the embedded reader answered."""

    lookups: int
    exact: int
    refused: int
    char_accuracy: float


@dataclass(frozen=True)
class CostRow:
    """What the sidecar takes beside pages that hold so many UUIDs each."""

    per_page: float
    needles: int
    text_tokens: int
    tokenizer: str
    text_tokens_per_needle: float
    share_of_pages: float


@dataclass(frozen=True)
class SecondLookRow:
    """What a full page costs at the first look and at either second one."""

    visual_tokens: float
    visual_tokens_hidpi: float
    text_tokens: float
    tokenizer: str


def main() -> None:
    """Runs the measurements and prints their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--needles", type=int, default=100, help="UUIDs for Tesseract")
    parser.add_argument("--lookups", type=int, default=100, help="UUIDs for the embedded reader")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    costs = [sidecar_cost(options.needles, *page) for page in SIDECARS]
    show("The sidecar beside pages of preset en at 72 dpi", costs)
    show("A second look at a full page", [second_look_cost()])
    looked_up = [look_up(options.lookups)] if options.lookups else []
    show("The embedded reader, one page and one question each", looked_up)
    if not ocr.is_installed():
        console.print(f"OCR is left out: {ocr.NEEDS}")
    dpis = DPIS if ocr.is_installed() else ()
    rows: list[OcrRow] = []
    for dpi in dpis:
        rows += (read_now := read(options.needles, dpi))
        show(f"Tesseract, preset en at {dpi} dpi, {NEEDLES_PER_PAGE} UUIDs a page", read_now)
    if options.json:
        tables = {"ocr": rows, "reader": looked_up, "sidecar": costs}
        figures = {name: [asdict(row) for row in table] for name, table in tables.items()}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def haystack(count: int, chars: int, seed: int = 1) -> tuple[str, list[str]]:
    """Returns prose of so many chars with UUIDs between its words, and the UUIDs in order."""
    rng = random.Random(seed)
    prose = texts.one_paragraph(chars)
    spaces = [place for place, char in enumerate(prose) if char == " "]
    needles = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(count)]
    sentences = [f"The key of entry {number} is {one}." for number, one in enumerate(needles, 1)]
    text, _ = insert_sentences(prose, sorted(rng.sample(spaces, count)), sentences)
    return text, needles


def read(count: int, dpi: int) -> list[OcrRow]:
    """Reads pages at one dpi, as they are and enlarged."""
    text, needles = haystack(count, CHARS_PER_PAGE * -(-count // NEEDLES_PER_PAGE))
    pages = render(text, RenderConfig.preset("en").model_copy(update={"dpi": dpi}))
    tokens = sum(page.visual_tokens for page in pages) / len(pages)
    rows = []
    for scale in ocr.scales(dpi):
        readings = ocr.read_pages(pages, dpi, scale)
        lines = "\n".join(reading.lines for reading in readings)
        wrong = sum(min(len(one), ocr.nearest_distance(one, lines)) for one in needles)
        rows.append(
            OcrRow(
                dpi=dpi,
                scale=scale,
                visual_tokens_per_page=tokens,
                needles=count,
                exact=sum(one in lines for one in needles),
                needle_accuracy=1 - wrong / sum(map(len, needles)),
                page_accuracy=ocr.mean_accuracy(readings),
            )
        )
    return rows


def look_up(count: int) -> LookupRow:
    """Asks the embedded reader for one UUID on one page, so many times."""
    exact = refused = wrong = 0
    with running_embedded(Reader.load()) as url, GlyphClient(url) as client:
        for seed in range(count):
            text, truth = fact_page(seed)
            answer = client.ask(QUESTION, text)
            told = answer.text.strip().removesuffix(".")
            exact += told == truth
            refused += answer.refused
            wrong += min(len(truth), edit_distance(truth, told))
    return LookupRow(count, exact, refused, 1 - wrong / (36 * count))


def sidecar_cost(count: int, per_page: int, chars: int) -> CostRow:
    """Plans pages with so many UUIDs and chars of prose each, all UUIDs along as text."""
    text, _ = haystack(count, chars * -(-count // per_page))
    without, _ = haystack(0, chars * -(-count // per_page))
    made, bare = (_planned(context) for context in (text, without))
    # The documentation has a few exact strings of its own, which are not to be paid twice.
    cost = made.exact_text_tokens - bare.exact_text_tokens
    return CostRow(
        per_page=count / len(made.pages),
        needles=count,
        text_tokens=cost,
        tokenizer=made.report.tokenizer,
        text_tokens_per_needle=cost / count,
        share_of_pages=cost / made.visual_tokens,
    )


def second_look_cost(count: int = 5) -> SecondLookRow:
    """Weighs full pages of prose as they are read first, drawn again, and as text."""
    config = RenderConfig.preset("en")
    text = texts.one_paragraph(12_000 * (count + 1))
    pages = render(text, config)[:count]
    spoken = [text[slice(*page.char_span)] for page in pages]
    larger = [image for part in spoken for image in render(part, closer(config))]
    counter = pick_counter()
    return SecondLookRow(
        visual_tokens=_visual_tokens(pages) / count,
        visual_tokens_hidpi=_visual_tokens(larger) / count,
        text_tokens=sum(map(counter.count, spoken)) / count,
        tokenizer=counter.name,
    )


def _visual_tokens(pages: Sequence[Page]) -> int:
    return sum(page.visual_tokens + PAGE_MARKS for page in pages)


def _planned(text: str) -> Plan:
    return plan(text, 1 << 22, text_gate=False, exact_text_tokens=1 << 20)


def show(title: str, rows: Sequence[OcrRow | LookupRow | CostRow | SecondLookRow]) -> None:
    """Prints rows of one kind as a table."""
    if not rows:
        return
    table = Table(title=title)
    for name in asdict(rows[0]):
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(_shown(value) for value in asdict(row).values()))
    console.print(table)


def fact_page(seed: int) -> tuple[str, str]:
    """Returns a page's worth of prose with one UUID stated as a fact, and the UUID."""
    rng = random.Random(seed)
    prose = texts.one_paragraph(200_000)
    [end] = sentence_ends(Document.from_text(prose, "prose"), rng, 1)
    start = max(0, end - LOOKUP_CHARS // 2)
    truth = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    fact = f"The access code of the Lisbon office is {truth}."
    around = prose[start : start + LOOKUP_CHARS]
    return insert_sentences(around, [end - start], [fact])[0], truth


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
