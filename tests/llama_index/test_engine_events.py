"""What those who watch a query engine are told: small, of all steps, and never a page's bytes."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from unittest.mock import Mock

import pytest
from llama_index.core import Document
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.node_parser import SentenceSplitter
from llama_index.retrievers.bm25 import BM25Retriever

from glyph_shared import RenderConfig
from glyph_shared.errors import ServerError
from llama_index_glyph import (
    GlyphCorpusRetriever,
    GlyphLLM,
    GlyphNodeParser,
    GlyphQueryEngine,
    GlyphRenderPostprocessor,
)
from tests.llama_index.recording import recorded
from tests.scripted_server import ScriptedServer, answer, failure, streamed

MOST = 50_000
SMALL = RenderConfig(page_size=(560, 280))
LINE = "On day {} it rained in the hills, and nobody of the village went out to the mill."
DIARY = "\n".join(LINE.format(number) for number in range(3950))
USAGE = {"prompt_tokens": 321, "completion_tokens": 7}


class OldHandler(BaseCallbackHandler):
    """Keeps the payloads of callbacks as the JSON that a tracer would send."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.told: list[tuple[str, str]] = []

    def on_event_start(self, event_type, payload=None, event_id="", parent_id="", **_):
        self.told.append((f"{event_type.value} start", json.dumps(payload, default=_plain)))
        return event_id

    def on_event_end(self, event_type, payload=None, event_id="", **_):
        self.told.append((f"{event_type.value} end", json.dumps(payload, default=_plain)))

    def start_trace(self, trace_id=None): ...

    def end_trace(self, trace_id=None, trace_map=None): ...


def _plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return getattr(value, "__dict__", str(value))  # a stream's generator has none


@pytest.fixture(scope="module")
def pages():
    return [Document(text=DIARY, id_="diary", metadata={"file_name": "diary.txt"})]


def assert_small_and_without_bytes(told):
    for kind, text in told:
        assert len(text.encode()) <= MOST, kind
        assert "base64" not in text, kind
        assert "iVBOR" not in text, kind


@pytest.mark.parametrize("way", ["query", "aquery"])
@pytest.mark.parametrize("given", ["documents", "pages"])
def test_no_event_of_a_question_about_a_hundred_pages_is_large(pages, way, given):
    old = OldHandler()
    nodes = pages if given == "documents" else GlyphNodeParser(config=SMALL)(pages)
    with ScriptedServer(answer("Nobody [pages 1-9].")) as server, recorded() as new:
        callbacks = CallbackManager([old])
        engine = GlyphQueryEngine.from_documents(
            nodes, GlyphLLM(server.base_url), config=SMALL, callback_manager=callbacks
        )
        asked = getattr(engine, way)("Who went out?")
        response = asked if way == "query" else asyncio.run(asked)
    assert 100 <= response.metadata["pages"] <= 110
    assert len(response.source_nodes) >= 9
    assert_small_and_without_bytes([*new.events, *old.told])
    kinds = [kind for kind, _ in new.events if "Span" not in kind]
    assert kinds == [
        "QueryStartEvent", "RetrievalStartEvent", "RetrievalEndEvent", "SynthesizeStartEvent",
        "LLMChatStartEvent", "LLMChatEndEvent", "SynthesizeEndEvent", "QueryEndEvent",
    ]  # fmt: skip
    assert [kind for kind, _ in old.told] == [
        "query start", "retrieve start", "retrieve end", "synthesize start",
        "llm start", "llm end", "synthesize end", "query end",
    ]  # fmt: skip


def test_a_watcher_of_the_users_hears_beside_the_events():
    heard = []

    @asynccontextmanager
    async def watch(messages):
        heard.append(messages[-1]["content"][-1]["text"])
        yield Mock()

    with ScriptedServer(answer("Nobody.")) as server, recorded() as new:
        llm = GlyphLLM(server.base_url)
        engine = GlyphQueryEngine.from_documents([Document(text=LINE)], llm, watch=watch)
        engine.query("Who went out?")
    assert len(heard) == 1
    assert "Who went out?" in heard[0]
    assert {"LLMChatStartEvent", "LLMChatEndEvent"} <= {kind for kind, _ in new.events}


def hits_of(documents, count):
    """Returns BM25 over chunks of documents, which finds as many as are asked for."""
    nodes = SentenceSplitter(chunk_size=800, chunk_overlap=0)(documents)
    return BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=min(count, len(nodes)))


