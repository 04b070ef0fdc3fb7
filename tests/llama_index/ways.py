"""The eight ways of asking an LLM: chat or complete, whole or streamed, in a loop or not."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

from llama_index.core.llms import ChatMessage

from llama_index_glyph import GlyphLLM

WAYS = tuple(
    "_".join(word for word in way if word)
    for way in product(("", "a"), ("", "stream"), ("chat", "complete"))
)
WAYS = tuple(way.replace("a_", "a") for way in WAYS)


def ask(llm: GlyphLLM, way: str, text: str, **kwargs: Any) -> list[Any]:
    """Returns the responses of one way: one, or all of a stream."""
    if way.startswith("a"):
        return asyncio.run(aask(llm, way, text, **kwargs))
    given = [ChatMessage(role="user", content=text)] if "chat" in way else text
    made = getattr(llm, way)(given, **kwargs)
    return list(made) if "stream" in way else [made]


async def aask(llm: GlyphLLM, way: str, text: str, **kwargs: Any) -> list[Any]:
    given = [ChatMessage(role="user", content=text)] if "chat" in way else text
    made = await getattr(llm, way)(given, **kwargs)
    return [response async for response in made] if "stream" in way else [made]


def text_of(response: Any) -> str:
    """Returns the text of a chat's or a completion's response."""
    return response.text if hasattr(response, "text") else response.message.content
