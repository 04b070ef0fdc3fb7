from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from glyph_shared.asking import Answer, AsyncGlyphClient, GlyphClient
from glyph_shared.errors import (
    BadResponse,
    ContextLength,
    EmptyResponse,
    IncompleteStream,
    RateLimited,
    ServerError,
)
from glyph_shared.rendering import Page
from tests.scripted_server import (
    Script,
    Scripted,
    ScriptedServer,
    answer,
    as_json,
    failure,
    streamed,
)

QUESTION = "What is the access code of the Lisbon office?"
Ask = Callable[..., Answer]


# The model list is read first, so that a short timeout= counts for the question alone.


def _ask(base_url: str, pages: list[Page], timeout: float | None = None, **settings: Any) -> Answer:
    with GlyphClient(base_url, backoff=0.01, **settings) as client:
        client.model_entry()
        return client.ask(QUESTION, pages, timeout=timeout)


def _stream(
    base_url: str, pages: list[Page], timeout: float | None = None, **settings: Any
) -> Answer:
    with GlyphClient(base_url, backoff=0.01, **settings) as client:
        client.model_entry()
        stream = client.stream(QUESTION, pages, timeout=timeout)
        text = "".join(stream)
        assert text == stream.answer.text
        return stream.answer


def _ask_async(
    base_url: str, pages: list[Page], timeout: float | None = None, **settings: Any
) -> Answer:
    async def run() -> Answer:
        client = AsyncGlyphClient(base_url, backoff=0.01, **settings)
        await client.model_entry()
        return await client.ask(QUESTION, pages, timeout=timeout)

    return asyncio.run(run())


def _stream_async(
    base_url: str, pages: list[Page], timeout: float | None = None, **settings: Any
) -> Answer:
    async def run() -> Answer:
        client = AsyncGlyphClient(base_url, backoff=0.01, **settings)
        await client.model_entry()
        stream = client.stream(QUESTION, pages, timeout=timeout)
        assert "".join([piece async for piece in stream]) == stream.answer.text
        return stream.answer

    return asyncio.run(run())


WHOLE = [pytest.param(_ask, id="sync"), pytest.param(_ask_async, id="async")]
STREAMED = [
    pytest.param(_stream, id="sync-stream"),
    pytest.param(_stream_async, id="async-stream"),
]

TOO_LONG_TEXT = (
    "This model's maximum context length is 32768 tokens. However, your request has 40000 "
    "input tokens."
)
TOO_LONG_PAGES = "Input length (37932) exceeds model's maximum context length (32768)."
TOO_MANY = "At most 64 image(s) may be provided in one prompt."
NO_TOOLS = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'

# what the server does, the error, a part of its message, how many calls are made
FAULTS = [
    pytest.param([failure(429, retry_after="0.01")], RateLimited, "429", 3, id="429-short"),
    pytest.param([failure(429, retry_after="600")], RateLimited, "600 s", 1, id="429-long"),
    pytest.param([failure(429)], RateLimited, "429", 3, id="429-untold"),
    pytest.param([failure(500)], ServerError, "500", 2, id="500"),
    pytest.param([failure(502)], ServerError, "502", 3, id="502"),
    pytest.param([failure(503)], ServerError, "503", 3, id="503"),
    pytest.param([failure(503, retry_after="60")], ServerError, "503", 1, id="503-long"),
    pytest.param([failure(504)], ServerError, "504", 1, id="504"),
    pytest.param([failure(400, "bad")], ServerError, "bad", 1, id="400"),
    pytest.param([failure(400, TOO_LONG_TEXT)], ContextLength, "40000.*32768", 1, id="400-text"),
    pytest.param([failure(400, TOO_LONG_PAGES)], ContextLength, "37932.*32768", 1, id="400-pages"),
    pytest.param([failure(400, TOO_MANY)], ServerError, "max_pages=", 1, id="400-images"),
    pytest.param([failure(400, NO_TOOLS)], ServerError, "serve --tools", 1, id="400-tools"),
    pytest.param([as_json({"error": "Unauthorized"}, 401)], ServerError, "api_key", 1, id="401"),
    pytest.param([failure(403)], ServerError, "api_key", 1, id="403"),
    pytest.param([failure(404, "no model")], ServerError, "GLYPH_MODEL", 1, id="404"),
    pytest.param([failure(413)], ServerError, r"\d\.\d MB", 1, id="413"),
    pytest.param([Scripted(reset=True)], ServerError, "broke|no connection", 3, id="reset"),
]


