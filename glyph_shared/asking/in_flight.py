"""How much a client sends at a time, so that a hundred questions need not a hundred bodies at once.

A request holds its pages as text, several times over until the server has answered: some 16 MB for
48 pages. Those beyond ``MOST_BYTES`` wait for their turn before theirs is made. Streams do not
wait: who opens them reads them, perhaps several by turns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

MOST_BYTES = 96 << 20
"""Bytes of PNG files. With them a server has work for minutes."""


class InFlight:
    """Lets requests go in order, as many at a time as stay within a size, in each event loop.

    One that is larger than that goes alone.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gate] = WeakKeyDictionary()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Waits until there is room for a request, and keeps it within the block."""
        loop = asyncio.get_running_loop()
        gate = self._gates.setdefault(loop, _Gate(self._most))
        await gate.enter(size)
        try:
            yield
        finally:
            gate.leave(size)


class _Gate:
    """The room of one event loop; nothing here waits but ``enter``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def enter(self, size: int) -> None:
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the turn had come already
                self.leave(size)
            self._admit()
            raise

    def leave(self, size: int) -> None:
        self._taken -= size
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if not self._fits(size):
                    return
                self._taken += size
                turn.set_result(None)
            self._waiting.popleft()

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._most
