"""A long chat goes to the server in one request, its older turns on pages."""

from __future__ import annotations

import asyncio
import base64

import pytest

from glyph_shared.asking import (
    AsyncGlyphClient,
    GlyphClient,
    ReplyCollector,
    TokenCountWarning,
    pages_of_history,
)
from glyph_shared.asking.history import DEFAULT_THRESHOLD_TOKENS
from glyph_shared.asking.wire import Completion
from glyph_shared.errors import ConfigError, FontWarning, InputError, OverLengthError
from glyph_shared.planning import EstimateCounter
from glyph_shared.rendering import RenderConfig, png_theta_hash
from tests.scripted_server import ScriptedServer, answer, as_json, failure, streamed

FACT = "The access code of the Lisbon office is 4711."
QUESTION = "What is the access code of the Lisbon office?"
SAID = "The ship had left the harbour at dawn, and by noon nobody on the quay spoke of it. "


def chat_of(text_tokens):
    """Turns by user and assistant, until they have so many text tokens, and a question."""
    messages = [{"role": "system", "content": "Be brief."}]
    counter, total = EstimateCounter(), 0
    while total < text_tokens:
        number = len(messages)
        text = f"{number}. " + SAID * (3 if number % 2 else 12)
        messages.append({"role": "user" if number % 2 else "assistant", "content": text})
        total += counter.count(text)
    if messages[-1]["role"] == "user":
        messages.append({"role": "assistant", "content": "I see."})
    return [*messages, {"role": "user", "content": QUESTION}]


def served(**entry):
    return as_json({"object": "list", "data": [{"id": "scripted", **entry}]})


def images(request):
    parts = [part for message in request["messages"] for part in message["content"]]
    return [part for part in parts if part["type"] == "image_url"]


@pytest.fixture(scope="module")
def long_chat():
    return chat_of(100_000)


@pytest.mark.parametrize("window", [131_072, 49_152])
def test_a_history_of_100_000_text_tokens_goes_in_one_request(long_chat, window):
    with ScriptedServer(models=served(max_model_len=window)) as server:
        with GlyphClient(server.base_url) as client:
            assert client.chat(long_chat).text == "yes"
        [request] = server.requests
    system, first, *others = request["messages"]
    assert system["content"][0]["text"] == "Be brief."
    assert len(images(request)) == len(images({"messages": [first]})) > 30
    assert others[-1]["content"][-1]["text"] == QUESTION
    assert len(others) < 60


def test_the_pages_of_such_a_history_take_under_a_third_of_its_tokens(long_chat):
    made = pages_of_history(long_chat, counter=EstimateCounter())
    assert made.drawn_text_tokens > 90_000
    assert made.visual_tokens < made.drawn_text_tokens / 3
    assert made.kept_text_tokens < 2 * DEFAULT_THRESHOLD_TOKENS


def test_a_server_that_counts_other_pages_than_were_planned_is_told_of(long_chat):
    usage = {"prompt_tokens": 5000, "completion_tokens": 1}
    with (
        ScriptedServer(answer("yes", usage=usage)) as server,
        GlyphClient(server.base_url) as client,
        pytest.warns(TokenCountWarning, match="5000 prompt tokens"),
    ):
        client.chat(long_chat)


def test_the_next_turn_sends_the_same_pages_first(long_chat):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        reply = client.chat(long_chat).text
        said = [{"role": "assistant", "content": reply}, {"role": "user", "content": "And why?"}]
        client.chat([*long_chat, *said])
        before, after = server.requests
    assert images(before) == images(after)
    assert after["messages"][: len(before["messages"])] == before["messages"]


def test_a_chat_beyond_the_servers_window_is_refused_before_it_is_sent(long_chat):
    with ScriptedServer(models=served(max_model_len=16_384)) as server:
        told = r"window of 16,384 .* text tokens"
        with GlyphClient(server.base_url) as client, pytest.raises(OverLengthError, match=told):
            client.chat(long_chat)
        assert server.calls == 0


def test_an_answer_cites_the_older_turns_it_rests_on():
    messages = [{"role": "user", "content": FACT}, *chat_of(1500)[1:]]
    with ScriptedServer(answer("4711")) as server, GlyphClient(server.base_url) as client:
        made = client.chat(messages, threshold_tokens=100, keep_last=1)
    assert made.citations[0].quote == "4711"
    assert made.citations[0].page_index == 0


def test_pages_are_drawn_as_the_caller_says_else_as_the_server_says():
    code = RenderConfig.preset("code")
    glyph = {"render_config": code.model_dump(mode="json", by_alias=True)}
    sharp = RenderConfig(dpi=96)
    with ScriptedServer(models=served(glyph=glyph)) as server:
        with GlyphClient(server.base_url) as client:
            client.chat(chat_of(1500), threshold_tokens=100)
            client.chat(chat_of(1500), threshold_tokens=100, config=sharp)
        drawn = [images(request)[0]["image_url"]["url"] for request in server.requests]
    hashes = [png_theta_hash(base64.b64decode(url.partition(",")[2])) for url in drawn]
    assert hashes == [code.theta_hash, sharp.theta_hash]


def test_the_async_client_chats_too():
    async def ask(url):
        async with AsyncGlyphClient(url) as client:
            return await client.chat(chat_of(1500), threshold_tokens=100)

    with ScriptedServer() as server:
        assert asyncio.run(ask(server.base_url)).text == "yes"
    assert images(server.requests[0])


def test_a_chat_may_be_shown_while_it_is_written():
    with ScriptedServer(streamed("Yes, ", "it is.")) as server:
        with GlyphClient(server.base_url) as client:
            stream = client.stream_chat(chat_of(1500), threshold_tokens=100)
            assert list(stream) == ["Yes,", " it is."]
        assert stream.answer.text == "Yes, it is."
        assert images(server.requests[0])


