"""The shipped weights read: small samples of what training/reader/evaluate.py measures in full.

Bounds lie well below the measured figures, far above what a model that sees no pixels reaches.
"""

import random

import numpy as np
import pytest

from glyph_shared.reader import Reader
from training.reader.corpus import Corpus
from training.reader.evaluate import Bench


@pytest.fixture(scope="module")
def bench(reader: Reader, corpus: Corpus) -> Bench:
    return Bench(reader, corpus)


def test_pages_are_transcribed(bench: Bench):
    found = bench.transcripts(random.Random(1), 2)
    assert found["chars_per_page"] >= 1000
    assert found["character_accuracy"] > 0.97


def test_facts_are_looked_up_in_unseen_wordings(bench: Bench):
    found = bench.lookups(random.Random(1), 40, pages=1)
    assert found["exact_match"] > 0.8
    assert found["unanswerable_answered"] < 0.2


def test_a_blank_page_answers_nothing(bench: Bench):
    blank = np.full((448, 560), 255, np.uint8)
    question = "What is the access code of the Lisbon office?"
    assert bench.ask([blank], question).text == bench.reader.refusal


def test_the_answer_follows_the_pixels(bench: Bench):
    question = "What is the budget of the Oslo archive?"
    for value in ("4711", "820635", "77"):
        page = bench.draw(f"The budget of the Oslo archive is {value}.")
        assert bench.ask([page], question).text == value
