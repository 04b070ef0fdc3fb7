"""Writes down all that LlamaIndex tells those who watch, in its new and its old way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent


class Recorder(BaseEventHandler):
    """Keeps each event as the JSON that a tracer would send."""

    events: list[tuple[str, str]] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.events.append((event.class_name(), json.dumps(event.model_dump(), default=str)))

    def named(self, name: str) -> list[str]:
        return [text for kind, text in self.events if kind == name]


class OldRecorder(BaseCallbackHandler):
    """Keeps what callbacks are given, as text."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[str] = []
        self.ended: list[str] = []

    def on_event_start(self, event_type: Any, payload: Any = None, *_: Any, **__: Any) -> str:
        self.started.append(f"{event_type} {payload}")
        return ""

    def on_event_end(self, event_type: Any, payload: Any = None, *_: Any, **__: Any) -> None:
        self.ended.append(f"{event_type} {payload}")

    def start_trace(self, trace_id: str | None = None) -> None: ...

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None: ...


@contextmanager
def recorded() -> Iterator[Recorder]:
    recorder, root = Recorder(), get_dispatcher()
    root.add_event_handler(recorder)
    try:
        yield recorder
    finally:
        root.event_handlers.remove(recorder)


def old_recorder() -> tuple[OldRecorder, CallbackManager]:
    recorder = OldRecorder()
    return recorder, CallbackManager([recorder])
