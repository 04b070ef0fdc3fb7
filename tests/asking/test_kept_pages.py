"""A second question on a text draws nothing, and its request begins with the same bytes."""

from __future__ import annotations

import gc
import json

import pytest

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import OverLengthError
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
