"""Writes examples that the reader learns from by rewards: `python -m training.reader.examples`.

Pages and questions are those that the reader is trained on, in the wordings of training.
Lookups of facts that are there, or not, are the task `questions`; a quote to be continued is `ocr`.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from glyph_shared.reader import Reader
from glyph_shared.reader.vocabulary import ANSWER_PREFIX, VOCABULARY
from training.command import told_in_a_line
from training.data.drawing import draw
from training.data.example_file import write_examples
from training.reader.corpus import Corpus, load_corpus
from training.reader.pages import GridPage
from training.reader.segments import Mix, Segment, draw_pages, draw_segment
from training.tasks.example import Example, Pages, user

THETA = "reader"
TASK_OF = {"copy": "ocr", "lookup": "questions", "absent": "questions", "two_hop": "questions"}

MIX = Mix(copy=0.02)
"""Of quotes, whose length is what a step waits for, there are few."""

QUESTIONS = 6
"""How many questions are asked of the same pages."""

LONGEST_ANSWER = 52
"""In tokens: a quote's continuation, and what ends it."""

TWO_PAGES = 0.4
"""The share of prompts with two pages."""


def main(arguments: list[str] | None = None) -> None:
    """Writes a file of examples, the same for the same seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/rl_reader_data/examples.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path("runs/reader"))
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument(
        "--absent",
        type=float,
        default=0.25,
        help="the share of questions for what the pages do not say",
    )
    parser.add_argument(
        "--unsure",
        type=float,
        default=1.0,
        help="keep what the reader answers with less than this probability",
    )
    parser.add_argument("--weights", type=Path, help="the reader's; as a rule those that ship")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus(options.cache, held_out=False)
    drawn = examples(corpus, options.count, options.seed, absent=options.absent)
    reader = Reader.load(options.weights)
    kept = (one for one in drawn if options.unsure >= 1 or sureness(reader, one) < options.unsure)
    write_examples(options.out, kept)


def examples(corpus: Corpus, count: int, seed: int, *, absent: float = 0.25) -> Iterator[Example]:
    """Draws examples, each from the seed and its own number."""
    mix = replace(MIX, absent=absent)
    for number in range(count):
        rng = random.Random(f"{seed} pages {number // QUESTIONS}")
        pages = _pages(rng, corpus)
        rng = random.Random(f"{seed} {number}")
        yield example(str(number), pages, draw_segment(rng, corpus, pages, mix, held_out=False))


def sureness(reader: Reader, asked: Example) -> float:
    """Returns the probability of a reader's greedy answer.

    Where it is near 1, all answers of a group are alike and nothing is learned of them.
    """
    pages = [page.pixels for page in draw(asked).all_pages]
    question = str(asked.turns[-1].parts[-1])
    tokens = reader.generate(pages, question, max_tokens=LONGEST_ANSWER)
    return math.exp(sum(token.logprob for token in tokens))


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


def _pages(rng: random.Random, corpus: Corpus) -> list[GridPage]:
    """Draws one page or two, of which at least one states a fact."""
    while True:
        pages = draw_pages(rng, corpus, replace(MIX, pages=1 + (rng.random() < TWO_PAGES)))
        if any(one.planted for one in pages):
            return pages


def _text(ids: list[int]) -> str:
    return "".join(VOCABULARY[token] for token in ids)


if __name__ == "__main__":
    with told_in_a_line():
        main()
