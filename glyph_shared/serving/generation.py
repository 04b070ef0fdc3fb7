"""Runs a reader's answers in worker threads, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from glyph_shared.errors import BadResponse
from glyph_shared.serving.reader_protocol import PageReader, Token
from glyph_shared.serving.stop_strings import StopStrings

Result = TypeVar("Result")


@dataclass(frozen=True)
class Prompt:
    """A checked request: what the reader is asked and where it must end."""

    pages: Sequence[NDArray[np.uint8]]
    question: str
    max_tokens: int
    stops: tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """One step of an answer."""

    text: str
    """What may be shown; empty while it may still become a stop string."""

    token: Token
    finish_reason: str | None


@dataclass(frozen=True)
class SentenceToken:
    """A whole sentence of the server's own, in the place of a token."""

    text: str
    id: int = 0
    logprob: float = 0.0
    finish_reason: str | None = "stop"


class Answerer:
    """Answers prompts, ``concurrency`` of them at once; the others wait their turn."""

    def __init__(self, reader: PageReader, *, concurrency: int) -> None:
        self._reader = reader
        self._slots = asyncio.Semaphore(concurrency)

    async def answer(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Yields the answer; closing the iterator ends the generation after its current token."""
        if not prompt.pages:
            yield Piece(
                introduction(self._reader), SentenceToken(introduction(self._reader)), "stop"
            )
            return
        async with self._slots:
            tokens = self._reader.generate(
                prompt.pages, prompt.question, max_tokens=prompt.max_tokens
            )
            async with aclosing(_pieces(tokens, StopStrings(prompt.stops))) as pieces:
                async for piece in pieces:
                    yield piece


def introduction(reader: PageReader) -> str:
    """Returns what a request without pages is answered."""
    return (
        f"I am {reader.name}, a small model that reads page images: I transcribe a page and look "
        "up facts written on it. This request has no pages, and I know nothing else; for open "
        "questions serve zai-org/Glyph."
    )


async def _pieces(tokens: Iterator[Token], gate: StopStrings) -> AsyncGenerator[Piece, None]:
    async with aclosing(_in_worker_threads(tokens)) as steps:
        async for token in steps:
            shown = gate.push(token.text)
            finish = "stop" if gate.stopped else token.finish_reason
            if finish is not None:
                yield Piece(shown + gate.flush(), token, finish)
                return
            yield Piece(shown, token, None)
    raise BadResponse("the reader's answer ended without saying why")


async def _in_worker_threads(tokens: Iterator[Token]) -> AsyncGenerator[Token, None]:
    """Takes each token in a worker thread and closes the iterator at the end, whatever ends it.

    Left to the garbage collector, an abandoned answer would hold its memory for an unknown time.
    """
    steps = _delegating(tokens)
    try:
        while (token := await _in_thread(steps)) is not None:
            yield token
    finally:
        steps.close()


async def _in_thread(steps: Iterator[Token]) -> Token | None:
    # A pool that Python waits for at its end: a thread inside onnxruntime must not be torn down.
    step = asyncio.get_running_loop().run_in_executor(None, next, steps, None)
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        # The thread cannot be stopped, and nothing may close the answer under it; a cancelled
        # scope cancels whatever is awaited in it again and again.
        while not step.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({step})
        raise


def _delegating(tokens: Iterator[Token]) -> Generator[Token, None, None]:
    # Closing this closes ``tokens`` if that is a generator, and does nothing if it is not.
    yield from tokens


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Returns the work's result, or None after cancelling it because the client has gone."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
