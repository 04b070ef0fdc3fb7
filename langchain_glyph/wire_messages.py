"""LangChain's messages as the ground has them, and back: what is not drawn stays what it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    ToolMessage,
    convert_to_openai_image_block,
)

from glyph_shared.asking import is_page_link
from glyph_shared.asking.turns import message_runs
from glyph_shared.errors import InputError
from langchain_glyph.messages import with_files_read

Block = dict[str, Any]

_NUMBER = "_number"
_ROLES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "function",
}
_SAID = ("text", "image", "image_url")
"""What is read of an assistant's message; its thinking and other blocks stay in their place."""


class WireMessages:
    """Messages as mappings of the OpenAI API, each with its message's number.

    By the number, what LangChain keeps of a message beside its text comes back: ids, tool calls,
    artifacts, blocks of other types.

    Attributes:
        mappings: The messages, the files whose content is in them read as text.
    """

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        """Reads files in messages; those given are not changed.

        Raises:
            InputError: A message is not one of a chat, or a file cannot be read.
        """
        self._given = with_files_read(messages, passes_on=True)
        self.mappings = [_mapping(one, number) for number, one in enumerate(self._given)]

    def came_back(self, sent: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
        """Returns as messages what the ground made of the mappings.

        One in which nothing was drawn is the one that was given.
        """
        return [self._message(one) for one in sent]

    def _message(self, sent: Mapping[str, Any]) -> BaseMessage:
        if _NUMBER not in sent:
            return HumanMessage(content=list(map(_block, sent["content"])))
        number: int = sent[_NUMBER]
        given, mapping = self._given[number], self.mappings[number]
        if sent["content"] == list(map(_part, message_runs(mapping))):
            return given
        blocks = list(map(_block, sent["content"]))
        return given.model_copy(update={"content": _in_place(given, blocks)})


def _mapping(message: BaseMessage, number: int) -> dict[str, Any]:
    role = message.role if isinstance(message, ChatMessage) else _ROLES.get(message.type)
    if role is None:
        raise InputError(
            f"message {number} is a {type(message).__name__}, which no model is sent; leave it out"
        )
    made: dict[str, Any] = {"role": role, "content": _parts(message), _NUMBER: number}
    if message.name:
        made["name"] = message.name
    if isinstance(message, ToolMessage):
        made["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage) and message.tool_calls:
        made["tool_calls"] = [
            {
                "id": call["id"] or "",
                "type": "function",
                "function": {"name": call["name"], "arguments": json.dumps(call["args"])},
            }
            for call in message.tool_calls
        ]
    return made


def _parts(message: BaseMessage) -> list[Block]:
    content = message.content
    blocks = [content] if isinstance(content, str) else content
    return [_image_as_read(_part(block)) for block in blocks if block and _is_said(message, block)]


def _is_said(message: BaseMessage, block: object) -> bool:
    if not isinstance(message, AIMessage) or isinstance(block, str):
        return True
    return isinstance(block, Mapping) and block.get("type") in _SAID


def _part(block: Any) -> Block:
    return {"type": "text", "text": block} if isinstance(block, str) else block


def _image_as_read(block: Block) -> Block:
    """Returns LangChain's form of a page or image in the form that its size is read from."""
    held = block.get("base64") and block.get("mime_type")
    if block.get("type") == "image" and (held or is_page_link(block.get("url"))):
        return convert_to_openai_image_block(block)
    return block


def _block(part: Mapping[str, Any]) -> Block:
    """Returns a part as every model takes it: without the name that vLLM keeps a page by."""
    if part["type"] != "image_url" or "uuid" not in part:
        return dict(part)
    return {"type": "image_url", "image_url": {"url": str(part["image_url"]["url"])}}


def _in_place(given: BaseMessage, blocks: list[Block]) -> str | list[str | Block]:
    """Returns a message's content with blocks in place of what was read of it."""
    if isinstance(given.content, str) and all(block["type"] == "text" for block in blocks):
        return "".join(block["text"] for block in blocks)
    if isinstance(given.content, str):
        return list(blocks)
    before = list(takewhile(lambda block: not _is_said(given, block), given.content))
    others = [block for block in given.content if not _is_said(given, block)]
    return [*before, *blocks, *others[len(before) :]]
