"""LlamaIndex's face, end to end: each test says the same of every server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("llama_index.llms.openai_like")

from llama_index.core import Document

from glyph_shared.errors import ServerError
from llama_index_glyph import GlyphLLM, GlyphQueryEngine
from tests.llama_index.ways import WAYS, ask, text_of
from tests.served.relay import Relay
from tests.served.server import CODE, FACT, QUESTION, Served, comes_true


def llm_of(served: Served, **settings: Any) -> GlyphLLM:
    payload = served.sampling.payload()
    given: dict[str, Any] = {
        "base_url": served.base_url,
        "model": served.model,
        "api_key": served.api_key,
        "config": served.config,
        "temperature": payload["temperature"],
        "max_tokens": payload["max_tokens"],
        "additional_kwargs": {"extra_body": payload["extra_body"]},
    }
    return GlyphLLM(**given | settings)


def engine_of(served: Served, llm: GlyphLLM | None = None, **options: Any) -> GlyphQueryEngine:
    documents = [
        Document(text=served.notes(), metadata={"file_name": "notes.txt"}),
        Document(text="The ledgers are kept in the cellar.\n", metadata={"file_name": "more.txt"}),
    ]
    return GlyphQueryEngine.from_documents(
        documents, llm or llm_of(served), **served.options | options
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_fact_of_a_long_text_is_read_in_every_way(served, way):
    responses = ask(llm_of(served), way, f"{served.notes()}\n\n{QUESTION}")
    last = responses[-1]
    assert CODE in text_of(last)
    told = last.additional_kwargs
    assert 0 < told["visual_tokens"] < told["prompt_tokens"]
    assert told["total_tokens"] == told["prompt_tokens"] + told["completion_tokens"]
    if "stream" in way:
        assert len(responses) > 2
        assert "".join(response.delta for response in responses) == text_of(last)


def test_one_llm_serves_one_event_loop_after_the_other(served):
    llm = llm_of(served)
    for _ in range(2):
        assert CODE in text_of(ask(llm, "achat", f"{served.notes()}\n\n{QUESTION}")[-1])


def test_leaving_a_stream_ends_the_answer_on_the_server(served):
    llm = llm_of(served, max_tokens=min(served.window // 4, 8192))
    stream = llm.stream_complete(f"{served.notes()}\n\nTranscribe this page.")
    next(iter(stream))
    assert served.running() == 1
    stream.close()
    assert comes_true(lambda: served.running() == 0)


def assert_found(response):
    assert CODE in str(response)
    found = [one.node for one in response.source_nodes if FACT.strip() in one.node.text]
    assert {node.metadata["file_name"] for node in found} == {"notes.txt"}
    assert response.metadata["usage"]["visual_tokens"] > 0


def test_an_engine_answers_from_its_documents_and_names_them(served):
    assert_found(engine_of(served).query(QUESTION))


def test_an_engine_streams_its_answer(served):
    response = engine_of(served, streaming=True).query(QUESTION)
    pieces = list(response.response_gen)
    assert len(pieces) > 1
    assert CODE in "".join(pieces)
    assert response.source_nodes


def test_an_engine_answers_in_an_event_loop(served):
    assert_found(asyncio.run(engine_of(served).aquery(QUESTION)))


def test_an_engine_streams_in_an_event_loop(served):
    async def pieces_of_answer():
        response = await engine_of(served, streaming=True).aquery(QUESTION)
        return [piece async for piece in response.async_response_gen()], response

    pieces, response = asyncio.run(pieces_of_answer())
    assert len(pieces) > 1
    assert CODE in "".join(pieces)
    assert response.source_nodes


def test_a_second_query_sends_no_bytes_of_pages_and_finds_them_in_the_cache(served):
    if served.base_url.startswith("https"):
        pytest.skip("bytes are counted over plain http alone")
    with Relay(served.base_url) as relay:
        engine = engine_of(served, llm_of(served, base_url=relay.base_url))
        engine.query(QUESTION)
        sent_first = relay.take()
        second = engine.query("Who lives there?")
        sent_second = relay.take()
    pages = second.metadata["pages"]
    assert pages > 1
    assert sent_second < sent_first - 1000 * pages
    assert sent_second < 3000 + 500 * pages
    usage = second.metadata["usage"]
    assert usage["cached_tokens"] > 0.8 * usage["visual_tokens"]


def test_a_wrong_key_is_refused_and_not_shown(served):
    wrong = "sk-wrong-canary-9876543210"
    if served.api_key == "none":
        pytest.skip("the given server asks for no key: set GLYPH_API_KEY where it does")
    with pytest.raises(ServerError, match="GLYPH_API_KEY") as told:
        llm_of(served, api_key=wrong).complete(QUESTION)
    assert told.value.status == 401
    assert wrong not in str(told.value)
