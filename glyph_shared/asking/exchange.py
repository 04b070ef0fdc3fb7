"""Requests and answers over the wire: deadlines, further calls, complete streams."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk

from glyph_shared.asking.deadline import Deadline, DeadlinePassed
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.faults import LONGEST_RETRY_AFTER, WIRE_ERRORS, Fault, read_fault
from glyph_shared.asking.wire import Completion, ModelList, parse_body, parse_chunk
from glyph_shared.errors import ConfigError, IncompleteStream

_CONNECT_SECONDS = 10.0

_Result = TypeVar("_Result")
Payload = dict[str, Any]
Received = tuple[Completion, ChatCompletionChunk]
"""A chunk, checked, and as the OpenAI client hands it on."""


class Exchange:
    """Sends requests to one endpoint, from any number of event loops."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._transports: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            WeakKeyDictionary()
        )

    async def models(self, deadline: Deadline) -> ModelList:
        """Asks which models are served.

        Raises:
            ServerError: It could not be told.
        """

        async def call() -> ModelList:
            models = (await self._transport()).models.with_raw_response
            raw = await models.list(timeout=self._patience())
            return parse_body(ModelList, raw.http_response.content, self._endpoint)

        return await self._persist(call, deadline, body_bytes=0)

    async def complete(
        self, payload: Payload, deadline: Deadline, body_bytes: int
    ) -> tuple[Completion, bytes]:
        """Sends a chat request and returns the whole answer, checked and as its JSON.

        Raises:
            ServerError: There is none, or none that can be used.
        """

        async def call() -> tuple[Completion, bytes]:
            completions = (await self._transport()).chat.completions.with_raw_response
            raw = await completions.create(**payload, timeout=self._patience())
            body = raw.http_response.content
            return parse_body(Completion, body, self._endpoint), body

        return await self._persist(call, deadline, body_bytes)

    async def stream(
        self, payload: Payload, deadline: Deadline, body_bytes: int
    ) -> AsyncGenerator[Received, None]:
        """Sends a chat request and yields the answer's chunks as they arrive.

        A fault before the first char of output is treated like that of a plain request; after it
        nothing is sent again, because the caller has already shown what came.

        Raises:
            IncompleteStream: The connection broke, or the time was up, within the output; its
                ``partial_text`` is still to be filled in.
            ServerError: There is no answer, or none that can be used.
        """
        calls, begun = 0, False
        while True:
            calls += 1
            try:
                async with aclosing(self._chunks(payload, deadline)) as chunks:
                    async for chunk in chunks:
                        begun = begun or _has_output(chunk[0])
                        yield chunk
                return
            except DeadlinePassed:
                fault = Fault(deadline.error(self._endpoint.host), broken_off=True)
            except WIRE_ERRORS as error:
                fault = self._read(error, body_bytes)
            if begun and fault.broken_off:
                raise IncompleteStream(
                    f"the answer broke off: {fault.error}; its beginning is in partial_text",
                    partial_text="",
                )
            if begun or not await self._waited(fault, calls, deadline):
                raise fault.error

    async def close(self) -> None:
        """Closes the connections of the running event loop."""
        transport = self._transports.pop(asyncio.get_running_loop(), None)
        if transport is not None:
            await transport.close()

    async def _chunks(self, payload: Payload, deadline: Deadline) -> AsyncGenerator[Received, None]:
        create = (await self._transport()).chat.completions.create
        opening = create(
            **payload,
            stream=True,
            stream_options={"include_usage": True},
            timeout=self._patience(),
        )
        async with await deadline.bound(opening) as stream:
            chunks = stream.__aiter__()
            while True:
                try:
                    chunk = await deadline.bound(chunks.__anext__())
                except StopAsyncIteration:
                    return
                yield parse_chunk(chunk, self._endpoint), chunk

    async def _persist(
        self, call: Callable[[], Awaitable[_Result]], deadline: Deadline, body_bytes: int
    ) -> _Result:
        """Calls until there is an answer or no further call would help."""
        calls = 0
        while True:
            calls += 1
            try:
                return await deadline.bound(call())
            except DeadlinePassed:
                fault = Fault(deadline.error(self._endpoint.host))
            except WIRE_ERRORS as error:
                fault = self._read(error, body_bytes)
            # Raised here, outside the handler, so that no traceback holds the original error:
            # its request carries the key, and a server may echo the key in its message.
            if not await self._waited(fault, calls, deadline):
                raise fault.error

    def _read(self, error: Exception, body_bytes: int) -> Fault:
        return read_fault(error, self._endpoint, body_bytes)

    async def _waited(self, fault: Fault, calls: int, deadline: Deadline) -> bool:
        """Waits before a further call; False at once if there should be none."""
        allowed = self._endpoint.max_retries + 1
        if calls >= (allowed if fault.calls is None else min(fault.calls, allowed)):
            return False
        wait = fault.retry_after
        if wait is None:
            wait = self._endpoint.backoff * 2 ** (calls - 1) * random.uniform(1, 1.25)
        if wait > LONGEST_RETRY_AFTER or wait >= deadline.remaining:
            return False
        await asyncio.sleep(wait)
        return True

    def _patience(self) -> openai.Timeout:
        # The deadline is kept outside; only a host that does not even connect is given up sooner.
        return openai.Timeout(None, connect=_CONNECT_SECONDS)

    async def _transport(self) -> AsyncOpenAI:
        """Returns the running loop's client; connections cannot move between event loops."""
        loop = asyncio.get_running_loop()
        if loop not in self._transports:
            # Reading the certificates takes 30 ms, for which the loop would stand still.
            made = await asyncio.to_thread(self._new_transport)
            self._transports.setdefault(loop, made)
        return self._transports[loop]

    def _new_transport(self) -> AsyncOpenAI:
        endpoint = self._endpoint
        # A kept-alive connection would outlive asyncio.run and could be one the server has just
        # dropped; beside the seconds an answer takes, a new one costs nothing.
        headers = {"Connection": "close"}
        if endpoint.basic_header is not None:
            headers["Authorization"] = endpoint.basic_header
        key = endpoint.api_key.get_secret_value() if endpoint.api_key else "none"
        transport = AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=key,
            max_retries=0,
            default_headers=headers,
            http_client=_http_client(endpoint),
        )
        # Otherwise OPENAI_ORG_ID and OPENAI_PROJECT_ID would go to a server they say nothing to.
        transport.organization = transport.project = None
        return transport


def _http_client(endpoint: Endpoint) -> openai.DefaultAsyncHttpxClient:
    """Returns a client that goes through the environment's proxies, unless to this machine.

    Raises:
        ConfigError: There is such a proxy, and it cannot be used.
    """
    try:
        return openai.DefaultAsyncHttpxClient(trust_env=not endpoint.is_loopback)
    except ImportError:
        advice = "install socksio, which SOCKS needs, or unset"
    except ValueError:
        advice = "correct"
    # Outside the handlers, because the library's error may hold the proxy's password.
    raise ConfigError(
        f"the proxy that the environment names for {endpoint.host} cannot be used; {advice} "
        "ALL_PROXY, HTTP_PROXY and HTTPS_PROXY, or add the host to NO_PROXY"
    )


def _has_output(chunk: Completion) -> bool:
    return any(
        choice.delta is not None
        and (choice.delta.content or choice.delta.thought or choice.delta.tool_calls)
        for choice in chunk.choices
    )
