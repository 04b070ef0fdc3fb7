"""An answer that is shown while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Generic, TypeVar

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.background import BackgroundLoop
from glyph_shared.asking.closing import Closing
from glyph_shared.errors import InputError

_Item = TypeVar("_Item")
Pieces = AsyncGenerator["str | Answer", None]


class Reading(Generic[_Item]):
    """An asynchronous generator that one at a time reads or closes."""

    def __init__(self, items: AsyncGenerator[_Item, None]) -> None:
        self._items = items
        self._lock = asyncio.Lock()

    async def next(self) -> _Item | None:
        """Returns the next item, or None at the end: StopAsyncIteration cannot pass a future."""
        async with self._lock:
            return await anext(self._items, None)

    async def close(self) -> None:
        """Ends the generator, if it has not ended."""
        # A forgotten iterator and the end of a with block may both be closing it, while a reader
        # that was interrupted is still on its way out.
        async with self._lock:
            await self._items.aclose()


def read_in_background(
    items: AsyncGenerator[_Item, None], loop: BackgroundLoop
) -> Generator[_Item, None, None]:
    """Yields the items of an asynchronous generator that runs on another loop."""
    reading = Reading(items)
    try:
        while (item := loop.run(reading.next())) is not None:
            yield item
    finally:
        # Not waited for: a forgotten iterator may be collected on the loop's own thread.
        loop.start(reading.close())


class AsyncAnswerStream:
    """Yields the answer's text in pieces; afterwards ``answer`` holds all of it.

        async with client.stream(question, pages) as stream:
            async for piece in stream:
                show(piece)
        stream.answer.citations

    Leaving the ``with`` block early closes the connection, and the server stops writing.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._reading = Reading(pieces)
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        """The whole answer.

        Raises:
            InputError: The stream has not been read to its end.
        """
        if self._answer is None:
            raise InputError("the answer is not complete yet; read the stream to its end first")
        return self._answer

    async def __aiter__(self) -> AsyncIterator[str]:
        while (piece := await self._reading.next()) is not None:
            if isinstance(piece, Answer):
                self._answer = piece
            else:
                yield piece

    async def aclose(self) -> None:
        """Ends the request, if it has not ended."""
        await self._reading.close()

    async def __aenter__(self) -> AsyncAnswerStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AnswerStream(Closing):
    """Yields the answer's text in pieces; afterwards ``answer`` holds all of it.

    with client.stream(question, pages) as stream:
        for piece in stream:
            show(piece)
    stream.answer.citations
    """

    def __init__(self, pieces: Pieces, loop: BackgroundLoop) -> None:
        self._stream = AsyncAnswerStream(pieces)
        self._loop = loop

    @property
    def answer(self) -> Answer:
        """The whole answer.

        Raises:
            InputError: The stream has not been read to its end.
        """
        return self._stream.answer

    def __iter__(self) -> Iterator[str]:
        pieces = aiter(self._stream)
        try:
            while (piece := self._loop.run(_next(pieces))) is not None:
                yield piece
        finally:
            # Not waited for: a forgotten iterator may be collected on the loop's own thread.
            self._loop.start(self._stream.aclose())

    def close(self) -> None:
        """Ends the request, if it has not ended."""
        self._loop.run(self._stream.aclose())


async def _next(pieces: AsyncIterator[str]) -> str | None:
    """Returns the next piece, or None at the end: StopAsyncIteration cannot pass a future."""
    return await anext(pieces, None)
