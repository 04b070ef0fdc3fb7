"""Every way of asking sends the same, and tells the same."""

from __future__ import annotations

import asyncio
import threading

import pytest
from chat_ways import WAYS, ask
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import ContextOverflowError

from glyph_shared import (
    ConfigError,
    ContextLength,
    IncompleteStream,
    OverLengthError,
    Renderer,
    ServerError,
)
from glyph_shared.asking import chat
from langchain_glyph import ChatGlyph
from tests.scripted_server import ScriptedServer, answer, as_json, failure, streamed

STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n"
LONG = STORY * 400
FACT = "The access code of the Lisbon office is 4711."
PROMPT = f"{FACT}\nWhat is the access code of the Lisbon office?"
USAGE = {
    "prompt_tokens": 90_000,
    "completion_tokens": 3,
    "total_tokens": 90_003,
    "prompt_tokens_details": {"cached_tokens": 640},
}


def scripted(*texts, **settings):
    """A server that streams to those who ask for it, and answers whole to others."""

    def reply(request):
        if request.get("stream"):
            return streamed(*texts, usage=USAGE)
        return answer("".join(texts), usage=USAGE)

    return ScriptedServer(reply, **settings)


def images(request):
    contents = [message["content"] or () for message in request["messages"]]
    parts = [part for content in contents if not isinstance(content, str) for part in content]
    return [part for part in parts if part["type"] == "image_url"]


@pytest.mark.parametrize("way", WAYS)
def test_the_embedded_reader_answers_in_every_way(reader_url, way):
    message = ask(ChatGlyph(base_url=reader_url), way, PROMPT)
    assert message.text == "4711"
    assert message.usage_metadata["input_token_details"]["visual"] == 320
    told = message.response_metadata
    assert (told["model_provider"], told["visual_tokens"], told["refused"]) == ("glyph", 320, False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wanted", [{"stop": ["x"]}, {"tools": [{"type": "function"}]}])
def test_the_embedded_reader_refuses_what_it_cannot_do(reader_url, way, wanted):
    with pytest.raises(ConfigError, match="embedded reader"):
        ask(ChatGlyph(base_url=reader_url), way, PROMPT, **wanted)


@pytest.mark.parametrize("way", WAYS)
def test_a_long_text_goes_on_pages_in_every_way(way):
    with scripted("Nobody", " spoke.") as server:
        message = ask(ChatGlyph(base_url=server.base_url), way, f"{LONG}Who spoke of it?")
    [request] = server.requests
    assert len(images(request)) > 2
    assert request["messages"][-1]["content"][-1]["text"].endswith("Who spoke of it?")
    assert message.text == "Nobody spoke."
    told = message.response_metadata
    assert told["pages"] == len(images(request))
    assert told["compression_ratio"] == round(told["text_tokens"] / told["visual_tokens"], 2)
    assert (told["finish_reason"], told["truncated"]) == ("stop", False)
    assert told["model_name"] == "scripted"
    usage = message.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (90_000, 3)
    details = usage["input_token_details"]
    assert details["visual"] + details["text"] == 90_000
    assert details["cache_read"] == 640


@pytest.mark.parametrize("way", WAYS)
def test_thinking_is_a_block_of_its_own(way):
    pieces = ("<thi", "nk>Hm.</think><answer><|begin_of_box|>4", "711<|end_of_box|></answer>")
    with scripted(*pieces) as server:
        message = ask(ChatGlyph(base_url=server.base_url), way, "What is the code?")
    assert message.text == "4711"
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
    assert message.content_blocks[0]["reasoning"] == "Hm."


@pytest.mark.parametrize("way", WAYS)
def test_what_the_server_finds_too_long_is_langchains_overflow(way):
    said = "This model's maximum context length is 32768 tokens. You requested 40000 tokens."
    with (
        ScriptedServer(failure(400, said)) as server,
        pytest.raises(ContextOverflowError, match="32768") as caught,
    ):
        ask(ChatGlyph(base_url=server.base_url), way, "Who?")
    assert isinstance(caught.value, ContextLength)


@pytest.mark.parametrize("way", WAYS)
def test_what_does_not_fit_is_that_too_and_is_not_sent(way):
    models = as_json({"data": [{"id": "scripted", "max_model_len": 2048}]})
    with (
        scripted("yes", models=models) as server,
        pytest.raises(ContextOverflowError, match="window of 2,048") as caught,
    ):
        ask(ChatGlyph(base_url=server.base_url), way, LONG)
    assert isinstance(caught.value, OverLengthError)
    assert not server.calls


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_shows_no_key(way):
    with (
        ScriptedServer(failure(401, "wrong key sk-secret")) as server,
        pytest.raises(ServerError) as caught,
    ):
        ask(ChatGlyph(base_url=server.base_url, api_key="sk-secret"), way, "Who?")
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_breaks_keeps_what_came(way):
    with (
        ScriptedServer(streamed("Nobody", finish_reason=None, done=False, reset=True)) as server,
        pytest.raises(IncompleteStream) as caught,
    ):
        ask(ChatGlyph(base_url=server.base_url), way, "Who?")
    assert caught.value.partial_text == "Nobody"


@pytest.mark.parametrize("way", WAYS)
def test_those_who_watch_see_the_text_and_no_page(way):
    class Watcher(BaseCallbackHandler):
        def __init__(self):
            self.seen = []

        def on_chat_model_start(self, serialized, messages, **kwargs):
            self.seen += [repr(serialized), repr(messages), repr(kwargs)]

        def on_llm_end(self, response, **kwargs):
            self.seen += [repr(response), repr(kwargs)]

    watcher = Watcher()
    with scripted("Nobody.") as server:
        model = ChatGlyph(base_url=server.base_url, callbacks=[watcher])
        ask(model, way, f"{LONG}Who?")
    assert images(server.requests[0])
    assert any("The ship had left" in text for text in watcher.seen)
    assert not any("iVBOR" in text for text in watcher.seen)


def test_a_model_may_be_used_in_several_event_loops():
    with scripted("yes") as server:
        model = ChatGlyph(base_url=server.base_url)
        said = [asyncio.run(model.ainvoke(f"{LONG}Who?")).text for _ in range(4)]
    assert said == ["yes"] * 4


def test_pages_are_drawn_outside_the_event_loop(monkeypatch):
    threads = []

    def spy(*args, **kwargs):
        threads.append(threading.current_thread())
        return pages_of_history(*args, **kwargs)

    pages_of_history = chat.pages_of_history
    monkeypatch.setattr(chat, "pages_of_history", spy)
    with scripted("yes") as server:
        asyncio.run(ChatGlyph(base_url=server.base_url).ainvoke(f"{LONG}Who?"))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.parametrize("way", ["batch", "abatch"])
def test_a_batch_about_one_text_draws_it_once(way, monkeypatch):
    drawn = []

    def spy(renderer, text):
        drawn.append(text)
        return render(renderer, text)

    render = Renderer.render
    monkeypatch.setattr(Renderer, "render", spy)
    given = [f"{LONG}What is the number {number}?" for number in range(6)]
    with scripted("yes") as server:
        model = ChatGlyph(base_url=server.base_url)
        made = model.batch(given) if way == "batch" else asyncio.run(model.abatch(given))
    assert len(made) == server.calls == 6
    assert len(drawn) == 1
