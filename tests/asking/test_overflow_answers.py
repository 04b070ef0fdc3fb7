"""Answers about a text beyond the window say what they rest on and what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from glyph_shared.asking import Answer, GlyphClient
from glyph_shared.asking.client_base import CONTEXTS_AT_ONCE
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, png_theta_hash
from glyph_shared.serving import running_embedded
from tests.scripted_server import Scripted, ScriptedServer, answer, as_json

QUESTION = "What is the access code of the Lisbon office?"
FACT = "The access code of the Lisbon office is 4711.\n"
RAIN = [f"On day {day} it rained and nobody wanted to go out.\n" for day in range(600)]
TEXT = "".join([*RAIN[:350], FACT, *RAIN[350:]])


@pytest.fixture(scope="module")
def embedded() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url


def _models(window: int, **glyph: Any) -> Scripted:
    entry = {"id": "scripted", "max_model_len": window, "glyph": {"text_gate": False, **glyph}}
    return as_json({"data": [entry]})


def _pages(server: ScriptedServer) -> list[dict[str, Any]]:
    [request] = server.requests
    parts = request["messages"][-1]["content"]
    return [part for part in parts if part["type"] == "image_url"]


def test_hybrid_finds_a_planted_fact_beyond_the_embedded_readers_window(embedded: str) -> None:
    document = Document.from_text(TEXT, "offices.txt")
    with GlyphClient(embedded) as client:
        window = client.model_entry().max_model_len
        with pytest.raises(OverLengthError):
            client.plan(document, QUESTION, overflow="error", max_pages=2)
        made = client.ask(QUESTION, document, overflow="hybrid", max_pages=2)
    assert made.text == "4711"
    assert made.usage.requests == 1
    assert window is not None
    assert made.usage.prompt_tokens <= window
    [cited] = made.citations
    assert (cited.path, cited.line) == ("offices.txt", 351)
    assert "chars left out" in made.overflow_note
    assert sum(b - a for a, b in (part.char_span for part in made.left_out_text)) > len(TEXT) / 2


def test_map_reduce_finds_it_too_and_leaves_nothing_out(embedded: str) -> None:
    text = "".join([*RAIN[:20], FACT, *RAIN[20:40]])
    with GlyphClient(embedded) as client:
        made = client.ask(QUESTION, text, overflow="map_reduce", max_pages=2)
    assert made.text == "4711"
    assert len(made.windows) > 1
    assert (made.left_out, made.left_out_text) == ((), ())


@pytest.mark.fault(55)
def test_a_refusal_lists_what_was_left_out_as_well() -> None:
    with (
        ScriptedServer(answer("Not here."), models=_models(1500, refusal="Not here.")) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, TEXT, overflow="hybrid", max_tokens=100)
        assert len(_pages(server)) >= 1
    assert made.refused
    assert made.left_out_text
    assert made.model_dump(mode="json")["left_out_text"][0]["document"] == "text"


def test_hybrid_gives_each_question_the_passages_of_its_own() -> None:
    other = "The manager of the Oslo archive is Nina Keller.\n"
    text = "".join([*RAIN[:100], FACT, *RAIN[100:500], other, *RAIN[500:]])
    with (
        ScriptedServer(answer("yes"), models=_models(1500)) as server,
        GlyphClient(server.base_url) as client,
    ):
        questions = [QUESTION, "Who is the manager of the Oslo archive?"]
        made = client.ask_many(questions, text, overflow="hybrid", max_tokens=50)
    for one, fact in zip(made, (FACT, other), strict=True):
        place = text.index(fact)
        spans = [part.char_span for part in one.left_out_text]
        assert spans
        assert not any(start <= place < end for start, end in spans)


def test_denser_sends_all_of_the_text_at_a_smaller_look_and_says_so() -> None:
    text = "".join(RAIN) * 8
    config = RenderConfig()
    with (
        ScriptedServer(answer("yes"), models=_models(200_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        whole = client.plan(text, QUESTION, config=config, max_tokens=500)
    window = whole.visual_tokens * 9 // 10 + whole.reserve
    with (
        ScriptedServer(answer("yes"), models=_models(window)) as server,
        GlyphClient(server.base_url) as client,
    ):
        options = {"config": config, "max_tokens": whole.budget.max_tokens}
        with pytest.raises(OverLengthError):
            client.ask(QUESTION, text, **options)
        made = client.ask(QUESTION, text, overflow="denser", **options)
        plan = client.plan(text, QUESTION, overflow="denser", **options)
        sent = [part["image_url"]["url"] for part in _pages(server)]
    assert sent == [page.data_url() for page in plan.pages]
    assert {png_theta_hash(page.png) for page in plan.pages} == {plan.config.theta_hash}
    assert plan.config.dpi < config.dpi
    assert (made.text, made.left_out_text) == ("yes", ())
    assert "nothing was left out" in made.overflow_note


def test_denser_is_refused_where_the_server_reads_one_theta_only(embedded: str) -> None:
    with (
        GlyphClient(embedded) as client,
        pytest.raises(ConfigError, match="own θ only"),
    ):
        client.ask(QUESTION, TEXT, overflow="denser")


def test_hybrid_without_a_question_is_refused_before_anything_is_drawn() -> None:
    with (
        ScriptedServer(models=_models(3000)) as server,
        GlyphClient(server.base_url) as client,
        pytest.raises(ConfigError, match="retrieves by the question"),
    ):
        client.plan(TEXT, overflow="hybrid")


def test_a_question_without_passages_is_refused_before_any_is_asked() -> None:
    with (
        ScriptedServer(answer("yes"), models=_models(1500)) as server,
        GlyphClient(server.base_url) as client,
        pytest.raises(OverLengthError, match="no passage shares a word"),
    ):
        client.ask_many([QUESTION, "Xylophone?"], TEXT, overflow="hybrid", max_tokens=50)
    assert server.calls == 0


@pytest.mark.fault(56)
def test_of_many_documents_only_the_one_that_is_too_long_fails() -> None:
    with (
        ScriptedServer(answer("yes"), models=_models(1500)) as server,
        GlyphClient(server.base_url) as client,
    ):
        short, long, empty = FACT * 3, TEXT, " "
        made = client.ask_each(QUESTION, [short, long, empty, short], max_tokens=50)
        assert server.calls == 2
    first, second, third, fourth = made
    assert isinstance(first, Answer)
    assert first == fourth
    assert isinstance(second, OverLengthError)
    assert isinstance(third, InputError)


def test_contexts_are_asked_about_side_by_side_up_to_a_bound() -> None:
    slow = Scripted((0.1, *answer("yes").pieces))
    with (
        ScriptedServer(slow, models=_models(1500)) as server,
        GlyphClient(server.base_url) as client,
    ):
        assert len(client.ask_each(QUESTION, [FACT] * 9, max_tokens=50)) == 9
        assert 1 < server.most_at_once <= CONTEXTS_AT_ONCE
