"""JSON from a language model behind the OpenAI HTTP API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from glyph_shared.asking import GlyphClient

LONGEST_REPLY = 4096
"""Tokens, thinking included."""


@dataclass(frozen=True)
class JsonReply:
    """What a model answered.

    Attributes:
        text: As it is.
        data: The JSON object in it; empty where there is none.
        llm_tokens: Prompt and completion.
    """

    text: str
    data: dict[str, Any]
    llm_tokens: int


def asked_json(client: GlyphClient, prompt: str) -> JsonReply:
    """Asks a model as text, never as pages, and finds the JSON object in its answer.

    Raises:
        ServerError: It does not answer.
    """
    answer = client.chat(
        [{"role": "user", "content": prompt}], draws_pages=False, max_tokens=LONGEST_REPLY
    )
    llm_tokens = answer.usage.prompt_tokens + answer.usage.completion_tokens
    return JsonReply(answer.text, _object_in(answer.text), llm_tokens)


def _object_in(text: str) -> dict[str, Any]:
    """Returns the JSON object in a text, which may stand in a fenced block; else an empty one."""
    try:
        found = json.loads(text[text.find("{") : text.rfind("}") + 1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