@pytest.mark.parametrize("way", ["query", "aquery"])
@pytest.mark.parametrize("whole", [False, True])
def test_no_event_of_hybrid_retrieval_is_large_either(pages, way, whole):
    old = OldHandler()
    callbacks = CallbackManager([old])
    retriever = hits_of(pages, 1000)
    retriever.callback_manager = callbacks
    drawn = GlyphRenderPostprocessor(config=SMALL, parents=pages if whole else None)
    with ScriptedServer(answer("Nobody [pages 1-9].")) as server, recorded() as new:
        engine = GlyphQueryEngine.from_args(
            retriever,
            GlyphLLM(server.base_url),
            config=SMALL,
            node_postprocessors=[drawn],
            callback_manager=callbacks,
        )
        asked = getattr(engine, way)("Who of the village went out to the mill?")
        response = asked if way == "query" else asyncio.run(asked)
    assert response.metadata["pages"] >= 100
    assert_small_and_without_bytes([*new.events, *old.told])
    kinds = [kind for kind, _ in [*new.events, *old.told] if "etriev" in kind]
    assert kinds == ["RetrievalStartEvent", "RetrievalEndEvent", "retrieve start", "retrieve end"]


def test_a_few_short_hits_are_told_as_they_are():
    documents = [Document(text=f"{'Nobody was there. ' * 40}The mill is green.")]
    with ScriptedServer(answer("Green.")) as server, recorded() as new:
        engine = GlyphQueryEngine.from_args(hits_of(documents, 2), GlyphLLM(server.base_url))
        engine.query("Which colour has the mill?")
    assert documents[0].text in new.named("RetrievalEndEvent")[0]


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_no_event_of_a_streamed_answer_about_a_hundred_pages_is_large(pages, way):
    old = OldHandler()
    told = streamed(*(f"On day {day} nobody went. " for day in range(60)))
    with ScriptedServer(told) as server, recorded() as new:
        engine = GlyphQueryEngine.from_documents(
            pages, GlyphLLM(server.base_url), config=SMALL, streaming=True,
            callback_manager=CallbackManager([old]),
        )  # fmt: skip
        if way == "query":
            assert "day 59" in "".join(engine.query("Who went out?").response_gen)
        else:
            assert "day 59" in asyncio.run(_streamed(engine))
    assert len(new.named("LLMChatInProgressEvent")) == 60
    assert_small_and_without_bytes([*new.events, *old.told])


def test_events_name_pages_by_their_digests_and_hold_the_answer(pages):
    with ScriptedServer(answer("Nobody.")) as server, recorded() as new:
        nodes = GlyphNodeParser(config=SMALL)(pages)[:3]
        llm = GlyphLLM(server.base_url)
        GlyphQueryEngine.from_documents(nodes, llm, config=SMALL).query("Who went out?")
    [started], [ended] = new.named("LLMChatStartEvent"), new.named("LLMChatEndEvent")
    [retrieved] = new.named("RetrievalEndEvent")
    for node in nodes:
        assert f"[page {node.metadata['digest']}]" in started
        assert node.metadata["digest"] in retrieved
    assert "Who went out?" in started
    assert "Nobody." in ended


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_events_of_a_stream_take_nothing_from_it(way):
    told = streamed("No", "body", ".", usage=USAGE)
    with ScriptedServer(told) as server, recorded() as new:
        llm = GlyphLLM(server.base_url)
        engine = GlyphQueryEngine.from_documents([Document(text="x")], llm, streaming=True)
        if way == "query":
            text = "".join(engine.query("Who?").response_gen)
        else:
            text = asyncio.run(_streamed(engine))
    assert text == "Nobody."
    deltas = [
        json.loads(event)["response"]["delta"] for event in new.named("LLMChatInProgressEvent")
    ]
    assert "".join(deltas) == "Nobody."
    assert "Nobody." in new.named("LLMChatEndEvent")[0]


async def _streamed(engine):
    response = await engine.aquery("Who?")
    return "".join([piece async for piece in response.response_gen])


def test_a_call_that_fails_is_told_as_failed():
    old = OldHandler()
    with ScriptedServer(failure(401)) as server:
        llm = GlyphLLM(server.base_url, callback_manager=CallbackManager([old]))
        with pytest.raises(ServerError):
            GlyphQueryEngine.from_documents([Document(text="x")], llm).query("Who?")
    ended = [text for kind, text in old.told if kind == "llm end"]
    assert len(ended) == 1
    assert "exception" in ended[0]


def test_token_counters_count_what_the_server_counted():
    counter = TokenCountingHandler(tokenizer=str.split)
    with ScriptedServer(answer("Nobody.", usage=USAGE)) as server:
        llm = GlyphLLM(server.base_url, callback_manager=CallbackManager([counter]))
        GlyphQueryEngine.from_documents([Document(text="x")], llm).query("Who?")
    assert counter.prompt_llm_token_count == 321
    assert counter.completion_llm_token_count == 7


def test_a_retriever_returns_whole_nodes_and_tells_of_lean_ones(pages):
    with recorded() as new:
        [hit] = GlyphCorpusRetriever(pages).retrieve("Who?")
        [again] = asyncio.run(GlyphCorpusRetriever(pages).aretrieve("Who?"))
    assert hit.node is again.node is pages[0]
    for event in new.named("RetrievalEndEvent"):
        [node] = json.loads(event)["nodes"]
        assert node["node"]["text"] == DIARY[:200] + "…"
        assert (node["node"]["id_"], node["node"]["end_char_idx"]) == ("diary", len(DIARY))
