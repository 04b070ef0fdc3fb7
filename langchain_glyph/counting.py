"""What a chat takes of the window, counted without a server and without a download."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from glyph_shared import RenderConfig, pages_of_history
from glyph_shared.planning import CHAT_FRAME, pick_counter
from glyph_shared.rendering import default_store
from langchain_glyph.settings import Limits

_ASSUMED_QUESTION = {"role": "user", "content": "?"}
Tool = dict[str, Any] | type | Callable[..., Any] | BaseTool


def chat_tokens(
    messages: Sequence[Mapping[str, Any]], config: RenderConfig | None, limits: Limits
) -> int:
    """Returns what OpenAI-style messages take as they would be sent: pages as visual tokens.

    Middlewares count parts of chats too, system messages alone among them.
    """
    has_turn = any(message["role"] not in ("system", "developer") for message in messages)
    paged = pages_of_history(
        messages if has_turn else [*messages, _ASSUMED_QUESTION],
        config=config,
        window=sys.maxsize,
        store=default_store(),
        **limits,
    )
    return paged.prompt_tokens if messages else CHAT_FRAME


def tool_tokens(tools: Sequence[Tool]) -> int:
    """Returns about what the descriptions of tools take, as JSON."""
    count = pick_counter().count
    return sum(count(json.dumps(convert_to_openai_tool(tool))) for tool in tools)
