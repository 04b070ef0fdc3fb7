"""One clock for a whole request: connecting, calling again, and every byte of the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from glyph_shared.errors import ServerError

_Result = TypeVar("_Result")


class DeadlinePassed(Exception):
    """The time is up; turned into a ServerError before any caller sees it."""


class Deadline:
    """Counts down from the moment it is made.

    A read timeout, which HTTP clients offer, restarts with every byte; a server that sends one
    token every few seconds would never meet it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    async def bound(self, work: Awaitable[_Result]) -> _Result:
        """Awaits ``work``, which is cancelled when the time is up, and has ended when this returns.

        ``asyncio.wait_for`` of Python 3.10 and 3.11 forgets that its caller was cancelled when the
        work ends just then; under two clocks, what came next ran by the longer one alone.

        Raises:
            DeadlinePassed: It was.
        """
        task = asyncio.ensure_future(work)
        try:
            if seconds := self.remaining:
                await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            await _end(task)
            raise
        if not task.done():
            await _end(task)
            if task.cancelled():
                raise DeadlinePassed
        return task.result()

    def error(self, host: str) -> ServerError:
        """Returns what to tell the caller."""
        return ServerError(
            f"no complete answer from {host} within {self.seconds:g} s; "
            "give a longer timeout=, or ask for fewer pages or a lower max_tokens"
        )


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancels a task once and waits until it has closed what it opened.

    Raises:
        CancelledError: The caller was cancelled meanwhile, which does not cut the closing short.
    """
    task.cancel()
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interruption = error
    if not task.cancelled():
        task.exception()  # Looked at, or asyncio would report it as forgotten.
    if interruption is not None:
        raise interruption