def test_pages_that_the_server_keeps_go_once_however_long_the_chat_becomes():
    keeps = {"keeps_pages": True}
    with ScriptedServer(models=served(glyph=keeps)) as server:
        with GlyphClient(server.base_url) as client:
            client.chat(chat_of(1500), threshold_tokens=100)
            client.chat(chat_of(3000), threshold_tokens=100)
        first, second = (images(request) for request in server.requests)
    assert all(part["image_url"] for part in first)
    assert [part["uuid"] for part in second[: len(first)]] == [part["uuid"] for part in first]
    assert [part["image_url"] is None for part in second] == [
        number < len(first) for number in range(len(second))
    ]
    assert len(second) > len(first)


def test_a_server_that_dropped_a_page_gets_all_of_them_again():
    missed = failure(400, "Cache miss for image at index 0")
    script = (answer("yes"), missed, answer("yes"))
    models = served(glyph={"keeps_pages": True})
    with ScriptedServer(*script, models=models) as server, GlyphClient(server.base_url) as client:
        for _ in range(2):
            assert client.chat(chat_of(1500), threshold_tokens=100).text == "yes"
    assert images(server.requests[2]) == images(server.requests[0])


def test_a_server_that_may_refuse_names_gets_pages_without():
    with (
        ScriptedServer(models=served(owned_by="another")) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.chat(chat_of(1500), threshold_tokens=100)
    assert not any("uuid" in part for part in images(server.requests[0]))


def test_a_chats_own_images_are_sent_as_they_are_and_cost_what_the_server_says():
    own = {"type": "image_url", "image_url": {"url": "http://example.com/cat.png"}}
    messages = chat_of(1500)
    messages[1] = {"role": "user", "content": [own, {"type": "text", "text": "See this."}]}
    usage = {"prompt_tokens": 90_000, "completion_tokens": 1}
    with (
        ScriptedServer(answer("yes", usage=usage)) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.chat(messages, threshold_tokens=100)
    assert own in images(server.requests[0])


def test_a_chat_may_be_looked_at_before_it_is_sent_by_other_means(long_chat):
    with ScriptedServer(models=served(max_model_len=65_536)) as server:
        with GlyphClient(server.base_url) as client:
            client.chat(long_chat)
            looked = client.page_chat(long_chat)

        async def look():
            async with AsyncGlyphClient(server.base_url) as client:
                return await client.page_chat(long_chat)

        assert asyncio.run(look()) == looked
        [request] = server.requests
    assert [part["image_url"] for part in images({"messages": looked.messages})] == [
        part["image_url"] for part in images(request)
    ]
    assert looked.max_tokens == request["max_tokens"] == 8192
    assert looked.drawn_text_tokens > 3 * looked.visual_tokens


def test_a_window_may_be_said_where_the_server_does_not(long_chat):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        with pytest.raises(OverLengthError, match="window of 16,384"):
            client.chat(long_chat, window=16_384)
        client.chat(chat_of(1000), window=16_384)
        assert [request["max_tokens"] for request in server.requests] == [2048]


@pytest.mark.parametrize("window", [0, -5, 1.5, "all"])
def test_an_impossible_window_is_refused(window):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ConfigError, match="window must be"):
            client.chat(chat_of(10), window=window)
        assert server.calls == server.model_calls == 0


def test_a_call_of_a_tool_is_no_empty_answer():
    collector = ReplyCollector("host", streamed=False)
    message = {"content": None, "tool_calls": [{"id": "a"}]}
    choice = {"message": message, "finish_reason": "tool_calls"}
    collector.take(Completion.model_validate({"choices": [choice]}))
    assert collector.reply().finish_reason == "tool_calls"


def test_chars_that_no_font_has_are_told():
    messages = [{"role": "user", "content": "\ue123" * 3}, *chat_of(1500)[1:]]
    with (
        ScriptedServer() as server,
        GlyphClient(server.base_url) as client,
        pytest.warns(FontWarning, match="no font has 3"),
    ):
        client.chat(messages, threshold_tokens=100)


@pytest.mark.parametrize("option", ["overflow", "question", "keep"])
def test_an_unknown_option_is_refused(option):
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ConfigError, match=f"{option}.*keep_last"):
            client.chat(chat_of(10), **{option: "x"})
        assert server.calls == server.model_calls == 0


def test_the_embedded_reader_gets_all_turns_but_the_question_as_pages(reader_url):
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": FACT}]
    heard = {"role": "assistant", "content": "I will remember it."}
    with GlyphClient(reader_url) as client:
        made = client.chat([*said, heard, {"role": "user", "content": QUESTION}])
    assert made.text == "4711"
    assert made.citations[0].quote == "4711"
    assert made.usage.visual_tokens == 320


def test_a_chat_beyond_the_embedded_readers_window_is_read_in_parts(reader_url):
    said = [{"role": "user", "content": f"{SAID * 100}{FACT} {SAID * 50}"}]
    heard = {"role": "assistant", "content": "I see."}
    with GlyphClient(reader_url) as client:
        made = client.chat([*said, heard, {"role": "user", "content": QUESTION}])
    assert len(made.windows) > 1
    assert made.text == "4711"


def test_the_embedded_reader_says_what_it_is_where_there_is_no_history(reader_url):
    with GlyphClient(reader_url) as client:
        assert "reads page images" in client.chat([{"role": "user", "content": "Hello!"}]).text


def test_the_embedded_reader_refuses_images_that_are_no_pages_of_its_own(reader_url):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    asked = {"role": "user", "content": [image, {"type": "text", "text": QUESTION}]}
    with GlyphClient(reader_url) as client, pytest.raises(InputError, match="image_url"):
        client.chat([asked])
