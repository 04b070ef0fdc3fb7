"""A question about a hundred pages: traces, states and checkpoints name them, and hold no bytes."""

from __future__ import annotations

import asyncio
import json

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from test_chat_ways import images
from watching import Watcher

from glyph_shared import RenderConfig
from langchain_glyph import ChatGlyph, GlyphMiddleware, GlyphPageTransformer, page_blocks
from tests.scripted_server import ScriptedServer, answer

MOST = 50_000
SMALL = RenderConfig(page_size=(560, 280))
LINE = "On day {} it rained in the hills, and nobody of the village went out to the mill."
DIARY = "\n".join(LINE.format(number) for number in range(3950))
USAGE = {"prompt_tokens": 321, "completion_tokens": 7, "total_tokens": 328}


@pytest.fixture
def message():
    pages = GlyphPageTransformer(config=SMALL).transform_documents([Document(DIARY)])
    assert 100 <= len(pages) <= 110
    return HumanMessage([*page_blocks(pages), {"type": "text", "text": "Who went out?"}])


@pytest.fixture
def server():
    with ScriptedServer(answer("Nobody.", usage=USAGE)) as running:
        yield running


def assert_small_and_without_bytes(watcher, request):
    assert len(images(request)) == len({image["image_url"]["url"] for image in images(request)})
    assert 100 <= len(images(request)) <= 110
    assert len(json.dumps(request)) > 1_000_000
    assert watcher.largest <= MOST
    assert not [kind for kind, text in watcher.told if "base64" in text or "iVBOR" in text]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_no_event_of_a_call_is_large(server, message, way):
    watcher = Watcher()
    model = ChatGlyph(base_url=server.base_url, callbacks=[watcher])
    said = model.invoke([message]) if way == "invoke" else asyncio.run(model.ainvoke([message]))
    assert said.text == "Nobody."
    assert_small_and_without_bytes(watcher, server.requests[0])
    assert [kind for kind, _ in watcher.told] == ["on_chat_model_start", "on_llm_end"]
    names = [block["url"] for block in message.content[:-1]]
    assert all(name in watcher.told[0][1] for name in names)
    assert (said.response_metadata["pages"], said.response_metadata["linked_pages"]) == (
        0,
        len(names),
    )


@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_no_event_of_an_agent_is_large_and_no_checkpoint(server, message, kind):
    watcher, saver = Watcher(), InMemorySaver()
    model = ChatGlyph(base_url=server.base_url)
    if kind == "other":
        model = ChatOpenAI(base_url=server.base_url, api_key="x", model="other")
    agent = create_agent(model, middleware=[GlyphMiddleware()], checkpointer=saver)
    thread = {"configurable": {"thread_id": "a"}, "callbacks": [watcher]}
    agent.invoke({"messages": [message]}, thread)
    agent.invoke({"messages": [HumanMessage("And later?")]}, thread)
    assert_small_and_without_bytes(watcher, server.requests[0])
    assert images(server.requests[1]) == images(server.requests[0])
    stored = [value for (*_, value) in saver.blobs.values()]
    assert max(map(len, stored)) < MOST
    assert not [value for value in stored if b"iVBOR" in value]


def test_a_message_that_holds_its_text_is_traced_as_that_text(server):
    watcher = Watcher()
    ChatGlyph(base_url=server.base_url, callbacks=[watcher], config=SMALL).invoke(DIARY)
    assert len(DIARY) < watcher.largest < 1.2 * len(DIARY)
    assert not [kind for kind, text in watcher.told if "base64" in text or "iVBOR" in text]