@pytest.mark.fault(37, 38, 39, 40, 41, 44, 53)
@pytest.mark.parametrize("ask", WHOLE + STREAMED)
@pytest.mark.parametrize(("script", "error", "message", "calls"), FAULTS)
def test_each_fault_has_its_error_and_its_number_of_calls(
    ask: Ask,
    script: list[Script],
    error: type[ServerError],
    message: str,
    calls: int,
    pages: list[Page],
) -> None:
    with ScriptedServer(*script) as server:
        with pytest.raises(error, match=message) as caught:
            ask(server.base_url, pages)
        assert server.calls == calls
        assert server.open_connections == 0
    assert type(caught.value) is error


@pytest.mark.parametrize("ask", WHOLE)
@pytest.mark.parametrize("fault", [429, 500, 502, 503])
def test_a_curable_fault_is_cured(ask: Ask, fault: int, pages: list[Page]) -> None:
    with ScriptedServer(failure(fault), answer("4711")) as server:
        assert ask(server.base_url, pages).text == "4711"
        assert server.calls == 2


def test_max_retries_zero_means_one_call(pages: list[Page]) -> None:
    with ScriptedServer(failure(503)) as server:
        with pytest.raises(ServerError, match="503"):
            _ask(server.base_url, pages, max_retries=0)
        assert server.calls == 1


