"""Those who watch requests: told of each what is sent, its pages by their names, and its reply."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
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


class _Nobody:
    def piece(self, *_: Any) -> None: ...

    def reply(self, *_: Any) -> None: ...
