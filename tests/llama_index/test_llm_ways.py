"""Each way of asking, in each kind of event loop, with those who watch; over real HTTP."""

from __future__ import annotations

import asyncio
import threading

import pytest
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms import ChatMessage
from recording import old_recorder, recorded
from ways import WAYS, aask, ask, text_of

from glyph_shared import ConfigError, RenderConfig
from llama_index_glyph import GlyphLLM
from tests.scripted_server import ScriptedServer, answer, streamed

FACT = "The access code of the Lisbon office is 4711."
QUESTION = "What is the access code of the Lisbon office?"
PROMPT = f"Some notes of the trip.\n{FACT}\n\n{QUESTION}"
STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n"
LONG = STORY * 400
PNG_BASE64 = "iVBORw0KGgo"
ASYNC_WAYS = [way for way in WAYS if way.startswith("a")]


@pytest.fixture
def llm(reader_url):
    return GlyphLLM(reader_url)


def scripted(*texts):
    """A server that streams to those who ask for it, and answers whole to others."""
    usage = {"prompt_tokens": 900, "completion_tokens": 3, "total_tokens": 903}

    def reply(request):
        if request.get("stream"):
            return streamed(*texts, usage=usage)
        return answer("".join(texts), usage=usage)

    return ScriptedServer(reply)


