"""``GlyphPageTransformer``: documents become pages, in place of chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from glyph_shared import RenderConfig
from glyph_shared.rendering import image_folder
from langchain_glyph.page_documents import (
    check_documents,
    is_page,
    page_documents,
    set_apart,
    stretch_of,
    with_image,
)


class GlyphPageTransformer(BaseDocumentTransformer):
    """Draws documents; each page is a ``Document`` whose text is what stands on it.

        from langchain_core.documents import Document
        from langchain_glyph import GlyphPageTransformer

        pages = GlyphPageTransformer().transform_documents(
            [Document(book, metadata={"source": "book.txt"})]
        )
        pages[0].page_content, pages[0].metadata["source"], pages[0].metadata["page"]
        pages[0].metadata["image_path"], pages[0].metadata["visual_tokens"]

    The images are PNG files, named by their digest, which ``glyph cache clear`` removes if they are
    in the default folder. Pages stay as they are, but an image that was removed is drawn again. A
    document without text gives no page.
    """

    def __init__(self, *, config: RenderConfig | None = None, folder: str | None = None) -> None:
        """Takes the look of the pages.

        Args:
            config: θ; preset ``en`` by default.
            folder: Where the images are; a folder beside the page store by default.
        """
        self.config = config
        self.folder = folder

    def transform_documents(
        self, documents: Sequence[Document], **kwargs: Any
    ) -> Sequence[Document]:
        """Returns the pages of documents, in their order.

        Raises:
            InputError: One of them is no document with text.
            ConfigError: There is no folder for the images.
        """
        check_documents(documents)
        return set_apart(list(self._pages(documents, image_folder(self.folder))))

    async def atransform_documents(
        self, documents: Sequence[Document], **kwargs: Any
    ) -> Sequence[Document]:
        """Returns the pages of documents, drawn outside the event loop."""
        return await asyncio.to_thread(self.transform_documents, documents)

    def _pages(self, documents: Iterable[Document], folder: Path) -> Iterator[Document]:
        for document in documents:
            if is_page(document):
                yield from with_image(document, self.config, folder)
            elif document.page_content.strip():
                yield from page_documents(stretch_of(document), self.config, folder)
