"""The embedded reader behind the HTTP API of vLLM: the same client code reaches both.

========================  ==========================================================================
GET  /health              200 when requests are answered
GET  /v1/models           the reader, with the look its pages must have under ``glyph``
POST /v1/chat/completions pages and a question, whole or streamed; a page it was sent before may
                          be named by its digest as ``uuid``, with a null image
POST /tokenize            the reader's tokens of a text or of messages
========================  ==========================================================================

As with vLLM the key protects ``/v1`` alone.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from glyph_shared.serving.admission import Admission
from glyph_shared.serving.api_errors import (
    ApiError,
    answer_api_error,
    answer_crash,
    answer_http_error,
)
from glyph_shared.serving.chat_reply import END_OF_STREAM, ReplyFrame, logprobs_object
from glyph_shared.serving.chat_request import ChatRequest
from glyph_shared.serving.generation import Answerer, Piece, unless_disconnected
from glyph_shared.serving.reader_protocol import PageReader

MAX_BODY_BYTES = 64 * 2**20
"""A full window of the reader's pages is a tenth of it."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Hosts that requests may name: a web page whose name was rebound to loopback is turned away."""

CONCURRENCY = max(2, os.cpu_count() or 2)
"""A reader computes each answer on one core; on a single core two still share it fairly."""

CLIENT_CLOSED_REQUEST = 499


def embedded_app(
    reader: PageReader, *, api_key: str | None = None, concurrency: int = CONCURRENCY
) -> Starlette:
    """Returns the ASGI application that answers with ``reader``.

    Args:
        reader: The model; it is called from worker threads.
        api_key: If given, ``/v1`` demands it as a bearer token.
        concurrency: Answers generated at once; further requests wait.
    """
    service = _Service(reader, concurrency)
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK_NAMES))]
    if api_key is not None:
        middleware.append(Middleware(RequireKey, api_key=api_key))
    return Starlette(
        routes=[
            Route("/health", service.health),
            Route("/v1/models", service.models),
            Route("/v1/chat/completions", service.chat, methods=["POST"]),
            Route("/tokenize", service.tokenize, methods=["POST"]),
        ],
        middleware=middleware,
        exception_handlers={
            ApiError: answer_api_error,
            HTTPException: answer_http_error,
            Exception: answer_crash,
        },
    )


class RequireKey:
    """Lets requests to ``/v1`` through that carry the key."""

    def __init__(self, app: ASGIApp, *, api_key: str) -> None:
        self._app = app
        self._expected = f"Bearer {api_key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 401 in vLLM's words, or passes the request on."""
        if scope["type"] == "http" and scope["path"].startswith("/v1"):
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await JSONResponse({"error": "Unauthorized"}, 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class EventStream(StreamingResponse):
    """Server-sent events that end their source when the client leaves."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._events = events

    async def stream_response(self, send: Send) -> None:
        """Sends the events; whatever ends that closes their source at once."""
        async with aclosing(self._events):
            await super().stream_response(send)


class _Service:
    """The endpoints, sharing one reader."""

    def __init__(self, reader: PageReader, concurrency: int) -> None:
        self._reader = reader
        self._admission = Admission(reader)
        self._answerer = Answerer(reader, concurrency=concurrency)

    async def health(self, request: Request) -> Response:
        """Says that requests are answered."""
        return Response()

    async def models(self, request: Request) -> JSONResponse:
        """Lists the one model."""
        return JSONResponse({"object": "list", "data": [model_entry(self._reader)]})

    async def tokenize(self, request: Request) -> JSONResponse:
        """Counts and lists the tokens of a text or of messages."""
        ids = await run_in_threadpool(self._admission.tokens, await _read_body(request))
        limit = self._reader.max_model_len
        return JSONResponse({"count": len(ids), "max_model_len": limit, "tokens": ids})

    async def chat(self, request: Request) -> Response:
        """Answers a question on pages."""
        body = await _read_body(request)
        # Reading JSON and pages takes milliseconds each: not on the loop that serves others.
        admitted = await run_in_threadpool(self._admission.chat, body)
        frame = ReplyFrame(self._reader.name, admitted.cost)
        answer = self._answerer.answer(admitted.prompt)
        if admitted.asked.stream:
            return EventStream(_stream(answer, admitted.asked, frame))
        reply = await unless_disconnected(request, _collect(answer, admitted.asked, frame))
        return Response(status_code=CLIENT_CLOSED_REQUEST) if reply is None else JSONResponse(reply)


def model_entry(reader: PageReader) -> dict[str, Any]:
    """Returns what ``/v1/models`` says of the reader.

    ``glyph`` tells a client how to draw pages and how to treat answers: nothing a client could
    guess, since each look belongs to the weights.
    """
    return {
        "id": reader.name,
        "object": "model",
        "created": 0,
        "owned_by": "glyph-context",
        "max_model_len": reader.max_model_len,
        "glyph": {
            "render_config": reader.render_config.model_dump(mode="json", by_alias=True),
            "theta": list(reader.accepted_thetas),
            "refusal": reader.refusal,
            "max_pages": reader.max_pages,
            "keeps_pages": True,
            "combine": "best_supported",
            "text_gate": False,
            "tokenizer": "character",
        },
    }


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(
                f"the request is larger than {MAX_BODY_BYTES} bytes; send fewer pages at a time",
                status=413,
                kind="RequestTooLarge",
            )
    return bytes(body)


async def _collect(
    answer: AsyncGenerator[Piece, None], asked: ChatRequest, frame: ReplyFrame
) -> dict[str, Any]:
    pieces = [piece async for piece in answer]
    tokens = [piece.token for piece in pieces]
    return frame.completion(
        "".join(piece.text for piece in pieces),
        pieces[-1].finish_reason or "length",
        len(tokens),
        logprobs_object(tokens, asked.top_logprobs) if asked.logprobs else None,
    )


async def _stream(
    answer: AsyncGenerator[Piece, None], asked: ChatRequest, frame: ReplyFrame
) -> AsyncGenerator[bytes, None]:
    yield frame.opening()
    count = 0
    async with aclosing(answer) as pieces:
        async for piece in pieces:
            count += 1
            logprobs = (
                logprobs_object([piece.token], asked.top_logprobs) if asked.logprobs else None
            )
            yield frame.delta(piece.text, piece.finish_reason, logprobs)
    if asked.wants_usage:
        yield frame.closing_usage(count)
    yield END_OF_STREAM
