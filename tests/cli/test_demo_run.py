from __future__ import annotations

import json

import pytest
from PIL import Image

import glyph_shared.demo as demo
from glyph_shared.asking import GlyphClient
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planted_facts import FACTS, PlantedFact, plant_facts
from glyph_shared.rendering import render

PROSE = "It rained all day. Nobody went out. " * 120


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


def _document() -> Document:
    return Document.from_text(PROSE, "story.txt")


def _teach(reader, seed: int, *, wrong: int | None = None) -> list[PlantedFact]:
    """Teaches the reader what the demo will plant, one fact of it wrongly."""
    planted, facts = plant_facts(_document(), seed)
    for number, fact in enumerate(facts):
        for page in render(planted.text, reader.render_config):
            if page.char_span[0] <= fact.char_span[0] < page.char_span[1]:
                reader.learn(page, fact.question, "nonsense" if number == wrong else fact.truth)
    return facts


def _run(reader, tmp_path, **changes):
    settings = {"seed": 3, "output": tmp_path, "document": _document()}
    callbacks = {"say": lambda line: None, "progress": lambda done: None}
    return demo.run_demo(reader, **settings, **callbacks, **changes)


def test_facts_stand_where_they_say():
    planted, facts = plant_facts(_document(), 1)
    assert len({fact.question for fact in facts}) == FACTS
    for fact in facts:
        assert planted.text[slice(*fact.char_span)] == fact.statement
        assert fact.truth in fact.statement


def test_without_its_facts_the_document_is_the_old_one():
    planted, facts = plant_facts(_document(), 1)
    text = planted.text
    for fact in facts:
        text = text.replace(f" {fact.statement}", "", 1)
    assert text == PROSE


def test_a_seed_decides_everything():
    assert plant_facts(_document(), 5) == plant_facts(_document(), 5)
    assert plant_facts(_document(), 5) != plant_facts(_document(), 6)


def test_a_document_without_sentences_is_refused():
    with pytest.raises(InputError, match="note has 0 places"):
        plant_facts(Document.from_text("word", "note"), 1)


def test_pythons_documentation_is_long():
    assert len(demo.python_documentation().text) > 100_000


def test_each_fact_gets_its_verdict_and_its_page(reader, tmp_path):
    facts = _teach(reader, 3, wrong=1)
    result = _run(reader, tmp_path)
    assert [outcome.verdict for outcome in result.outcomes] == ["right", "wrong", "right"]
    assert [outcome.fact for outcome in result.outcomes] == facts
    first = result.outcomes[0]
    assert first.answer.citations[0].page_index == first.page_index
    assert (result.pages_read, result.pages) == (len(reader.pages_seen) // 3, result.pages)
    assert result.pages_read == result.pages


def test_the_reader_sees_one_page_at_a_time(reader, tmp_path):
    _run(reader, tmp_path)
    assert set(reader.pages_seen) == {1}


def test_the_kept_page_is_the_readers(reader, tmp_path):
    result = _run(reader, tmp_path)
    width, height = reader.render_config.page_size
    with Image.open(result.page_file) as page:
        assert page.size == (width, height)


def test_the_readers_pages_are_reported_as_no_compression(reader, tmp_path):
    lines = []
    result = demo.run_demo(
        reader, seed=3, output=tmp_path, document=_document(), say=lines.append,
        progress=lambda done: None,
    )  # fmt: skip
    assert result.readers.ratio < 1 < result.default.ratio
    assert result.readers.tokenizer == result.default.tokenizer
    assert any("no compression" in line for line in lines)
    assert any(str(result.page_file) in line for line in lines)


def test_before_it_reads_it_tells_how_much_and_how_long(run, story, reader):
    _teach(reader, 3)
    lines = run("demo", "--seed", 3, "--path", story).stdout.splitlines()
    pages = len(list(render(plant_facts(_document(), 3)[0].text, reader.render_config)))
    announced = lines.index(
        f"Reading {pages} pages now, 3 questions on each: about 1 s. It stops after 170 s in all."
    )
    assert announced < lines.index("")


def test_a_long_reading_is_announced_as_a_range_that_ends_with_the_time(reader, tmp_path):
    lines = []
    demo.run_demo(
        reader, seed=3, output=tmp_path, seconds=2, say=lines.append, progress=lambda done: None,
        document=Document.from_text(PROSE * 5, "story.txt"),
    )  # fmt: skip
    assert lines[-1].endswith(" on each: about 2 s. It stops after 2 s in all.")
    assert "about 73 to 110 s." in demo._announcement(733, 3, 170.0)


def test_when_time_is_up_the_pages_left_out_are_told(reader, tmp_path, monkeypatch):
    ask_many = GlyphClient.ask_many

    def hurried(self, questions, plan, **options):
        options["time_budget"], options["concurrency"] = 1e-9, 1
        return ask_many(self, questions, plan, **options)

    monkeypatch.setattr(GlyphClient, "ask_many", hurried)
    result = _run(reader, tmp_path)
    assert result.pages_read == 0
    assert {outcome.verdict for outcome in result.outcomes} == {"unread"}


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_impossible_times_are_refused(reader, tmp_path, seconds):
    with pytest.raises(ConfigError, match="seconds"):
        _run(reader, tmp_path, seconds=seconds)


def test_what_the_environment_says_of_another_server_does_not_matter(reader, tmp_path, monkeypatch):
    monkeypatch.setenv("GLYPH_MODEL", "other")
    monkeypatch.setenv("GLYPH_BASE_URL", "http://127.0.0.1:9/v1")
    _teach(reader, 3)
    assert {outcome.verdict for outcome in _run(reader, tmp_path).outcomes} == {"right"}


def test_the_command_shows_answers_beside_the_truth(run, story, reader):
    facts = _teach(reader, 3, wrong=2)
    result = run("demo", "--seed", 3, "--path", story, "-o", "kept")
    assert result.exit_code == 0
    for fact in facts:
        assert fact.question in result.stdout
    assert f"the reader: {facts[0].truth}  (page " in result.stdout
    assert "the reader: nonsense" in result.stdout
    assert "2 of 3 right. Read all " in result.stdout
    assert "glyph demo --seed 3" in result.stdout


def test_json_stands_alone_on_standard_output(run, story, reader):
    _teach(reader, 3)
    told = json.loads(run("demo", "--seed", 3, "--path", story, "--json").stdout)
    assert [fact["verdict"] for fact in told["facts"]] == ["right"] * 3
    assert told["pages_read"] == told["pages"]


def test_a_folder_that_cannot_be_written_is_named(run, story, reader):
    result = run("demo", "--seed", 3, "--path", story, "-o", story)
    assert result.exit_code == 1
    assert "--output" in result.stderr
