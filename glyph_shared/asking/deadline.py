"""One clock for a whole request: connecting, calling again, and every byte of the answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import TypeVar

from glyph_shared.errors import ServerError
from glyph_shared.waiting import TimeIsUp, within

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

        Raises:
            DeadlinePassed: It was.
        """
        try:
            return await within(work, self.remaining)
        except TimeIsUp:
            pass
        raise DeadlinePassed

    def error(self, host: str) -> ServerError:
        """Returns what to tell the caller."""
        return ServerError(
            f"no complete answer from {host} within {self.seconds:g} s; "
            "give a longer timeout=, or ask for fewer pages or a lower max_tokens"
        )
