"""A second question on a text draws nothing, and its request begins with the same bytes."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import InputError, OverLengthError
from glyph_shared.planning import plan
from glyph_shared.rendering import PageStore, RenderConfig, Renderer, default_store
from tests.scripted_server import ScriptedServer

TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(400))
SMALL = RenderConfig(page_size=(560, 280))


@pytest.fixture
def drawn(monkeypatch):
    """Lists the page numbers that are drawn."""
    numbers, draw = [], Renderer._draw

    def counting(self, index, layout):
        numbers.append(index)
        return draw(self, index, layout)

    monkeypatch.setattr(Renderer, "_draw", counting)
    return numbers


def ask_twice(text):
    with ScriptedServer() as server:
        for question in ("Did it rain?", "Who went out?"):
            # A client of its own each, as two runs of the command have.
            with GlyphClient(server.base_url) as client:
                client.ask(question, text, config=SMALL)
        return [json.dumps(request["messages"][-1]["content"][:-1]) for request in server.requests]


def test_a_second_question_draws_nothing_and_sends_the_same_pages(drawn):
    first, second = ask_twice(TEXT)
    assert first == second
    assert drawn == list(range(first.count("image_url") // 2))
    assert len(drawn) > 2


def test_with_the_store_off_every_question_draws_its_pages(drawn, monkeypatch):
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    first, second = ask_twice(TEXT)
    assert first == second
    assert drawn == 2 * list(range(first.count("image_url") // 2))


def test_a_page_that_was_dropped_is_drawn_again_from_the_text(drawn):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        before = client.plan(TEXT, "Did it rain?", config=SMALL)
        digests = [page.digest for page in before.pages]
        default_store().clear()
        after = client.plan(TEXT, "Who went out?", config=SMALL)
    assert [page.digest for page in after.pages] == digests
    assert len(drawn) == 2 * len(digests)


def test_a_document_that_joins_a_corpus_is_the_only_one_drawn(drawn, tmp_path):
    store = PageStore(tmp_path / "pages")
    plan(TEXT, config=SMALL, store=store, text_gate=False)
    before = len(drawn)
    made = plan([TEXT, "A new letter."], config=SMALL, store=store, text_gate=False)
    assert len(made.pages) == before + 1
    assert len(drawn) == before + 1


def test_a_text_that_does_not_fit_leaves_no_pages_behind(tmp_path):
    store = PageStore(tmp_path / "pages")
    with pytest.raises(OverLengthError):
        plan(TEXT, 1000, config=SMALL, store=store, max_tokens=100)
    assert store.usage().size_bytes == 0


@pytest.mark.parametrize("overflow", ["hybrid", "denser"])
def test_pages_of_passages_and_of_smaller_letters_are_kept_too(drawn, tmp_path, overflow):
    store = PageStore(tmp_path / "pages")

    def planned(question):
        drawn.clear()
        made = plan(
            TEXT,
            1000,
            config=SMALL.model_copy(update={"newline_markup": "<br/>"}),
            overflow=overflow,
            question=question,
            max_tokens=100,
            store=store,
            text_gate=False,
        )
        assert made.overflow_note.startswith(overflow)
        return [page.png for page in made.pages], len(drawn)

    first, before = planned("Who went out on day 7?")
    gc.collect()
    again, after = planned("Who went out on day 7?")
    assert again == first
    assert after == before - len(first)


def test_a_plan_keeps_nothing_unless_it_is_given_a_store():
    plan(TEXT, config=SMALL)
    assert not default_store().folder.path.exists()


def test_a_dropped_page_is_found_again_by_text_config_and_digest(tmp_path):
    store, renderer = PageStore(tmp_path / "pages"), Renderer(SMALL)
    page = list(store.render(renderer, TEXT))[2]
    store.clear()
    again = store.redraw(renderer, TEXT, page.digest)
    assert (again.index, again.digest, again.png) == (2, page.digest, page.png)


def test_a_dropped_page_whose_font_was_changed_is_noticed(tmp_path):
    sans, serif = (
        Path(matplotlib.get_data_path(), "fonts", "ttf", name)
        for name in ("DejaVuSans.ttf", "DejaVuSerif.ttf")
    )
    font = tmp_path / "font.ttf"
    shutil.copy(sans, font)
    digest = digest_in_another_process(font)
    shutil.copy(serif, font)
    store = PageStore(tmp_path / "pages")
    with pytest.raises(InputError, match="the font or the renderer has changed"):
        store.redraw(Renderer(RenderConfig(font_path=str(font))), "It rained.", digest)


def digest_in_another_process(font):
    # A process reads each font file once.
    program = (
        "from glyph_shared.rendering import RenderConfig, render;"
        f"print(render('It rained.', RenderConfig(font_path={str(font)!r}))[0].digest)"
    )
    run = [sys.executable, "-c", program]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()


def test_an_answer_after_the_pages_were_dropped_rests_on_the_same_pages(drawn):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", TEXT, config=SMALL)
        default_store().clear()
        client.ask("Who went out?", TEXT, config=SMALL)
    first, second = (request["messages"][-1]["content"][:-1] for request in server.requests)
    assert first == second
    assert len(drawn) == 2 * len(first)
