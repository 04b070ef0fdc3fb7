"""Documents as blocks of a message: pages by their digests, other documents by their text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from glyph_shared.asking import page_link
from glyph_shared.errors import InputError
from glyph_shared.rendering import image_folder, keep_image, kept_image
from langchain_glyph.messages import titled
from langchain_glyph.page_documents import is_page, with_image

Block = dict[str, Any]


def page_blocks(documents: Sequence[Document]) -> list[Block]:
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

    Raises:
        InputError: A document is no page, or its image is gone and it has no text to draw.
        ConfigError: ``GLYPH_CACHE_DIR`` is ``off``, so no page can be kept.
    """
    folder = image_folder(None)
    return [
        _kept_block(page, folder)
        for document in documents
        for page in with_image(_checked(document), None, folder)
    ]


def document_blocks(documents: Sequence[Document]) -> list[Block]:
    """Returns pages as ``page_blocks`` does, and other documents as text under their names."""
    return [block for document in documents for block in _blocks(document)]


def _blocks(document: Document) -> list[Block]:
    if is_page(document):
        return page_blocks([document])
    return [titled(document.metadata.get("source"), document.page_content)]


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