CALL = {"id": "1", "type": "function", "function": {"name": "delete_all", "arguments": "{}"}}
CALLS_ONLY = as_json(
    {"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]}
)
BAD_ANSWERS = [
    pytest.param(Scripted((b"<html>hi</html>",), content_type="text/html"), BadResponse, id="html"),
    pytest.param(Scripted((b'{"choices": [{"mess',)), BadResponse, id="cut-json"),
    pytest.param(as_json([1]), BadResponse, id="list"),
    pytest.param(as_json({"choices": [{"message": {"content": 4}}]}), BadResponse, id="number"),
    pytest.param(as_json({"choices": []}), EmptyResponse, id="no-choice"),
    pytest.param(answer(None), EmptyResponse, id="null"),
    pytest.param(CALLS_ONLY, EmptyResponse, id="calls-of-tools-that-were-not-offered"),
    pytest.param(answer("<|user|>"), EmptyResponse, id="token-only"),
]


@pytest.mark.fault(42, 43)
@pytest.mark.parametrize("ask", WHOLE)
@pytest.mark.parametrize(("reply", "error"), BAD_ANSWERS)
def test_an_unusable_answer_is_an_error_at_once(
    ask: Ask, reply: Scripted, error: type[ServerError], pages: list[Page]
) -> None:
    with ScriptedServer(reply) as server:
        with pytest.raises(error):
            ask(server.base_url, pages)
        assert server.calls == 1


@pytest.mark.fault(44)
@pytest.mark.parametrize("ask", WHOLE + STREAMED)
def test_a_server_that_is_not_there_is_named_by_host(ask: Ask, pages: list[Page]) -> None:
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:1;.*glyph serve"):
        ask("http://127.0.0.1:1/v1", pages)


@pytest.mark.fault(43)
@pytest.mark.parametrize("ask", STREAMED)
def test_streamed_calls_of_tools_that_were_not_offered_are_no_answer(
    ask: Ask, pages: list[Page]
) -> None:
    delta = {"choices": [{"index": 0, "delta": {"tool_calls": [CALL]}, "finish_reason": None}]}
    reply = streamed(delta, finish_reason="tool_calls")
    with ScriptedServer(reply) as server, pytest.raises(EmptyResponse):
        ask(server.base_url, pages)


SSE_ERROR = {"error": {"message": "engine died", "type": "InternalServerError", "code": 500}}

# deltas and how the stream ends, the error, the partial text, how many calls are made
STREAM_FAULTS = [
    pytest.param(streamed("47", reset=True, finish_reason=None, done=False), "47", 1, id="reset"),
    pytest.param(streamed("47", finish_reason=None, done=False), "47", 1, id="ends-early"),
    pytest.param(streamed("47", finish_reason=None), "47", 1, id="done-without-reason"),
    pytest.param(streamed("<think>4", finish_reason=None), "", 1, id="ends-thinking"),
    pytest.param(streamed(finish_reason=None, done=False), "", 1, id="ends-at-once"),
]


@pytest.mark.fault(46, 47)
@pytest.mark.parametrize("ask", STREAMED)
@pytest.mark.parametrize(("reply", "partial", "calls"), STREAM_FAULTS)
def test_a_cut_stream_is_an_error_with_the_partial_text(
    ask: Ask, reply: Scripted, partial: str, calls: int, pages: list[Page]
) -> None:
    with ScriptedServer(reply) as server:
        with pytest.raises(IncompleteStream) as caught:
            ask(server.base_url, pages)
        assert server.calls == calls
        assert server.open_connections == 0
    assert caught.value.partial_text == partial


@pytest.mark.fault(48)
@pytest.mark.parametrize("ask", STREAMED)
def test_an_error_object_within_a_stream_is_a_server_error(ask: Ask, pages: list[Page]) -> None:
    with ScriptedServer(streamed("47", SSE_ERROR)) as server:
        with pytest.raises(ServerError, match="engine died") as caught:
            ask(server.base_url, pages)
        assert server.calls == 1
    assert caught.value.status == 500


@pytest.mark.parametrize("ask", STREAMED)
def test_an_error_object_before_the_first_text_is_cured_by_a_second_call(
    ask: Ask, pages: list[Page]
) -> None:
    with ScriptedServer(streamed(SSE_ERROR), streamed("47", "11")) as server:
        assert ask(server.base_url, pages).text == "4711"
        assert server.calls == 2


@pytest.mark.parametrize("ask", STREAMED)
@pytest.mark.parametrize(
    "data", [b"data: {bad\n\n", b"data: 4\n\n", b'data: {"choices": 4}\n\n', b"data: \xff\n\n"]
)
def test_a_broken_chunk_is_a_bad_response(ask: Ask, data: bytes, pages: list[Page]) -> None:
    with ScriptedServer(Scripted((data,), content_type="text/event-stream")) as server:
        with pytest.raises(BadResponse):
            ask(server.base_url, pages)
        assert server.calls == 1


@pytest.mark.fault(45)
@pytest.mark.parametrize("ask", WHOLE + STREAMED)
def test_a_server_that_hangs_is_given_up_once_the_time_is_up(ask: Ask, pages: list[Page]) -> None:
    with ScriptedServer(Scripted((30.0,))) as server:
        with pytest.raises(ServerError, match=r"within 1 s"):
            ask(server.base_url, pages, timeout=1)
        assert server.calls == 1
        assert server.open_connections == 0


@pytest.mark.fault(49)
@pytest.mark.parametrize("ask", STREAMED)
def test_a_trickling_stream_meets_the_total_deadline(ask: Ask, pages: list[Page]) -> None:
    trickle = [part for _ in range(500) for part in ("a", 0.1)]
    with ScriptedServer(streamed(*trickle)) as server:
        with pytest.raises(IncompleteStream, match=r"within 1 s") as caught:
            ask(server.base_url, pages, timeout=1)
        assert server.calls == 1
        assert server.open_connections == 0
    assert 1 <= len(caught.value.partial_text) < 500


@pytest.mark.fault(49)
@pytest.mark.parametrize("ask", WHOLE)
def test_a_trickling_body_meets_the_total_deadline(ask: Ask, pages: list[Page]) -> None:
    trickle = Scripted(tuple(part for _ in range(500) for part in (b" ", 0.1)))
    with ScriptedServer(trickle) as server:
        with pytest.raises(ServerError, match=r"within 1 s"):
            ask(server.base_url, pages, timeout=1)
        assert server.calls == 1


@pytest.mark.parametrize("ask", WHOLE + STREAMED)
def test_no_traceback_holds_what_the_openai_client_raised(ask: Ask, pages: list[Page]) -> None:
    with ScriptedServer(failure(400)) as server, pytest.raises(ServerError) as caught:
        ask(server.base_url, pages)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
