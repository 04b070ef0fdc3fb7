"""Pages as files: one PNG each, and a list that says what is on them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from glyph_shared.documents import Document
from glyph_shared.errors import InputError
from glyph_shared.planning import drawn_pages
from glyph_shared.rendering import Page, Renderer

LIST_NAME = "pages.jsonl"
_PAGE_NAME = re.compile(r"page-(\d{6,})\.png")


def write_pages(
    document: Document, renderer: Renderer, folder: Path
) -> Generator[Page, None, None]:
    """Draws a document into a folder, page by page, and yields each page once it is on disk.

    The list, ``pages.jsonl``, gets its line after the page's file is complete, so it is right
    after an interruption too. Pages that an earlier run left are removed first; other files are
    not touched.

    Raises:
        InputError: There is nothing to draw, or the folder cannot be written to.
    """
    pages = drawn_pages(document, renderer)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_earlier_pages(folder)
        # Line-buffered: each row reaches the disk whole and at once.
        with (folder / LIST_NAME).open("w", encoding="utf-8", buffering=1) as listing:
            for page in pages:
                name = page_name(page.index)
                (folder / name).write_bytes(page.png)
                row = _describe(page, name, document)
                listing.write(json.dumps(row, ensure_ascii=False) + "\n")
                yield page
    except OSError as error:
        raise InputError(
            f"pages cannot be written to {str(folder)!r}: {error.strerror or error}; choose "
            "another folder with --output"
        ) from None


def page_name(index: int) -> str:
    """Returns a page's file name; names sort in page order."""
    return f"page-{index + 1:06}.png"


def _describe(page: Page, name: str, document: Document) -> dict[str, Any]:
    start, end = page.char_span
    first, last = document.locate(start), document.locate(max(start, end - 1))
    return {
        "page": page.index + 1,
        "file": name,
        "size_px": list(page.size_px),
        "visual_tokens": page.visual_tokens,
        "char_span": [start, end],
        "from": str(first),
        "to": str(last),
        "picture": page.is_picture,
        "replaced_chars": page.replaced,
        "theta": page.theta_hash,
    }


def _remove_earlier_pages(folder: Path) -> None:
    """Removes the pages that an earlier run's list names, and the one that it had just begun."""
    listing = folder / LIST_NAME
    if not listing.is_file():
        return
    numbers = _listed_numbers(listing)
    for number in [*numbers, max(numbers, default=0) + 1]:
        (folder / page_name(number - 1)).unlink(missing_ok=True)


def _listed_numbers(listing: Path) -> list[int]:
    """Returns the page numbers of a list, whatever else is in that file."""
    text = listing.read_text(encoding="utf-8", errors="replace")
    return [int(number) for number in re.findall(rf'"file": "{_PAGE_NAME.pattern}"', text)]
