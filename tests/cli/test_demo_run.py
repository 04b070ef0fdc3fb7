from __future__ import annotations

import json
from bisect import bisect_right

import pytest
from PIL import Image

import glyph_shared.demo as demo
from glyph_shared.asking import GlyphClient, LeftOut
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


def _cut(monkeypatch, first_unread_page):
    """Makes the reading end before a page, as on a slow machine."""
    ask_many = GlyphClient.ask_many

    def cut(self, questions, plan, **options):
        rest = LeftOut(start_page=first_unread_page, stop_page=len(plan.pages), reason="time")
        refusal = {"text": "Not on these pages.", "citations": (), "left_out": (rest,)}
        return [
            answer.model_copy(
                update={"left_out": (rest,)}
                if answer.citations and answer.citations[0].page_index < first_unread_page
                else refusal
            )
            for answer in ask_many(self, questions, plan, **options)
        ]

    monkeypatch.setattr(GlyphClient, "ask_many", cut)


def _pages_of_facts(reader):
    planted, facts = plant_facts(_document(), 3)
    stops = [page.char_span[1] for page in render(planted.text, reader.render_config)]
    return [bisect_right(stops, fact.char_span[0]) for fact in facts], len(stops)


def test_a_fact_on_a_page_that_was_not_reached_is_not_called_wrong(run, story, reader, monkeypatch):
    _teach(reader, 3)
    (_, second, third), pages = _pages_of_facts(reader)
    _cut(monkeypatch, second)
    told = run("demo", "--seed", 3, "--path", story).stdout
    assert f"  the reader: (page {second + 1} was not reached)" in told
    assert f"  the reader: (page {third + 1} was not reached)" in told
    assert [line for line in told.splitlines() if line in ("  right", "  wrong", "  not read")] == [
        "  right", "  not read", "  not read",
    ]  # fmt: skip
    assert f"1 of the 1 read is right; 2 were not reached in time. Read {second} of " in told
    way_out = told.splitlines()[-1]
    assert way_out.startswith(f"This machine was too slow or busy for {pages} pages in 170 s; ")
    assert "`glyph demo --seed 3 --seconds " in way_out
    assert f" --path {story}` reads them all." in way_out


def test_a_cut_demo_names_as_many_seconds_as_its_speed_would_need(run, story, reader, monkeypatch):
    _, pages = _pages_of_facts(reader)
    _cut(monkeypatch, pages // 2)
    told = run("demo", "--seed", 3, "--path", story, "--seconds", 1000).stdout
    seconds = int(told.splitlines()[-1].split("--seconds ")[1].split()[0])
    assert 2000 < seconds <= 2800
    assert seconds % 100 == 0


def test_a_demo_that_reached_no_fact_counts_none_as_wrong(run, story, reader, monkeypatch):
    _cut(monkeypatch, 0)
    told = run("demo", "--seed", 3, "--path", story).stdout
    assert "None was read; 3 were not reached in time. Read 0 of " in told


def test_a_line_of_the_demos_own_text_is_called_a_line(run, reader, monkeypatch):
    monkeypatch.setattr(
        "glyph_shared.demo.python_documentation",
        lambda: Document.from_text(PROSE, "Python's own documentation"),
    )
    _teach(reader, 3)
    told = run("demo", "--seed", 3).stdout
    assert ", line 1 of Python's own documentation)" in told
    assert "documentation:1" not in told


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
