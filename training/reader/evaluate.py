"""Measures a reader on fresh random facts: `python -m training.reader.evaluate`.

Everything is drawn by the renderer, every fact is new, and every question is asked in a wording
that training never showed. Runs on the core dependencies, without torch.

`--out FOLDER` keeps the figures; `python -m training.reader.stage_table` joins those of several
stages. `--demos 20` runs `glyph demo` with 20 seeds instead and counts what it found: up to three
minutes a seed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from glyph_shared.demo import run_demo
from glyph_shared.documents import Document
from glyph_shared.reader import Reader
from glyph_shared.reader.card import ReaderCard
from glyph_shared.reader.engine import WEIGHTS
from glyph_shared.serving import PageReader
from training.command import told_in_a_line
from training.reader.bench import Bench, Row
from training.reader.corpus import load_corpus
from training.reader.stage_table import OWN_LOOK, Results, markdown
from training.reader.unseen import look_name, looks_to_measure

PAGES = (1, 2, 4, 8, 16)
CHAINS = ((1, False), (1, True), (2, True))
"""Pages of two-hop questions, and whether their chains are alike."""

CARD_FIGURES = ("character_accuracy", "exact_match", "unanswerable_answered")
TOLD_EVERY_S = 20.0


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per measurement, and keeps them all in a folder."""
    options = _parser().parse_args(arguments)
    reader = Reader.load(options.weights)
    card = ReaderCard.load(options.weights)
    results = Results(options.name or card.name, options.seed, card.model_dump(), [])
    for row in demos(reader, options.demos) if options.demos else measurements(reader, options):
        print(json.dumps(row, ensure_ascii=False), flush=True)
        results.rows.append(row)
        if options.out is not None:
            results.save(options.out)
            (options.out / "table.md").write_text(markdown([results]), encoding="utf-8")
    if options.write_card:
        with_figures(card, results.rows).save(options.weights)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, default=WEIGHTS, help="folder that export wrote")
    add("--name", help="what tables call the stage; the name on the weights' card")
    add("--out", type=Path, help="folder for results.json and table.md")
    add("--cache", type=Path, default=Path("runs/reader"))
    add("--seed", type=int, default=20261)
    add("--transcripts", type=int, default=20, help="pages transcribed whole")
    add("--lookups", type=int, default=300, help="questions per page count")
    add("--pages", type=int, nargs="+", default=PAGES, help="page counts of lookups")
    add("--chains", type=int, default=100, help="two-hop questions of each kind")
    add("--looks", type=int, default=60, help="one-page questions per unseen look")
    add("--look-transcripts", type=int, default=4, help="pages transcribed per unseen look")
    add("--times", type=int, default=30, help="pages to time answers on")
    add("--documents", type=int, default=0, help="long documents read whole")
    add("--demos", type=int, default=0, help="seeds of glyph demo; nothing else")
    add("--write-card", action="store_true", help="note the looks' figures in reader.json")
    return parser


def measurements(reader: Reader, options: argparse.Namespace) -> Iterator[Row]:
    """Measures what is asked for, the quick things first; of 0 questions there is no row."""
    # More pages than it was trained on are measured too.
    most = max(reader.max_pages, *options.pages, *(pages for pages, _ in CHAINS))
    reader.card = reader.card.model_copy(update={"max_pages": most})
    bench = Bench(reader, load_corpus(options.cache, held_out=True), Progress())
    seed = options.seed
    if options.times:
        yield bench.speed(random.Random(f"{seed} times"), options.times)
    if options.transcripts:
        rng = random.Random(f"{seed} transcripts")
        yield bench.transcripts(rng, options.transcripts, OWN_LOOK)
    for pages in options.pages if options.lookups else ():
        rng = random.Random(f"{seed} {pages} pages")
        yield bench.lookups(rng, options.lookups, pages, OWN_LOOK)
    for pages, alike in CHAINS if options.chains else ():
        rng = random.Random(f"{seed} chains {pages} {alike}")
        yield bench.chains(rng, options.chains, pages, alike=alike)
    yield from _looks(bench, reader.card, options)
    for index in range(options.documents):
        yield bench.document(random.Random(f"{seed} {index}"))


def _looks(bench: Bench, card: ReaderCard, options: argparse.Namespace) -> Iterator[Row]:
    """Measures like texts in the reader's own look and in others."""
    looks, absent = looks_to_measure(look.theta for look in card.accepted)
    for name, look in looks.items():
        if options.look_transcripts:
            rng = random.Random(f"{options.seed} look transcripts")
            yield bench.transcripts(rng, options.look_transcripts, name, look)
        if options.looks:
            rng = random.Random(f"{options.seed} look lookups")
            yield bench.lookups(rng, options.looks, 1, name, look)
    if absent:
        _note(f"not measured, because they are not installed: {', '.join(absent)}")


def with_figures(card: ReaderCard, rows: Sequence[Row]) -> ReaderCard:
    """Returns the card with what the rows tell of its looks."""
    figures: dict[object, dict[str, object]] = {}
    for row in rows:
        told = {key: row[key] for key in CARD_FIGURES if key in row}
        figures.setdefault(row.get("look"), {}).update(told)
    looks = [
        {"theta": look.theta, "measured": figures.get(look_name(look.theta), look.measured)}
        for look in card.accepted
    ]
    return ReaderCard.model_validate({**card.model_dump(), "accepted": looks})


class Progress:
    """Notes on stderr how far a measurement is, at its start and from time to time."""

    def __init__(self) -> None:
        self._measure, self._started, self._told = "", 0.0, 0.0

    def __call__(self, measure: str, done: int, total: int) -> None:
        """Is told after each step."""
        now = time.monotonic()
        if measure != self._measure:
            self._measure, self._started, self._told = measure, now, now
            _note(f"{measure}: {total}")
        elif now - self._told >= TOLD_EVERY_S:
            self._told = now
            _note(f"{measure}: {done} of {total} in {now - self._started:.0f} s")


def demos(reader: PageReader, count: int, *, document: Document | None = None) -> Iterator[Row]:
    """Runs the demo with the seeds from 0 on; yields a row for each and one for all."""
    right = asked = all_right = 0
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            result = run_demo(
                reader,
                seed=seed,
                output=Path(folder),
                document=document,
                say=lambda line: None,
                progress=lambda done: None,
            )
        found = sum(outcome.verdict == "right" for outcome in result.outcomes)
        right, asked = right + found, asked + len(result.outcomes)
        all_right += found == len(result.outcomes)
        yield {
            "measure": "demo",
            "seed": seed,
            "facts_found": f"{found}/{len(result.outcomes)}",
            "verdicts": [outcome.verdict for outcome in result.outcomes],
            "answers": [outcome.answer.text for outcome in result.outcomes],
            "truth": [outcome.fact.truth for outcome in result.outcomes],
            "pages_read": f"{result.pages_read}/{result.pages}",
            "seconds": round(result.seconds, 1),
        }
    yield {
        "measure": "demos",
        "seeds": count,
        "facts_found": f"{right}/{asked}",
        "hit_rate": round(right / asked, 4),
        "seeds_all_right": f"{all_right}/{count}",
    }


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    with told_in_a_line():
        main()
