"""LangChain's content blocks as those that are sent: files as text, images with their bytes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from mimetypes import guess_extension
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_core.messages import BaseMessage

from glyph_shared.asking import is_page_link
from glyph_shared.documents import document_of_bytes
from glyph_shared.errors import ConfigError, InputError

Block = dict[str, Any]

_FILES = ("file", "text-plain")
_CONTENTS = ("text", "base64", "data")
_SEEN = ("text", "image_url", "refusal")
_UNNAMED = "document"


def with_files_read(
    messages: Sequence[BaseMessage], *, passes_on: bool = False
) -> list[BaseMessage]:
    """Returns messages whose files are text, each under a line with its name.

    Args:
        messages: Not changed.
        passes_on: Whether a file that is given by an address stays one, for a model that may know
            it.

    Raises:
        InputError: A file is given by an address, which nobody here fetches, or cannot be read.
        PdfError: A PDF cannot be read within the limits.
    """
    return [_with_files_read(message, passes_on) for message in messages]


def check_parts(messages: Sequence[Mapping[str, Any]], allowed_urls: Sequence[str]) -> None:
    """Refuses parts of OpenAI-style messages that are no text and no image with its bytes.

    An image with an address would be fetched by the server, from within its network.

    Raises:
        InputError: There is one.
    """
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, Mapping):
                _check_part(part, allowed_urls)


def check_allowed_urls(allowed_urls: Sequence[str]) -> None:
    """Refuses an allowed address that allows more than it seems to.

    Raises:
        ConfigError: One has no host, no path, or another scheme than the web's.
    """
    for url in allowed_urls:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname or split.path[-1:] != "/":
            raise ConfigError(
                "allowed_urls are web addresses that end with a slash, as "
                f"'https://images.example.org/'; got {url!r}"
            )


def _with_files_read(message: BaseMessage, passes_on: bool) -> BaseMessage:
    if isinstance(message.content, str):
        return message
    content = [
        _read(block, passes_on) if isinstance(block, dict) else block for block in message.content
    ]
    return message.model_copy(update={"content": content})


def _read(block: Block, passes_on: bool) -> Block:
    if block.get("type") in _FILES:
        named = _openai_file(block["file"]) if "file" in block else block
        held = any(isinstance(named.get(key), str) for key in _CONTENTS)
        return _file_text(named) if held or not passes_on else block
    # LangChain's older form of a text with a source.
    if block.get("type") == "text" and block.get("source_type") == "text":
        return {"type": "text", "text": block["text"]}
    image = block.get("image_url")
    return {**block, "image_url": {"url": image}} if isinstance(image, str) else block


def _file_text(named: Block) -> Block:
    name = _name(named) or _name(named.get("extras") or {})
    if isinstance(named.get("text"), str):
        return titled(name, named["text"])
    encoded = named.get("base64") or named.get("data")
    if not isinstance(encoded, str):
        where = named.get("url") or named.get("file_id") or named.get("id")
        given = f"is given by {where!r}, which is not fetched" if where else "has no content"
        raise InputError(
            f"the file {name or _UNNAMED!r} {given}; give its content, as base64= or text="
        )
    mime_type = named.get("mime_type") or "text/plain"
    suffix = guess_extension(str(mime_type).partition(";")[0]) or ""
    name = str(name or f"{_UNNAMED}{suffix}")
    document = document_of_bytes(
        _decoded(encoded, name), name if Path(name).suffix else f"{name}{suffix}"
    )
    return titled(document.name, document.text)


def _name(block: Mapping[str, Any]) -> str | None:
    # LangChain calls OpenAI's files PDFs whatever they are, and keeps their names among extras.
    return block.get("filename") or block.get("title")


def _openai_file(file: Mapping[str, Any]) -> Block:
    """Returns a file of OpenAI's form in LangChain's."""
    head, comma, encoded = str(file.get("file_data", "")).partition(",")
    if not comma or not head.startswith("data:"):
        where = file.get("file_id") or file.get("file_url") or file.get("file_data")
        return {"filename": file.get("filename"), "file_id": where}
    mime_type = head.removeprefix("data:").partition(";")[0]
    return {"filename": file.get("filename"), "base64": encoded, "mime_type": mime_type}


def _decoded(encoded: str, name: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        problem = str(error)
    raise InputError(f"the file {name!r} is no base64 ({problem}); encode its bytes")


def titled(name: str | None, text: str) -> Block:
    """Returns a block with a file's text under a line with its name, if it has one."""
    return {"type": "text", "text": f"=== {name} ===\n{text}\n" if name else f"{text}\n"}


def _check_part(part: Mapping[str, Any], allowed_urls: Sequence[str]) -> None:
    kind = part.get("type")
    if kind not in _SEEN:
        raise InputError(
            f"a message has a part of type {kind!r}, which the model cannot see; give text, files "
            "or images"
        )
    if kind == "image_url":
        _check_address(part, allowed_urls)


def _check_address(part: Mapping[str, Any], allowed_urls: Sequence[str]) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else None
    if not isinstance(url, str):
        raise InputError(
            f"an image needs its address or bytes as image_url={{'url': ...}}; got {image!r}"
        )
    if url.startswith("data:") or is_page_link(url):
        return
    if any(_begins(url, allowed) for allowed in allowed_urls):
        return
    raise InputError(
        f"an image has the address {url!r}, which is not fetched; give the image itself, as "
        "base64=, or allow the place in allowed_urls"
    )


def _begins(url: str, allowed: str) -> bool:
    try:
        given, place = urlsplit(url), urlsplit(allowed)
    except ValueError:  # what is no address leads to no allowed place
        return False
    # Whoever fetches "a/../b" fetches "b", and there are several ways of writing it.
    climbs = ".." in unquote(given.path).replace("\\", "/").split("/")
    same = (given.scheme, given.netloc) == (place.scheme, place.netloc)
    return same and not climbs and given.path.startswith(place.path)
