"""The six ways of asking a chat model: once, in pieces or in a batch, in an event loop or not."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessage

from langchain_glyph import ChatGlyph

WAYS = ("invoke", "stream", "batch", "ainvoke", "astream", "abatch")


def ask(model: Any, way: str, given: Any, **kwargs: Any) -> AIMessage:
    """Returns the message that comes back; a stream's chunks are added up."""
    if way.startswith("a"):
        return asyncio.run(_aask(model, way, given, **kwargs))
    if way == "stream":
        return _whole(list(model.stream(given, **kwargs)))
    made = getattr(model, way)([given] if way == "batch" else given, **kwargs)
    return made[0] if way == "batch" else made


async def _aask(model: ChatGlyph, way: str, given: Any, **kwargs: Any) -> AIMessage:
    if way == "astream":
        return _whole([chunk async for chunk in model.astream(given, **kwargs)])
    made = await getattr(model, way)([given] if way == "abatch" else given, **kwargs)
    return made[0] if way == "abatch" else made


def _whole(chunks: list[Any]) -> Any:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole
