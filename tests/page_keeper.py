"""A server that keeps pages by their names, as vLLM does, and what it was sent of each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.scripted_server import Scripted, ScriptedServer, answer, as_json, failure

NEW = as_json({"version": "0.32.0"})

Request = dict[str, Any]


class Keeper:
    """Answers as vLLM does: keeps pages by uuid and misses those it was never sent."""

    def __init__(self, reply: Callable[[Request], Scripted] | None = None) -> None:
        self.kept: set[str] = set()
        self.reply = reply or (lambda request: answer("yes"))
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Scripted:
        with self.lock:
            for index, part in enumerate(images(request)):
                if part["image_url"] is not None:
                    self.kept.add(part.get("uuid", ""))
                elif part["uuid"] not in self.kept:
                    return failure(
                        400, f"Cache miss for image at index {index} but data is not provided."
                    )
        return self.reply(request)


def images(request: Request) -> list[dict[str, Any]]:
    parts = [part for message in request["messages"] for part in message["content"] or ()]
    return [part for part in parts if part["type"] == "image_url"]


def sent(request: Request) -> list[bool]:
    """Which of a request's pages have their bytes."""
    return [part["image_url"] is not None for part in images(request)]


def models(**entry: Any) -> Scripted:
    return as_json({"object": "list", "data": [{"id": "scripted", **entry}]})


def vllm(script: Callable[[Request], Scripted], version: Scripted = NEW) -> ScriptedServer:
    return ScriptedServer(script, models=models(owned_by="vllm"), version=version)
