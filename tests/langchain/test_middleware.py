"""Agents under ``GlyphMiddleware``: text in state, checkpoints and traces, pages on the wire."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from obliging_model import oblige
from pydantic import BaseModel
from test_chat_ways import LONG, STORY, images
from watching import Watcher

from glyph_shared import ConfigError, RenderConfig
from langchain_glyph import ChatGlyph, GlyphMiddleware
from langchain_glyph import drawing as drawing_module
from tests.scripted_server import ScriptedServer, answer

RESULT = (STORY * 1400)[:100_000]
ASKED = {"messages": [HumanMessage(f"{LONG}Which code has 'Lisbon'?")]}


def look_up(office: str) -> str:
    """Looks an access code up."""
    return f"{office}: 4711.\n{RESULT}\n"


class Code(BaseModel):
    """An access code."""

    office: str
    code: int


@pytest.fixture
def server():
    with ScriptedServer(oblige) as running:
        yield running


def other_model(server, **settings):
    return ChatOpenAI(base_url=server.base_url, api_key="sk-other", model="other", **settings)


def agent_of(server, *tools, model=None, middleware=(), options=None, **settings):
    chosen = model or other_model(server)
    last = GlyphMiddleware(**(options or {}))
    return create_agent(chosen, list(tools), middleware=[*middleware, last], **settings)


def run(agent, way, given, config=None):
    if way == "invoke":
        return agent.invoke(given, config)
    return asyncio.run(agent.ainvoke(given, config))


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_long_messages_go_as_pages_and_the_state_is_text(server, way):
    state = run(agent_of(server), way, ASKED)
    assert state["messages"][0].text == ASKED["messages"][0].text
    assert state["messages"][-1].text == "Hello there, what is it?"
    [request] = server.requests
    assert len(images(request)) > 2
    assert LONG not in json.dumps(request)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_tools_long_result_goes_as_pages_of_the_user(server, way):
    state = run(agent_of(server, look_up), way, {"messages": [HumanMessage("Code of 'Lisbon'?")]})
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert state["messages"][2].text == look_up("Lisbon")
    first, second = server.requests
    assert not images(first)
    assert first["tools"]
    assert len(images(second)) > 10
    roles = [message["role"] for message in second["messages"]]
    assert roles == ["user", "assistant", "tool", "user"]
    assert len(second["messages"][2]["content"]) < 2000
    assert {part["type"] for part in second["messages"][3]["content"]} == {"image_url", "text"}


def test_a_long_system_prompt_goes_as_pages_too(server):
    agent = agent_of(server, system_prompt=LONG)
    agent.invoke({"messages": [HumanMessage("Who?")]})
    system, user = server.requests[0]["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert len(json.dumps(system)) < 2500
    assert len(images(server.requests[0])) > 2


def test_a_chat_glyph_draws_by_itself_and_once(server, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError

    monkeypatch.setattr(drawing_module, "pages_of_history", refuse)
    agent_of(server, look_up, model=ChatGlyph(base_url=server.base_url)).invoke(ASKED)
    assert [bool(images(request)) for request in server.requests] == [True, True]
    assert all(image["uuid"] for image in images(server.requests[0]))


@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_threads_of_one_agent_have_checkpoints_of_text(server, kind):
    saver = InMemorySaver()
    model = other_model(server) if kind == "other" else ChatGlyph(base_url=server.base_url)
    agent = agent_of(server, look_up, model=model, checkpointer=saver)
    threads = [{"configurable": {"thread_id": name}} for name in ("a", "b")]
    for thread in threads:
        agent.invoke({"messages": [HumanMessage(f"Code of '{thread}'?")]}, thread)
    state = agent.invoke({"messages": [HumanMessage("And again?")]}, threads[0])
    assert len(state["messages"]) == 6
    assert len(agent.get_state(threads[1]).values["messages"]) == 4
    assert len(images(server.requests[-1])) > 10
    kept = [stored for blobs in (saver.blobs, saver.writes) for stored in blobs.values()]
    held = b"".join(_bytes(kept))
    assert b"iVBOR" not in held
    assert b"base64" not in held
    last = [value for key, value in saver.blobs.items() if key[0] == "a" and key[2] == "messages"]
    sizes = [sum(map(len, _bytes([blob]))) for blob in last]
    text = sum(len(message.text) for message in state["messages"])
    assert text <= max(sizes) < 1.1 * text


def _bytes(value):
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _bytes(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _bytes(item)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_those_who_watch_an_agent_see_the_text_and_no_page(server, way):
    watcher = Watcher()
    run(agent_of(server, look_up), way, ASKED, {"callbacks": [watcher]})
    assert sum(len(images(request)) for request in server.requests) > 10
    told = [text for kind, text in watcher.told if kind == "on_chat_model_start"]
    assert len(told) == 2
    assert all(json.dumps(STORY)[1:-1] in text and '"ChatOpenAI"' in text for text in told)
    assert not [kind for kind, text in watcher.told if "iVBOR" in text or "base64" in text]


# ---- streams, interrupts, settings ----


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_tokens_stream_out_of_an_agent(server, way):
    agent = agent_of(server)
    if way == "stream":
        pieces = list(agent.stream(ASKED, stream_mode="messages"))
    else:
        pieces = asyncio.run(_collected(agent.astream(ASKED, stream_mode="messages")))
    texts = [chunk.text for chunk, _ in pieces if isinstance(chunk, AIMessageChunk) and chunk.text]
    assert texts == ["Hello", " there, what is it?"]
    assert server.requests[0]["stream"] is True
    assert images(server.requests[0])


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_pages_are_drawn_outside_the_event_loop(server, monkeypatch, way):
    threads = []
    inside = drawing_module.pages_of_history

    def spy(*args, **kwargs):
        threads.append(threading.current_thread())
        return inside(*args, **kwargs)

    monkeypatch.setattr(drawing_module, "pages_of_history", spy)
    agent = agent_of(server)
    if way == "ainvoke":
        asyncio.run(agent.ainvoke(ASKED))
    else:
        asyncio.run(_collected(agent.astream(ASKED, stream_mode="messages")))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_events_of_a_stream_hold_no_page(server):
    events = asyncio.run(_collected(agent_of(server).astream_events(ASKED, version="v2")))
    assert "on_chat_model_stream" in {event["event"] for event in events}
    assert "iVBOR" not in repr(events)
    assert images(server.requests[0])


async def _collected(stream):
    return [piece async for piece in stream]


def test_a_model_that_cannot_stream_answers_whole():
    agent = create_agent(FakeListChatModel(responses=["Hello."]), middleware=[GlyphMiddleware()])
    assert agent.invoke(ASKED)["messages"][-1].text == "Hello."


def test_an_interrupted_agent_goes_on_with_pages(server):
    def approve(office: str) -> str:
        """Asks a person."""
        return f"{interrupt(office)}\n{RESULT}"

    agent = agent_of(server, approve, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "a"}}
    paused = agent.invoke({"messages": [HumanMessage("Open 'Lisbon'?")]}, thread)
    assert paused["__interrupt__"][0].value == "Lisbon"
    state = agent.invoke(Command(resume="approved"), thread)
    assert state["messages"][2].text.startswith("approved")
    assert len(images(server.requests[-1])) > 10


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_structured_answers_are_those_of_the_model(server, strategy):
    agent = agent_of(server, response_format=strategy(Code))
    state = agent.invoke(ASKED)
    assert state["structured_response"] == Code(office="Lisbon", code=3)
    assert images(server.requests[0])


def test_options_say_what_is_drawn(server):
    theta = RenderConfig.preset("code")
    agent_of(server, options={"config": theta, "long_text_tokens": 10}).invoke(ASKED)
    agent_of(server, options={"long_text_tokens": 1_000_000}).invoke(ASKED)
    assert [bool(images(request)) for request in server.requests] == [True, False]
    with pytest.raises(ConfigError, match="keep_last"):
        GlyphMiddleware(keep_last=0)


def test_a_cached_answer_is_for_one_look_alone(server):
    cache = InMemoryCache()
    model = other_model(server, cache=cache)
    for config in (None, None, RenderConfig.preset("code")):
        agent_of(server, model=model, options={"config": config}).invoke(ASKED)
    assert server.calls == 2
    assert "iVBOR" not in repr(cache._cache)


# ---- summaries ----


@pytest.mark.parametrize("counter", ["stock", "middleware", "ChatGlyph"])
def test_a_summary_takes_a_document_away_unless_pages_are_counted(counter):
    with ScriptedServer(answer("So it was.")) as server:
        pages, glyph = GlyphMiddleware(), ChatGlyph(base_url=server.base_url)
        model = glyph if counter == "ChatGlyph" else other_model(server)
        counts = {
            "stock": {},
            "middleware": {"token_counter": pages.count_tokens},
            "ChatGlyph": {"token_counter": glyph.get_num_tokens_from_messages},
        }[counter]
        summaries = SummarizationMiddleware(
            model, trigger=("tokens", 5000), keep=("messages", 1), **counts
        )
        agent = create_agent(model, middleware=[summaries, pages])
        state = agent.invoke({"messages": [HumanMessage(LONG), HumanMessage("Who spoke of it?")]})
    if counter == "stock":
        assert server.calls == 2
        assert LONG not in str(state)
    else:
        assert server.calls == 1
        assert len(images(server.requests[0])) > 2
        assert state["messages"][0].text == LONG
