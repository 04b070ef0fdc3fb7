"""Documents as blocks of a message: pages by their digests, other documents by their text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from glyph_shared.asking import page_link
from glyph_shared.errors import InputError
from glyph_shared.planning import (
    DEFAULT_EXACT_TEXT_TOKENS,
    SidecarMaker,
    checked_exact_text_tokens,
    pick_counter,
)
from glyph_shared.rendering import image_folder, keep_image, kept_image
from langchain_glyph.messages import titled
from langchain_glyph.page_documents import is_page, with_image

Block = dict[str, Any]


def page_blocks(
    documents: Sequence[Document], *, exact_text_tokens: int = DEFAULT_EXACT_TEXT_TOKENS
) -> list[Block]:
    """Returns blocks that show pages and hold none of their bytes, for a message's content.

        from langchain_core.documents import Document
        from langchain_core.messages import HumanMessage
        from langchain_glyph import ChatGlyph, GlyphPageTransformer, page_blocks

        pages = GlyphPageTransformer().transform_documents([Document(book)])
        question = {"type": "text", "text": "Who is Bertha?"}
        message = HumanMessage([*page_blocks(pages), question])
        print(ChatGlyph(base_url="http://127.0.0.1:8000/v1").invoke([message]).text)

    A block names a page by its digest. ``ChatGlyph``, ``render_pages`` and ``GlyphMiddleware`` read
    the page when the message is sent; states, checkpoints and traces hold the names alone.

    Args:
        documents: Pages, as ``GlyphPageTransformer``, ``GlyphCompressor`` and the loaders give
            them.
        exact_text_tokens: The most text tokens that exact strings of the pages (UUIDs, long
            numbers, e-mail addresses, URLs) may take, as text in the last block.

    Raises:
        InputError: A document is no page, or its image is gone and it has no text to draw.
        ConfigError: ``GLYPH_CACHE_DIR`` is ``off``, so no page can be kept.
    """
    folder = image_folder(None)
    pages = [page for one in documents for page in with_image(_checked(one), None, folder)]
    strings = _exact_strings(pages, checked_exact_text_tokens(exact_text_tokens))
    return [*(_kept_block(page, folder) for page in pages), *strings]


def document_blocks(documents: Sequence[Document], exact_text_tokens: int) -> list[Block]:
    """Returns pages as ``page_blocks`` does, and other documents as text under their names."""
    blocks: list[Block] = []
    for drawn, group in groupby(documents, key=is_page):
        if drawn:
            blocks += page_blocks(list(group), exact_text_tokens=exact_text_tokens)
        else:
            blocks += [titled(one.metadata.get("source"), one.page_content) for one in group]
    return blocks


def _checked(document: Document) -> Document:
    if is_page(document):
        return document
    raise InputError(
        f"a document from {document.metadata.get('source') or 'nowhere'!r} is no page; draw it "
        "with GlyphPageTransformer, or give it to render_pages"
    )


def _kept_block(page: Document, folder: Path) -> Block:
    """Names a page; one that lies elsewhere is copied to where links are looked up."""
    digest, place = str(page.metadata["digest"]), Path(page.metadata["image_path"]).parent
    if place != folder:
        keep_image(kept_image(digest, place), folder)
    return {"type": "image", "url": page_link(digest), "mime_type": "image/png"}


def _exact_strings(pages: Sequence[Document], most: int) -> list[Block]:
    text, spans = "", []
    for before, page in zip([None, *pages], pages, strict=False):
        # A string may be cut by a page's end, but not by that of a file.
        text += "" if before is None or _goes_on(before, page) else "\n"
        spans.append((len(text), len(text) + len(page.page_content)))
        text += page.page_content
    sidecar = SidecarMaker(text, spans, pick_counter()).make((0, len(pages)), most)
    return [{"type": "text", "text": f"{sidecar.text}\n\n"}] if sidecar.text else []


def _goes_on(before: Document, page: Document) -> bool:
    """Tells whether a page begins where the one before it ends."""
    ends, starts = before.metadata.get("char_span"), page.metadata.get("char_span")
    same = before.metadata.get("source") == page.metadata.get("source")
    return bool(same and ends and starts and ends[1] == starts[0])
