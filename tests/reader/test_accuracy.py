"""The shipped weights read: small samples of what training/reader/evaluate.py measures in full.

Bounds lie below the measured figures, far above what a model that sees no pixels reaches: names,
values and wordings are drawn at random.
"""

import random

import numpy as np
import pytest

from glyph_shared.metrics import character_accuracy
from glyph_shared.reader import Reader
from training.reader.bench import DENSE, Bench, drawn
from training.reader.corpus import Corpus
from training.reader.looks import OWN
from training.reader.pages import GridPage, make_page
from training.reader.segments import CONTINUE
from training.reader.stage_table import OWN_LOOK


@pytest.fixture(scope="module")
def bench(reader: Reader, corpus: Corpus) -> Bench:
    return Bench(reader, corpus)


def test_lines_are_read_on_from_where_a_quote_ends(bench: Bench, corpus: Corpus):
    rng = random.Random(1)
    scores: list[float] = []
    while len(scores) < 25:
        page = make_page(rng, corpus, 0)
        line = rng.choice(page.lines)
        if len(line) == len(line.lstrip()) > 50:
            reply = bench.ask(drawn([page]), CONTINUE + line[:12])
            scores.append(character_accuracy(reply.text[:36], line[12:48]))
    assert np.mean(scores) > 0.9


def test_a_page_is_transcribed_to_its_end(bench: Bench):
    measured = bench.transcripts(random.Random(2), 2, OWN_LOOK)
    assert measured["chars_per_page"] >= DENSE * OWN.rows * OWN.columns
    assert measured["character_accuracy"] > 0.6


def test_facts_are_looked_up_in_unseen_wordings(bench: Bench):
    found = bench.lookups(random.Random(1), 40, 1, OWN_LOOK)
    assert found["exact_match"] > 0.55
    assert found["unanswerable_answered"] < 0.2


def test_a_blank_page_answers_nothing(bench: Bench):
    blank = np.full((448, 560), 255, np.uint8)
    question = "What is the access code of the Lisbon office?"
    assert bench.ask([blank], question).text == bench.reader.refusal


def test_the_answer_follows_the_pixels(bench: Bench):
    question = "What is the budget of the Oslo archive?"
    answers = set()
    for value in ("4711", "820635", "77", "53098"):
        page = GridPage([f"The budget of the Oslo archive is {value}."])
        answers.add(bench.ask(drawn([page]), question).text)
    assert len(answers - {bench.reader.refusal}) >= 3
