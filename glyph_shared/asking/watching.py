"""Those who watch requests: told of each what is sent, its pages by their names, and its reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from typing import Any, Protocol

from glyph_shared.asking.prompts import Messages, with_pages_named
from glyph_shared.asking.reply import Reply


class Heard(Protocol):
    """What a watcher of one request is told."""

    def piece(self, text: str) -> None:
        """Takes the next piece of a streamed reply."""

    def reply(self, reply: Reply) -> None:
        """Takes the whole reply."""


Watch = Callable[[Messages], AbstractAsyncContextManager[Heard]]
"""Opens the watch over one request, given its messages with pages by their names."""


def watched(watch: Watch | None, messages: Messages) -> AbstractAsyncContextManager[Heard]:
    """Returns the watch over a request; one that nobody keeps, if there is none."""
    return nullcontext(_Nobody()) if watch is None else watch(with_pages_named(messages))


def watched_by_all(watches: Sequence[Watch]) -> Watch:
    """Returns a watch that opens others, the first first, and tells them the same."""

    @asynccontextmanager
    async def watch(messages: Messages) -> AsyncIterator[Heard]:
        async with AsyncExitStack() as opened:
            yield _All([await opened.enter_async_context(each(messages)) for each in watches])

    return watch


class _All:
    def __init__(self, heard: Sequence[Heard]) -> None:
        self._heard = heard

    def piece(self, text: str) -> None:
        for each in self._heard:
            each.piece(text)

    def reply(self, reply: Reply) -> None:
        for each in self._heard:
            each.reply(reply)


class _Nobody:
    def piece(self, *_: Any) -> None: ...

    def reply(self, *_: Any) -> None: ...
