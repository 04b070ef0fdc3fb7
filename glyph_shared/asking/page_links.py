"""Pages that a chat names and does not hold: their bytes are read where the chat is sent.

A message with a hundred pages is some kilobytes long that way, in states, checkpoints and traces.
A link names a page of this project by its digest, and no file: whoever writes one can show the
model what was drawn before, and nothing else of this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from glyph_shared.asking.prompts import page_part
from glyph_shared.asking.turns import Message, Part
from glyph_shared.rendering import Page, image_folder, kept_image

_SCHEME = "glyph-page:"


def page_link(digest: str) -> str:
    """Returns the address of a page, for the ``image_url`` of a message's part."""
    return f"{_SCHEME}{digest}"


def is_page_link(address: object) -> bool:
    """Tells whether an image's address names a page."""
    return isinstance(address, str) and address.startswith(_SCHEME)


def with_linked_pages(messages: Iterable[Message]) -> list[Message]:
    """Returns messages with the pages themselves in place of links to them.

    Raises:
        InputError: A page is gone, or what is named is none.
        ConfigError: ``GLYPH_CACHE_DIR`` is ``off``, and no page is kept.
    """
    return [_with_pages(message) for message in messages]


def count_links(messages: Iterable[Message]) -> int:
    """Returns how many pages messages name."""
    return sum(bool(_address(part)) for message in messages for part in _parts(message))


def taken_pages(messages: Iterable[Message]) -> tuple[list[Page], list[Message]]:
    """Returns the pages that messages name, in order, and the messages without them.

    Raises:
        InputError: A page is gone, or what is named is none.
        ConfigError: ``GLYPH_CACHE_DIR`` is ``off``, and no page is kept.
    """
    pages: list[Page] = []
    rest: list[Message] = []
    for message in messages:
        parts = _parts(message)
        found = [_linked_page(part) for part in parts if _address(part)]
        pages += found
        others = [part for part in parts if not _address(part)]
        rest.append({**message, "content": others} if found else message)
    return [page.placed(index, page.char_span) for index, page in enumerate(pages)], rest


def _with_pages(message: Message) -> Message:
    parts = _parts(message)
    if not any(map(_address, parts)):
        return message
    shown = [page_part(_linked_page(part)) if _address(part) else part for part in parts]
    return {**message, "content": shown}


def _parts(message: Message) -> Sequence[Part]:
    content: Any = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, list | tuple) else ()


def _address(part: Part) -> str:
    """Returns the link of a part that shows a page by one, else nothing."""
    image = part.get("image_url") if isinstance(part, Mapping) else None
    address = image.get("url") if isinstance(image, Mapping) else None
    return str(address) if is_page_link(address) else ""


def _linked_page(part: Part) -> Page:
    return kept_image(_address(part).removeprefix(_SCHEME), image_folder(None))
