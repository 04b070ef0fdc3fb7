"""An OpenAI-compatible HTTP server on the loopback that says what a test tells it to say.

    with ScriptedServer(failure(503), answer("Paris")) as server:
        GlyphClient(server.base_url).ask(...)
    assert server.calls == 2

Each chat request takes the next item of the script; the last one is repeated. An item is a
``Scripted`` reply, or a function from the request's JSON to one. Plain sockets, because some
faults are about bytes: cut bodies, resets, pauses.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scripted:
    """A reply: the pieces of its body in order; a number among them is a pause in seconds."""

    pieces: tuple[bytes | float, ...] = ()
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False  # the connection breaks after the pieces


Script = Scripted | Callable[[dict[str, Any]], Scripted]


def answer(
    text: str | None,
    *,
    reasoning: str | None = None,
    finish_reason: str | None = "stop",
    logprob: float | None = None,
    usage: dict[str, Any] | None = None,
) -> Scripted:
    """A whole chat completion."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "reasoning": reasoning},
        "finish_reason": finish_reason,
    }
    if logprob is not None:
        choice["logprobs"] = {"content": [{"token": text, "logprob": logprob}]}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted"}
    return as_json({**body, "choices": [choice], "usage": usage})


def as_json(body: Any, status: int = 200, **headers: str) -> Scripted:
    """Any JSON."""
    return Scripted((json.dumps(body).encode(),), status, headers=headers)


def failure(status: int, message: str = "no", **headers: str) -> Scripted:
    """An error in the form vLLM gives it; ``retry_after="1"`` becomes ``retry-after: 1``."""
    body = {"error": {"message": message, "type": "Scripted", "param": None, "code": status}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return as_json(body, status, **named)


def streamed(
    *deltas: str | float | dict[str, Any],
    finish_reason: str | None = "stop",
    done: bool = True,
    reset: bool = False,
    usage: dict[str, Any] | None = None,
    model: str = "scripted",
) -> Scripted:
    """A streamed completion: texts, whole chunks as dicts, and pauses in seconds."""

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        head = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": model}
        return {**head, "choices": [choice]}

    pieces: list[bytes | float] = [_event(chunk({"role": "assistant", "content": ""}))]
    for delta in deltas:
        if isinstance(delta, str):
            pieces.append(_event(chunk({"content": delta})))
        else:
            pieces.append(delta if isinstance(delta, float) else _event(delta))
    if finish_reason is not None:
        pieces.append(_event(chunk({}, finish_reason)))
    if usage is not None:
        pieces.append(_event({**chunk({}), "choices": [], "usage": usage}))
    if done:
        pieces.append(b"data: [DONE]\n\n")
    return Scripted(tuple(pieces), content_type="text/event-stream", reset=reset)


def _event(data: Any) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


class ScriptedServer:
    """Serves models, chat completions and token counts from a thread while in its ``with``.

    Attributes:
        requests: The JSON of each chat request.
        headers: The headers of each request of any kind, with lower-case names.
        model_calls: How often the model list was asked for.
        counted: The JSON of each request to ``/tokenize``, which ``tokens`` answers; 404 without.
        version_calls: How often ``/version`` was asked for, which ``version`` answers; 404 without.
        most_at_once: The largest number of chat requests in progress together.
    """

    def __init__(
        self,
        *script: Script,
        models: Scripted | None = None,
        tokens: Scripted | None = None,
        version: Scripted | None = None,
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.model_calls = 0
        self.counted: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._script = script or (answer("yes"),)
        self._tokens = tokens or failure(404)
        self._version = version or failure(404)
        self.version_calls = 0
        self._models = models or as_json({"object": "list", "data": [{"id": "scripted"}]})
        self._connections: set[asyncio.StreamWriter] = set()
        self._running = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def calls(self) -> int:
        """How many chat requests came."""
        return len(self.requests)

    @property
    def open_connections(self) -> int:
        """How many connections are open, once those being closed have had the time to be."""
        for _ in range(100):
            if not self._connections:
                break
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), self._loop).result()
        return len(self._connections)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            reply = await self._take(reader)
            sending = asyncio.create_task(self._send(writer, reply))
            leaving = asyncio.create_task(reader.read())  # returns when the client hangs up
            done = {sending, leaving}
            await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.cancel()
            await asyncio.gather(*done, return_exceptions=True)
        finally:
            self._running -= 1
            self._connections.discard(writer)
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> Scripted:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in named}
        self.headers.append(headers)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].split()[1].endswith("/models"):
            self.model_calls += 1
            return self._models
        if head[0].split()[1] == "/version":
            self.version_calls += 1
            return self._version
        request = json.loads(body)
        if head[0].split()[1].endswith("/tokenize"):
            self.counted.append(request)
            return self._tokens
        self.requests.append(request)
        item = self._script[min(len(self.requests), len(self._script)) - 1]
        return item if isinstance(item, Scripted) else item(request)

    async def _send(self, writer: asyncio.StreamWriter, reply: Scripted) -> None:
        names = {
            "content-type": reply.content_type,
            "transfer-encoding": "chunked",
            "connection": "close",  # said before it is done: no client's loop may end in between
        }
        lines = [f"{name}: {value}" for name, value in {**names, **reply.headers}.items()]
        writer.write("\r\n".join([f"HTTP/1.1 {reply.status} x", *lines, "", ""]).encode())
        for piece in reply.pieces:
            if isinstance(piece, bytes):
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
            else:
                await asyncio.sleep(piece)
        if reply.reset:
            writer.transport.abort()
            return
        writer.write(b"0\r\n\r\n")
        await writer.drain()
