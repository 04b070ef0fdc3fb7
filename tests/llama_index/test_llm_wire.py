"""On the wire each page goes once, and a call has one clock."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.llms import ChatMessage
from ways import WAYS, ask, text_of

from glyph_shared import IncompleteStream, ServerError
from llama_index_glyph import GlyphLLM
from tests.clock import turned
from tests.page_keeper import Keeper, sent, vllm
from tests.scripted_server import Scripted, ScriptedServer, answer, failure, streamed

LONG = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n" * 400
FACT = "The access code of the Lisbon office is 4711."
PROMPT = f"{FACT}\nWhat is the access code of the Lisbon office?"


def yes(request):
    return streamed("y", "es") if request.get("stream") else answer("yes")


@pytest.mark.parametrize("way", WAYS)
def test_the_next_call_about_a_text_sends_no_page_again(way):
    with vllm(Keeper(yes)) as server:
        llm = GlyphLLM(server.base_url)
        for question in ("Who spoke of it?", "When did it leave?"):
            assert text_of(ask(llm, way, f"{LONG}{question}")[-1]) == "yes"
    first, second = server.requests
    assert all(sent(first))
    assert len(sent(second)) > 2
    assert not any(sent(second))


def test_a_growing_chat_sends_its_pages_once():
    said = [ChatMessage(role="user", content=f"{LONG}Who spoke of it?")]
    with vllm(Keeper(yes)) as server:
        llm = GlyphLLM(server.base_url)
        for question in ("When?", "Why?"):
            said.append(llm.chat(said).message)
            said.append(ChatMessage(role="user", content=question))
        asyncio.run(llm.achat(said))
    assert [any(sent(request)) for request in server.requests] == [True, False, False]


def test_an_engine_and_a_chat_about_one_text_know_of_each_others_pages():
    text = LONG.rstrip("\n")
    with vllm(Keeper(yes)) as server:
        llm = GlyphLLM(server.base_url)
        llm.pages_client().ask("Who spoke of it?", text)
        asyncio.run(llm.async_pages_client().ask("When did it leave?", text))
    assert [any(sent(request)) for request in server.requests] == [True, False]


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_lost_its_pages_gets_all_once_more(way):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        llm = GlyphLLM(server.base_url)
        ask(llm, way, LONG)
        keeper.kept.clear()
        responses = ask(llm, way, LONG)
    assert text_of(responses[-1]) == "yes"
    assert [any(sent(request)) for request in server.requests] == [True, False, True]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_of_another_kind_is_told_at_once(way):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        llm = GlyphLLM(server.base_url, max_retries=0)
        ask(llm, way, LONG)
        keeper.reply = lambda request: failure(500, "out of order")
        with pytest.raises(ServerError, match="out of order"):
            ask(llm, way, LONG)
    assert server.calls == 2


@pytest.mark.parametrize("way", WAYS)
def test_answers_of_the_embedded_reader_tell_pages_and_no_ratio(way, reader_url):
    told = ask(GlyphLLM(reader_url), way, PROMPT)[-1].additional_kwargs
    assert (told["pages"], told["visual_tokens"], told["refused"]) == (1, 320, False)
    assert "compression_ratio" not in told
    assert "tokenizer" not in told


@pytest.mark.parametrize("way", WAYS)
def test_a_chat_of_which_nothing_is_drawn_costs_no_visual_tokens(way, reader_url):
    with ScriptedServer(yes) as server:
        urls = (server.base_url, reader_url)
        responses = [ask(GlyphLLM(url), way, "Is it?")[-1] for url in urls]
    for told in (response.additional_kwargs for response in responses):
        assert (told["pages"], told["visual_tokens"]) == (0, 0)
        assert "compression_ratio" not in told


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("per_call", [False, True])
def test_the_timeout_is_for_the_whole_call(way, per_call):
    with ScriptedServer(Scripted((60.0,))) as server:
        llm = GlyphLLM(server.base_url, timeout=60.0 if per_call else 0.4)
        with pytest.raises(ServerError, match=r"within 0\.4 s"):
            ask(llm, way, "Who?", **({"timeout": 0.4} if per_call else {}))
        assert server.calls <= 1


@pytest.mark.parametrize("way", WAYS)
def test_further_calls_do_not_multiply_the_timeout(way, monkeypatch):
    turned(monkeypatch, step=1)
    with ScriptedServer(failure(503, retry_after="0")) as server:
        llm = GlyphLLM(server.base_url, timeout=60.0, max_retries=1000)
        with pytest.raises(ServerError):
            ask(llm, way, "Who?")
        assert 1 < server.calls < 60


@pytest.mark.parametrize("way", [way for way in WAYS if "stream" in way])
def test_a_stream_has_the_same_clock(way, monkeypatch):
    turned(monkeypatch, step=1)
    with (
        ScriptedServer(streamed(*["drip "] * 600)) as server,
        pytest.raises(IncompleteStream, match="within 60 s") as caught,
    ):
        ask(GlyphLLM(server.base_url, timeout=60.0), way, "Who?")
    assert caught.value.partial_text.startswith("drip drip ")
