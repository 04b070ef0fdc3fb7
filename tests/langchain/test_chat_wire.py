"""On the wire each page goes once, a call has one clock, and what is known of a server is used."""

from __future__ import annotations

import asyncio

import pytest
from chat_ways import WAYS, ask
from langchain_core.messages import AIMessage, HumanMessage

from glyph_shared import IncompleteStream, RenderConfig, ServerError
from glyph_shared.asking.exchange import Exchange
from langchain_glyph import ChatGlyph
from tests.clock import turned
from tests.page_keeper import Keeper, models, sent, vllm
from tests.scripted_server import Scripted, ScriptedServer, answer, as_json, failure, streamed

LONG = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n" * 400
FIRST = [HumanMessage(f"{LONG}Who spoke of it?")]
GROWN = [*FIRST, AIMessage("Nobody."), HumanMessage("When did it leave?")]
FACT = "The access code of the Lisbon office is 4711."
PROMPT = f"{FACT}\nWhat is the access code of the Lisbon office?"


def yes(request):
    return streamed("y", "es") if request.get("stream") else answer("yes")


# ---- pages ----


@pytest.mark.parametrize("way", WAYS)
def test_the_next_call_of_a_growing_chat_sends_no_page_again(way):
    with vllm(Keeper(yes)) as server:
        model = ChatGlyph(base_url=server.base_url)
        for messages in (FIRST, GROWN):
            assert ask(model, way, messages).text == "yes"
    first, second = server.requests
    assert all(sent(first))
    assert len(sent(second)) > 2
    assert not any(sent(second))


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_lost_its_pages_gets_all_once_more(way):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        model = ChatGlyph(base_url=server.base_url)
        ask(model, way, FIRST)
        keeper.kept.clear()
        assert ask(model, way, GROWN).text == "yes"
    assert [any(sent(request)) for request in server.requests] == [True, False, True]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_of_another_kind_is_told_at_once(way):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        model = ChatGlyph(base_url=server.base_url, max_retries=0)
        ask(model, way, FIRST)
        keeper.reply = lambda request: failure(500, "out of order")
        with pytest.raises(ServerError, match="out of order"):
            ask(model, way, GROWN)
    assert server.calls == 2


@pytest.mark.parametrize("way", WAYS)
def test_the_embedded_reader_is_sent_no_page_again(way, reader_url, monkeypatch):
    payloads = []
    for name in ("complete", "stream"):
        send = getattr(Exchange, name)

        def sending(exchange, payload, *given, send=send):
            payloads.append(payload)
            return send(exchange, payload, *given)

        monkeypatch.setattr(Exchange, name, sending)
    model = ChatGlyph(base_url=reader_url)
    assert [ask(model, way, PROMPT).text for _ in range(2)] == ["4711", "4711"]
    assert [sent(payload) for payload in payloads] == [[True], [False]]


@pytest.mark.parametrize("way", WAYS)
def test_answers_of_the_embedded_reader_tell_pages_and_no_ratio(way, reader_url):
    told = ask(ChatGlyph(base_url=reader_url), way, PROMPT).response_metadata
    assert (told["pages"], told["visual_tokens"], told["refused"]) == (1, 320, False)
    assert "compression_ratio" not in told
    assert "tokenizer" not in told


@pytest.mark.parametrize("way", WAYS)
def test_a_chat_of_which_nothing_is_drawn_costs_no_visual_tokens(way, reader_url):
    with ScriptedServer(yes) as server:
        urls = (server.base_url, reader_url)
        messages = [ask(ChatGlyph(base_url=url), way, "Is it?") for url in urls]
    for told in (message.response_metadata for message in messages):
        assert (told["pages"], told["visual_tokens"]) == (0, 0)
        assert "compression_ratio" not in told


# ---- one clock ----


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("per_call", [False, True])
def test_the_timeout_is_for_the_whole_call(way, per_call):
    with ScriptedServer(Scripted((60.0,))) as server:
        model = ChatGlyph(base_url=server.base_url, timeout=60.0 if per_call else 0.4)
        with pytest.raises(ServerError, match=r"within 0\.4 s"):
            ask(model, way, "Who?", **({"timeout": 0.4} if per_call else {}))
        assert server.calls <= 1


@pytest.mark.parametrize("way", WAYS)
def test_further_calls_do_not_multiply_the_timeout(way, monkeypatch):
    turned(monkeypatch, step=1)
    with ScriptedServer(failure(503, retry_after="0")) as server:
        model = ChatGlyph(base_url=server.base_url, timeout=60.0, max_retries=1000)
        with pytest.raises(ServerError):
            ask(model, way, "Who?")
        assert 1 < server.calls < 60


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_has_the_same_clock(way, monkeypatch):
    turned(monkeypatch, step=1)
    with ScriptedServer(streamed(*["drip "] * 600)) as server:
        model = ChatGlyph(base_url=server.base_url, timeout=60.0)
        with pytest.raises(IncompleteStream, match="within 60 s") as caught:
            ask(model, way, "Who?")
    assert caught.value.partial_text.startswith("drip drip ")


# ---- what is known of the server ----


def test_counting_uses_the_look_that_the_server_named_and_asks_it_nothing():
    dense = RenderConfig.preset("en").model_copy(update={"font_size": 6, "line_height": 7})
    card = models(glyph={"render_config": dense.model_dump(mode="json", exclude={"font_path"})})
    with ScriptedServer(yes, models=card) as server:
        model = ChatGlyph(base_url=server.base_url)
        before = model.get_num_tokens_from_messages(FIRST)
        assert server.model_calls == server.calls == 0
        model.invoke("Is it?")
        asked = server.model_calls, server.calls
        assert model.get_num_tokens_from_messages(FIRST) < 0.6 * before
        assert (server.model_calls, server.calls) == asked == (1, 1)
        chosen = ChatGlyph(base_url=server.base_url, config=RenderConfig.preset("en"))
        chosen.invoke("Is it?")
        assert chosen.get_num_tokens_from_messages(FIRST) == before


def test_event_loops_at_once_share_what_one_of_them_sent():
    with vllm(Keeper(yes)) as server:
        model = ChatGlyph(base_url=server.base_url)
        asyncio.run(model.ainvoke(FIRST))
        asyncio.run(model.ainvoke(GROWN))
        model.invoke(GROWN)
    assert [any(sent(request)) for request in server.requests] == [True, False, False]


def test_several_choices_are_all_told():
    choices = [
        {"index": n, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for n, text in enumerate(("<think>Hm.</think>yes", "no"))
    ]
    reply = {"id": "1", "model": "m", "choices": choices}
    with ScriptedServer(as_json(reply)) as server:
        made = ChatGlyph(base_url=server.base_url).generate([[HumanMessage("Is it?")]], n=2)
    [both] = made.generations
    assert [one.message.text for one in both] == ["yes", "no"]
