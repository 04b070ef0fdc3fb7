"""The hit rate of ``glyph demo`` over several seeds, with a reader whose hits are known."""

from __future__ import annotations

import json
import random

import pytest

from glyph_shared.documents import Document
from glyph_shared.planted_facts import FACTS, plant_facts
from glyph_shared.reader import Reader
from glyph_shared.rendering import render
from tests.cli.knowing_reader import KnowingReader
from training.reader import bench, evaluate
from training.reader.corpus import Corpus

PROSE = Document.from_text("It rained all day. Nobody went out. " * 120, "story.txt")


@pytest.fixture
def reader() -> KnowingReader:
    """Knows all facts of seed 0, and of seed 1 the first alone."""
    made = KnowingReader()
    for seed, known in ((0, FACTS), (1, 1)):
        planted, facts = plant_facts(PROSE, seed)
        for page in render(planted.text, made.render_config):
            for fact in facts[:known]:
                if page.char_span[0] <= fact.char_span[0] < page.char_span[1]:
                    made.learn(page, fact.question, fact.truth)
    return made


def test_each_seed_has_a_row_and_the_last_row_sums_them(reader):
    first, second, total = evaluate.demos(reader, 2, document=PROSE)
    assert (first["seed"], first["facts_found"]) == (0, f"{FACTS}/{FACTS}")
    assert (second["seed"], second["facts_found"]) == (1, f"1/{FACTS}")
    assert first["answers"] == first["truth"]
    assert total["facts_found"] == f"{FACTS + 1}/{2 * FACTS}"
    assert total["hit_rate"] == pytest.approx((FACTS + 1) / (2 * FACTS), abs=1e-4)
    assert total["seeds_all_right"] == "1/2"


def test_the_command_prints_one_json_line_per_seed_and_a_total(reader, monkeypatch, capsys):
    monkeypatch.setattr(Reader, "load", classmethod(lambda cls, directory=None: reader))
    monkeypatch.setattr("glyph_shared.demo.python_documentation", lambda: PROSE)
    evaluate.main(["--demos", "2"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["measure"] for row in rows] == ["demo", "demo", "demos"]


def test_a_long_document_is_read_page_by_page_with_its_facts_in_it(reader, monkeypatch):
    monkeypatch.setattr(bench, "python_documentation", lambda: PROSE)
    corpus = Corpus(prose=[], docstrings=[], code=[], words=["lamp", "river", "stone"])
    told = bench.Bench(reader, corpus).document(random.Random(1))
    assert told["pages"] == len(reader.pages_seen) / 6
    assert told["chars"] > len(PROSE.text) + FACTS * len(told["truth"][0])
    assert told["facts_found"] == "0/3"
