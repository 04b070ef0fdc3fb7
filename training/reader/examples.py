"""Writes examples that the reader learns from by rewards: `python -m training.reader.examples`.

Pages and questions are those that `training.reader.train` is fed with, in the wordings of training.
Lookups of facts that are there, or not, are the task `questions`; a quote to be continued is `ocr`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from glyph_shared.reader.vocabulary import ANSWER_PREFIX, VOCABULARY
from training.data.example_file import write_examples
from training.reader.corpus import Corpus, load_corpus
from training.reader.pages import GridPage
from training.reader.segments import Mix, Segment, draw_page, draw_segment
from training.tasks.example import Example, Pages, user

THETA = "reader"
TASK_OF = {"copy": "ocr", "lookup": "questions", "absent": "questions"}

MIX = Mix(copy=0.1, absent=0.18)
"""One quote in ten; a fifth of the lookups ask for what the pages do not say."""

TWO_PAGES = 0.4
"""The share of prompts with two pages."""


def main(arguments: list[str] | None = None) -> None:
    """Writes a file of examples, the same for the same seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/rl_reader_data/examples.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path("runs/reader"))
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus(options.cache, held_out=False)
    write_examples(options.out, examples(corpus, options.count, options.seed))


def examples(corpus: Corpus, count: int, seed: int) -> Iterator[Example]:
    """Draws examples, each from the seed and its own number."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        pages = [draw_page(rng, corpus, MIX) for _ in range(1 + (rng.random() < TWO_PAGES))]
        yield example(str(number), pages, draw_segment(rng, corpus, pages, MIX, held_out=False))


def example(name: str, pages: list[GridPage], asked: Segment) -> Example:
    """Returns what a segment asks of its pages, with its answer."""
    question = asked.ids[: asked.given - len(ANSWER_PREFIX)]
    shown = (Pages("\n".join(one.lines).rstrip() or "-", THETA, first=1) for one in pages)
    return Example(
        id=name,
        task=TASK_OF[asked.kind],
        turns=(user(*shown, _text(question)),),
        target=_text(asked.ids[asked.given : -1]),
        about={"kind": asked.kind},
    )


def _text(ids: list[int]) -> str:
    return "".join(VOCABULARY[token] for token in ids)


if __name__ == "__main__":
    main()