def test_there_are_eight_ways():
    assert sorted(WAYS) == sorted(
        f"{loop}{stream}{kind}"
        for loop in ("", "a")
        for stream in ("", "stream_")
        for kind in ("chat", "complete")
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_embedded_reader_answers_in_every_way(llm, way):
    responses = ask(llm, way, PROMPT)
    assert text_of(responses[-1]) == "4711"
    assert responses[-1].additional_kwargs["visual_tokens"] == 320
    assert responses[-1].additional_kwargs["total_tokens"] > 320
    if "stream" in way:
        assert "".join(response.delta for response in responses) == "4711"


@pytest.mark.parametrize("way", WAYS)
def test_a_long_text_goes_on_pages_in_every_way(way):
    with scripted("Nobody", " spoke.") as server:
        responses = ask(GlyphLLM(server.base_url), way, f"{LONG}Who spoke of it?")
    [request] = server.requests
    [message] = request["messages"]
    assert [part["type"] for part in message["content"]].count("image_url") > 2
    assert message["content"][-1]["text"].endswith("Who spoke of it?")
    assert text_of(responses[-1]) == "Nobody spoke."
    told = responses[-1].additional_kwargs
    assert told["text_tokens"] > 2 * told["visual_tokens"]
    assert (told["prompt_tokens"], told["total_tokens"]) == (900, 903)
    if "stream" in way:
        assert "".join(response.delta for response in responses) == "Nobody spoke."


@pytest.mark.parametrize("way", WAYS)
def test_those_who_watch_see_text_and_no_page(way):
    old, manager = old_recorder()
    with scripted("Nobody.") as server, recorded() as recorder:
        ask(GlyphLLM(server.base_url, callback_manager=manager), way, f"{LONG}Who spoke of it?")
    kind = "Chat" if "chat" in way else "Completion"
    [start], [end] = recorder.named(f"LLM{kind}StartEvent"), recorder.named(f"LLM{kind}EndEvent")
    assert STORY.strip() in start
    assert "Nobody." in end
    assert bool(recorder.named(f"LLM{kind}InProgressEvent")) == ("stream" in way)
    assert len(old.started) == len(old.ended) == 1
    told = [text for _, text in recorder.events] + old.started + old.ended
    assert max(map(len, told)) < 3 * len(LONG)
    assert not [text for text in told if PNG_BASE64 in text]


@pytest.mark.parametrize("way", WAYS)
def test_those_who_watch_the_reader_see_as_little_of_its_pages(reader_url, way):
    old, manager = old_recorder()
    with recorded() as recorder:
        ask(GlyphLLM(reader_url, callback_manager=manager), way, PROMPT)
    kind = "Chat" if "chat" in way else "Completion"
    assert FACT in recorder.named(f"LLM{kind}StartEvent")[0]
    assert "4711" in recorder.named(f"LLM{kind}EndEvent")[0]
    assert len(old.started) == len(old.ended) == 1
    told = [text for _, text in recorder.events] + old.started + old.ended
    assert not [text for text in told if PNG_BASE64 in text]


@pytest.mark.parametrize("way", WAYS)
def test_the_counter_of_llama_index_counts_what_the_server_counted(way):
    counter = TokenCountingHandler(tokenizer=lambda text: [])
    with scripted("Nobody.") as server:
        ask(GlyphLLM(server.base_url, callback_manager=CallbackManager([counter])), way, "Who?")
    assert counter.prompt_llm_token_count == 900
    assert counter.completion_llm_token_count == 3


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_one_llm_serves_one_event_loop_after_the_other(llm, way):
    assert [text_of(ask(llm, way, PROMPT)[-1]) for _ in range(3)] == ["4711"] * 3


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_connections_end_with_their_event_loop(way):
    with scripted("Yes.") as server:
        llm = GlyphLLM(server.base_url)
        assert [text_of(ask(llm, way, "Is it?")[-1]) for _ in range(4)] == ["Yes."] * 4
        assert server.open_connections == 0


def test_one_llm_serves_several_event_loops_at_once():
    said = []
    with scripted("Yes.") as server:
        llm = GlyphLLM(server.base_url)
        threads = [
            threading.Thread(target=lambda way=way: said.append(text_of(ask(llm, way, "?")[-1])))
            for way in ASYNC_WAYS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert said == ["Yes."] * len(ASYNC_WAYS)


def test_many_questions_at_once_in_one_loop(llm):
    async def ask_all():
        return await asyncio.gather(*(aask(llm, way, PROMPT) for way in ASYNC_WAYS))

    assert {text_of(responses[-1]) for responses in asyncio.run(ask_all())} == {"4711"}


def test_a_call_that_waits_may_be_made_within_an_event_loop(llm):
    async def ask_within():
        return llm.complete(PROMPT).text

    assert asyncio.run(ask_within()) == "4711"


def test_the_event_loop_goes_on_while_pages_are_drawn():
    ticks = 0

    async def count():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async def ask_beside(llm):
        await aask(llm, "acomplete", "Is it?")  # all is set up
        counting = asyncio.create_task(count())
        await asyncio.sleep(0)
        before = ticks
        await aask(llm, "acomplete", LONG * 4)
        counting.cancel()
        return ticks - before

    with scripted("Yes.") as server:
        assert asyncio.run(ask_beside(GlyphLLM(server.base_url))) > 10


def test_the_reader_knows_what_it_is(llm):
    told = llm.metadata
    assert (told.context_window, told.num_output) == (4096, 512)
    assert told.model_name == "glyph-reader"
    assert not told.is_function_calling_model
    with pytest.raises(ConfigError, match="takes no tools"):
        llm.chat([ChatMessage(role="user", content=PROMPT)], tools=[{"type": "function"}])
    with pytest.raises(ConfigError, match="reads no text"):
        GlyphLLM(llm.api_base, draws_pages=False).complete(PROMPT)


def test_the_reader_reads_a_long_chat(llm):
    messages = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content=f"{STORY * 30}{FACT} {STORY * 30}"),
        ChatMessage(role="assistant", content="I see."),
        ChatMessage(role="user", content=QUESTION),
    ]
    assert llm.chat(messages).message.content == "4711"


def test_a_look_of_the_readers_own_is_known_where_the_server_is_silent():
    with ScriptedServer(answer("4711")) as server:
        llm = GlyphLLM(server.base_url, config=RenderConfig.preset("reader"))
        assert not llm.metadata.is_function_calling_model
        assert llm.complete(PROMPT).text == "4711"
    parts = server.requests[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]
