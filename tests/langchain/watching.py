"""A callback handler that keeps what a tracer would send, as JSON."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load.dump import default as plain


class Watcher(BaseCallbackHandler):
    """Keeps each event's name and payload; tells where one holds too much, or bytes of a page."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def _tell(self, name: str, *payload: Any) -> None:
        self.told.append((name, json.dumps(payload, default=_plain)))

    @property
    def largest(self) -> int:
        """The bytes of the largest payload."""
        return max(len(text.encode()) for _, text in self.told)


def _plain(value: Any) -> Any:
    try:
        return value.model_dump(mode="json")
    except (AttributeError, TypeError):
        return plain(value)


def _named(name: str) -> Any:
    def told(self: Watcher, *payload: Any, **more: Any) -> None:
        self._tell(name, payload, more)

    return told


_EVENTS = (
    *("on_chain_start", "on_chain_end", "on_chain_error"),
    *("on_chat_model_start", "on_llm_new_token", "on_llm_end", "on_llm_error"),
    *("on_tool_start", "on_tool_end", "on_retriever_start", "on_retriever_end"),
)
for _name in _EVENTS:
    setattr(Watcher, _name, _named(_name))
