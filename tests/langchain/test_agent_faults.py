"""What goes wrong in the middle of an agent's run: told, nothing lost, and the run can go on."""

from __future__ import annotations

import asyncio

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from obliging_model import oblige
from openai import InternalServerError
from test_chat_ways import LONG, images

from glyph_shared import InputError, ServerError
from glyph_shared.rendering import image_folder
from langchain_glyph import ChatGlyph, GlyphMiddleware, GlyphPageTransformer, page_blocks
from tests.scripted_server import Scripted, ScriptedServer, as_json, failure

THREAD = {"configurable": {"thread_id": "a"}}
ASKED = {"messages": [HumanMessage("Which code has 'Lisbon'?")]}
# As vLLM says it, and OpenAI, whose word ChatOpenAI looks for.
TOO_LONG = "This model's maximum context length is 32768 tokens (context_length_exceeded)."


class Library:
    """A tool whose results are long, and how often it was asked."""

    def __init__(self):
        self.calls = 0

    def look_up(self, office: str) -> str:
        """Looks an access code up."""
        self.calls += 1
        return f"{office}: 4711.\n{LONG}"


def agent_on(server, kind, *tools, **options):
    model = {
        "other": lambda: ChatOpenAI(base_url=server.base_url, api_key="x", max_retries=0),
        "glyph": lambda: ChatGlyph(base_url=server.base_url, max_retries=0),
    }[kind]()
    middleware = [GlyphMiddleware(**options)]
    return create_agent(model, list(tools), middleware=middleware, checkpointer=InMemorySaver())


def run(agent, way, given):
    if way == "invoke":
        return agent.invoke(given, THREAD)
    return asyncio.run(agent.ainvoke(given, THREAD))


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_a_run_goes_on_after_a_server_error_and_calls_no_tool_again(kind, way):
    library = Library()
    with ScriptedServer(oblige, failure(500), oblige) as server:
        agent = agent_on(server, kind, library.look_up)
        with pytest.raises((InternalServerError, ServerError)):
            run(agent, way, ASKED)
        kept = agent.get_state(THREAD).values["messages"]
        assert [message.type for message in kept] == ["human", "ai", "tool"]
        assert kept[2].text.endswith(LONG)
        state = run(agent, way, None)
    assert state["messages"][-1].text == "Hello there, what is it?"
    assert library.calls == 1
    assert images(server.requests[1]) == images(server.requests[2])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_what_the_server_finds_too_long_is_langchains_overflow(kind, way):
    with (
        ScriptedServer(failure(400, TOO_LONG)) as server,
        pytest.raises(ContextOverflowError, match="32768"),
    ):
        run(agent_on(server, kind), way, ASKED)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_what_cannot_fit_is_that_too_and_is_not_sent(kind, way):
    models = as_json({"data": [{"id": "scripted", "max_model_len": 2048}]})
    with ScriptedServer(oblige, models=models) as server:
        agent = agent_on(server, kind, context_window=2048)
        with pytest.raises(ContextOverflowError, match="window of 2,048"):
            run(agent, way, {"messages": [HumanMessage(LONG)]})
        assert not server.calls
        assert agent.get_state(THREAD).values["messages"][0].text == LONG


@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_a_cancelled_run_hangs_up_and_the_agent_can_be_asked_again(kind):
    def reply(request):
        return Scripted((30.0,)) if server.calls == 1 else oblige(request)

    async def cancelled(agent):
        running = asyncio.create_task(agent.ainvoke(ASKED, THREAD))
        while not server.calls:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return await agent.ainvoke({"messages": [HumanMessage("And now?")]}, THREAD)

    with ScriptedServer(reply) as server:
        state = asyncio.run(cancelled(agent_on(server, kind)))
        assert server.open_connections == 0
    assert state["messages"][-1].text == "Hello there, what is it?"


@pytest.mark.parametrize("kind", ["other", "glyph"])
def test_a_page_that_is_gone_is_told_before_anything_is_sent(kind):
    [page] = GlyphPageTransformer().transform_documents([Document("Call me Ishmael.")])
    [block] = page_blocks([page])
    (image_folder(None) / f"{page.metadata['digest']}.png").unlink()
    message = HumanMessage([block, {"type": "text", "text": "Who?"}])
    with ScriptedServer(oblige) as server:
        with pytest.raises(InputError, match="draw its document again"):
            run(agent_on(server, kind), "invoke", {"messages": [message]})
        assert not server.calls
