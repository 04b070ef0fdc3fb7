"""LlamaIndex's chat messages as the OpenAI API's: files as text, images where they are seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from mimetypes import guess_extension
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
)
from llama_index.llms.openai.utils import to_openai_message_dicts
from pydantic import BaseModel

from glyph_shared import Document, read_document
from glyph_shared.documents import document_of_bytes
from glyph_shared.errors import InputError

_UNNAMED = "input_document"
"""What LlamaIndex calls a document whose title nobody gave."""


def openai_messages(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Returns messages as plain mappings; reads the files that they name by path.

    A model sees images in user messages only, so those of other roles move to the next of these,
    or to one of their own. Files become text under a line with their name.

    Raises:
        InputError: A file or image is given by an address, which nobody here fetches, or cannot
            be read.
        PdfError: A PDF cannot be read within the limits.
    """
    seen = _with_images_seen(_with_files_read(message) for message in messages)
    return [_plain(message) for message in to_openai_message_dicts(seen)]


def _plain(message: Any) -> dict[str, Any]:
    """Returns a mapping whose calls are mappings too; streamed ones are kept as objects."""
    calls = message.get("tool_calls")
    if not calls:
        return dict(message)
    plain = [call.model_dump() if isinstance(call, BaseModel) else call for call in calls]
    return {**message, "tool_calls": plain}


def _with_files_read(message: ChatMessage) -> ChatMessage:
    return _with_blocks(message, [_read(block) for block in message.blocks])


def _read(block: ContentBlock) -> ContentBlock:
    if isinstance(block, DocumentBlock):
        document = _document(block)
        return TextBlock(text=f"=== {document.name} ===\n{document.text}\n")
    if isinstance(block, ImageBlock) and block.url and not str(block.url).startswith("data:"):
        raise InputError(
            f"an image has the address {str(block.url)!r}, which is not fetched; give the image "
            "itself, by path= or image="
        )
    return block


def _document(block: DocumentBlock) -> Document:
    name = block.title if block.title and block.title != _UNNAMED else None
    if block.path is not None:
        return read_document(block.path)
    if block.data is None:
        raise InputError(
            f"the document {name or _UNNAMED!r} is given by the address {block.url!r}, which is "
            "not fetched; give it by path= or data="
        )
    suffix = guess_extension(block.document_mimetype or "") or ""
    name = name or f"document{suffix}"
    try:
        data = block.resolve_document().read()
    except ValueError as error:
        raise InputError(f"the document {name!r} has no bytes; leave it out") from error
    return document_of_bytes(data, name if Path(name).suffix else f"{name}{suffix}")


def _with_images_seen(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Returns the messages with the images of other roles in user messages."""
    seen: list[ChatMessage] = []
    waiting: list[ContentBlock] = []
    for message in messages:
        if message.role == MessageRole.USER:
            seen.append(_with_blocks(message, [*waiting, *message.blocks]))
            waiting = []
            continue
        if waiting and message.role == MessageRole.ASSISTANT:
            seen.append(ChatMessage(role=MessageRole.USER, blocks=waiting))
            waiting = []
        waiting += [block for block in message.blocks if isinstance(block, ImageBlock)]
        others = [block for block in message.blocks if not isinstance(block, ImageBlock)]
        seen.append(_with_blocks(message, others))
    return [*seen, ChatMessage(role=MessageRole.USER, blocks=waiting)] if waiting else seen


def _with_blocks(message: ChatMessage, blocks: Sequence[ContentBlock]) -> ChatMessage:
    return message.model_copy(update={"blocks": list(blocks)})
