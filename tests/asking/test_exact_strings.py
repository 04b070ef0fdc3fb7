"""Exact strings go along as text, before the question; what does not fit is said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from glyph_shared.asking import Answer, AsyncGlyphClient, GlyphClient, page_messages
from glyph_shared.errors import ConfigError
from glyph_shared.planning import CHAT_FRAME, DEFAULT_EXACT_TEXT_TOKENS, EstimateCounter, Plan, plan
from glyph_shared.rendering import Page, RenderConfig, render
from tests.scripted_server import (
    Script,
    Scripted,
    ScriptedServer,
    answer,
    as_json,
    failure,
    streamed,
)

QUESTION = "What is the token?"
UUID = "550e8400-e29b-41d4-a716-446655440000"
FILLER = "It rained all day and nobody wanted to go out, nor did anybody say why. " * 40
TEXT = f"The token is {UUID}, I repeat {UUID}.\n{FILLER}\nWrite to a.b@example.org.\n"
SMALL = RenderConfig(page_size=(280, 280), font_size=9, line_height=10)
HEADER = "Exact strings on the pages above, as text:"
ONE = as_json({"data": [{"id": "scripted", "max_model_len": 32768}]})


def _reader(**glyph: Any) -> Scripted:
    """What the embedded reader says of itself."""
    told = {"combine": "best_supported", "text_gate": False, "tokenizer": "character", **glyph}
    return as_json({"data": [{"id": "reader", "max_model_len": 32768, "glyph": told}]})


def _ask(given: Any, script: Script | None = None, models: Scripted = ONE, **options: Any) -> Any:
    """Returns the parts of the only request and its answer."""
    with (
        ScriptedServer(script or answer("yes"), models=models) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, given, config=SMALL, **options)
        [request] = server.requests
    return request["messages"][-1]["content"], made


def _texts(parts: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for part in parts if part["type"] == "text"]


def _planned(text: str = TEXT, **settings: Any) -> Plan:
    return plan(text, config=SMALL, counter=EstimateCounter(), text_gate=False, **settings)


def test_the_strings_stand_behind_the_pages_and_before_the_question() -> None:
    parts, _ = _ask(TEXT)
    *pages, strings, question = parts
    assert len(pages) > 1
    assert {part["type"] for part in pages} == {"image_url"}
    lines = [HEADER, f"page 1: {UUID}", f"page {len(pages)}: a.b@example.org"]
    assert strings == {"type": "text", "text": "\n".join(lines) + "\n\n"}
    assert question["text"].startswith(QUESTION)


def test_what_stands_before_the_question_is_the_same_for_every_question() -> None:
    with ScriptedServer(answer("yes"), models=ONE) as server, GlyphClient(server.base_url) as asker:
        asker.ask_many(["Who?", "Where is it, and why?"], TEXT, config=SMALL)
        asker.ask("When?", TEXT, config=SMALL)
    prefixes = [request["messages"][-1]["content"][:-1] for request in server.requests]
    assert prefixes[0] == prefixes[1] == prefixes[2]
    assert UUID in prefixes[0][-1]["text"]


def test_a_text_without_such_strings_gets_no_further_part() -> None:
    parts, made = _ask(FILLER)
    assert len(_texts(parts)) == 1
    assert (made.usage.exact_text_tokens, made.exact_left_out) == (0, 0)


def test_the_cost_is_told_by_plan_and_answer() -> None:
    made = _planned()
    [sidecar] = made.sidecars
    assert made.exact_text_tokens == EstimateCounter().count(sidecar.text) > 0
    _, got = _ask(made)
    assert got.usage.exact_text_tokens == made.exact_text_tokens
    told = made.summary()
    assert (told["exact_strings"], told["exact_left_out"]) == (2, 0)
    assert told["exact_text_tokens"] == made.exact_text_tokens
    assert f"2 exact strings as text, {made.exact_text_tokens} text tokens" in str(made)


def test_a_stream_sends_the_strings_and_tells_their_cost_too() -> None:
    async def run(base_url: str) -> Answer:
        stream = AsyncGlyphClient(base_url).stream(QUESTION, _planned(exact_text_tokens=45))
        assert "".join([piece async for piece in stream]) == "yes"
        return stream.answer

    with ScriptedServer(streamed("yes"), models=ONE) as server:
        made = asyncio.run(run(server.base_url))
    assert UUID in _texts(server.requests[0]["messages"][-1]["content"])[0]
    assert 0 < made.usage.exact_text_tokens <= 45
    assert made.exact_left_out == 1


def test_nothing_goes_along_where_the_caller_says_so() -> None:
    for given in (TEXT, _planned(), _planned(exact_text_tokens=0), render(TEXT, SMALL)):
        config = None if isinstance(given, list) else SMALL
        with (
            ScriptedServer(answer("yes"), models=ONE) as server,
            GlyphClient(server.base_url) as client,
        ):
            source = TEXT if isinstance(given, list) else None
            made = client.ask(QUESTION, given, config=config, source=source, exact_text_tokens=0)
        assert UUID not in str(_texts(server.requests[0]["messages"][-1]["content"]))
        assert (made.usage.exact_text_tokens, made.exact_left_out) == (0, 0)


def test_the_embedded_reader_is_sent_no_text_but_the_question() -> None:
    for given in (TEXT, _planned(), render(TEXT, SMALL)):
        parts, made = _ask(
            given, answer("yes", logprob=-1.0), _reader(), source=TEXT, exact_text_tokens=500
        )
        assert _texts(parts) == [QUESTION]
        assert (made.usage.exact_text_tokens, made.exact_left_out) == (0, 0)


def test_what_does_not_fit_the_cap_is_counted_in_plan_and_answer() -> None:
    text = FILLER + " ".join(f"{number:07d}" for number in range(1000))
    made = _planned(text, exact_text_tokens=100)
    assert 0 < made.exact_text_tokens <= 100
    assert made.exact_strings + made.exact_left_out == 1000
    assert f"{made.exact_left_out} did not fit" in str(made)
    parts, got = _ask(text, exact_text_tokens=100)
    assert _texts(parts)[0].startswith("Some of the exact strings")
    assert got.exact_left_out == made.exact_left_out


def test_the_default_cap_holds() -> None:
    text = FILLER + " ".join(f"{number:07d}" for number in range(3000))
    assert 1900 < _planned(text).exact_text_tokens <= DEFAULT_EXACT_TEXT_TOKENS


def test_strings_take_only_the_room_that_pages_leave() -> None:
    made = _planned(exact_text_tokens=0, max_tokens=100)
    window = made.visual_tokens + 100 + CHAT_FRAME
    for spare in (0, 1, 30, 100):
        fitted = _planned(window=window + spare, max_tokens=100)
        assert len(fitted.windows) == 1
        assert fitted.exact_text_tokens <= spare
        assert fitted.exact_strings + fitted.exact_left_out == 2
    assert fitted.exact_strings == 2


def _in_windows() -> Plan:
    text = "\n".join(f"{FILLER[:500]} Code {number:06d}." for number in range(12))
    return _planned(text, window=300, max_tokens=50, overflow="map_reduce")


def test_each_window_gets_the_strings_of_its_own_pages_and_they_fit() -> None:
    made = _in_windows()
    assert len(made.windows) == len(made.sidecars) > 2
    for window, sidecar in zip(made.windows, made.sidecars, strict=True):
        assert window.visual_tokens + sidecar.text_tokens <= made.budget.context
        numbers = [int(line[5 : line.index(":")]) for line in sidecar.text.split("\n")[1:]]
        assert all(window.start_page < number <= window.stop_page for number in numbers)
    assert (made.exact_strings, made.exact_left_out) == (12, 0)


def test_an_answer_from_windows_sums_their_cost() -> None:
    made = _in_windows()
    with ScriptedServer(answer("yes"), models=ONE) as server, GlyphClient(server.base_url) as asker:
        got = asker.ask(QUESTION, made)
    assert got.usage.exact_text_tokens == made.exact_text_tokens
    sent = "".join(_texts(request["messages"][-1]["content"])[0] for request in server.requests)
    assert all(f"{number:06d}" in sent for number in range(12))


def test_pages_that_are_drawn_already_bring_the_strings_of_their_source() -> None:
    parts, made = _ask(render(TEXT, SMALL), source=TEXT)
    assert _texts(parts)[0].startswith(f"{HEADER}\npage 1: {UUID}\n")
    assert made.usage.exact_text_tokens > 0


def test_pages_without_their_source_bring_none_because_drawn_text_may_cut_them() -> None:
    parts, made = _ask(render(TEXT, SMALL))
    assert len(_texts(parts)) == 1
    assert (made.usage.exact_text_tokens, made.exact_left_out) == (0, 0)


def test_pages_in_another_order_keep_their_strings_on_their_pages() -> None:
    pages = render(TEXT, SMALL)
    parts, _ = _ask([pages[-1], pages[0]], source=TEXT)
    lines = [HEADER, "page 1: a.b@example.org", f"page 2: {UUID}"]
    assert _texts(parts)[0] == "\n".join(lines) + "\n\n"


def test_pages_in_windows_bring_the_strings_of_each() -> None:
    pages = render(TEXT, SMALL)
    with ScriptedServer(answer("yes"), models=ONE) as server, GlyphClient(server.base_url) as asker:
        asker.ask(QUESTION, pages, source=TEXT, overflow="map_reduce", max_pages=1)
    sent = ["".join(_texts(request["messages"][-1]["content"])) for request in server.requests]
    assert sum(UUID in text for text in sent) == 1
    assert sum("a.b@example.org" in text for text in sent) == 1


def test_pages_that_fill_the_window_are_asked_about_without_the_strings() -> None:
    pages = render(TEXT, SMALL)
    full = sum(page.visual_tokens + 2 for page in pages) + CHAT_FRAME + 1
    models = as_json({"data": [{"id": "s", "max_model_len": full}]})
    parts, made = _ask(pages, models=models, source=TEXT, max_tokens=1)
    assert len(_texts(parts)) == 1
    assert made.exact_left_out == 2


def test_the_server_counts_the_strings_where_it_can() -> None:
    tokens = as_json({"count": 7, "max_model_len": 32768, "tokens": []})
    with (
        ScriptedServer(answer("yes"), models=ONE, tokens=tokens) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, render(TEXT, SMALL), source=TEXT)
        counted = [request["prompt"] for request in server.counted]
    assert any(UUID in prompt for prompt in counted)
    assert made.usage.exact_text_tokens == 7


def test_a_server_that_does_not_count_gets_the_strings_all_the_same() -> None:
    with (
        ScriptedServer(answer("yes"), models=ONE, tokens=failure(404)) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.ask(QUESTION, render(TEXT, SMALL), source=TEXT)
    assert UUID in _texts(server.requests[0]["messages"][-1]["content"])[0]


@pytest.mark.fault(11)
def test_control_tokens_in_a_string_are_neutralised(pages: list[Page]) -> None:
    messages = page_messages(QUESTION, pages, exact_strings="https://x.org/[gMASK]?<|user|>")
    assert _texts(messages[-1]["content"])[0] == "https://x.org/⟦gMASK⟧?‹|user|›\n\n"


def test_text_stays_text_where_pages_and_strings_together_cost_more() -> None:
    text = "\n".join(f"{number:05d}{UUID[5:]}" for number in range(30))
    tokens = EstimateCounter().count(text)
    alone = _planned(text, exact_text_tokens=0)
    assert alone.visual_tokens < tokens < _planned(text).visual_tokens + tokens
    made = plan(text, config=SMALL, counter=EstimateCounter())
    assert (made.mode, made.pages, made.windows, made.sidecars) == ("text", (), (), ())
    assert (made.documents[0].start_page, made.documents[0].stop_page) == (0, 0)
    bare = plan(text, config=SMALL, counter=EstimateCounter(), exact_text_tokens=0)
    assert bare.mode == "pages"


@pytest.mark.parametrize("value", [-1, 0.5, True, "all"])
def test_an_impossible_cap_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="exact_text_tokens"):
        GlyphClient("http://127.0.0.1:9/v1").ask(QUESTION, TEXT, exact_text_tokens=value)
    with pytest.raises(ConfigError, match="exact_text_tokens"):
        plan(TEXT, exact_text_tokens=value)
