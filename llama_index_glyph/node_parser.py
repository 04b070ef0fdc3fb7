"""``GlyphNodeParser``: documents become pages, in place of chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field, model_validator
from llama_index.core.node_parser import NodeParser
from llama_index.core.node_parser.node_utils import default_id_func
from llama_index.core.schema import BaseNode, Document, ImageNode, TextNode
from llama_index.core.utils import get_tqdm_iterable

from glyph_shared import RenderConfig
from glyph_shared.rendering import image_folder
from llama_index_glyph.known_names import with_known_names
from llama_index_glyph.page_nodes import PAGE_KEYS, page_nodes, picture_node
from llama_index_glyph.passages import Passage
from llama_index_glyph.pictures import is_picture


class GlyphNodeParser(NodeParser):
    """Draws documents; each page is an ``ImageNode`` whose text is what stands on it.

        from llama_index.core import Document, VectorStoreIndex
        from llama_index_glyph import GlyphNodeParser

        nodes = GlyphNodeParser().get_nodes_from_documents([Document(text=book)])
        nodes[0].text, nodes[0].image_path, nodes[0].start_char_idx, nodes[0].metadata["page"]
        index = VectorStoreIndex.from_documents(documents, transformations=[GlyphNodeParser()])

    The images are PNG files, named by their digest, that nothing removes unasked; ``glyph cache``
    counts them, ``glyph cache clear`` removes those of the default folder. What is removed is drawn
    again by ``GlyphRenderPostprocessor``, and ``GlyphSynthesizer`` reads the nodes without it. An
    image without text stays one; a document with neither gives no node.
    """

    config: RenderConfig | None = Field(default=None, description="θ; preset 'en' by default.")
    folder: str | None = Field(
        default=None, description="Where the images are; a folder beside the page store by default."
    )

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: Any) -> Any:
        return with_known_names(cls, values)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex writes the class down."""
        return "GlyphNodeParser"

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **_: Any
    ) -> list[BaseNode]:
        given = get_tqdm_iterable(nodes, show_progress, "Drawing pages")
        return [page for node in given for page in self._pages(node)]

    async def _aparse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **_: Any
    ) -> list[BaseNode]:
        return await asyncio.to_thread(self._parse_nodes, nodes, show_progress)

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        # The base looks for the text in the document, and in repetitive text finds another place.
        pages = [node for node in nodes if isinstance(node, TextNode)]
        spans = [(page.start_char_idx, page.end_char_idx) for page in pages]
        made = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for page, (start, end) in zip(pages, spans, strict=True):
            page.start_char_idx, page.end_char_idx = start, end
        return made

    def _pages(self, node: BaseNode) -> list[ImageNode]:
        if is_picture(node):
            return [picture_node(node)]
        if not node.get_content().strip():
            return []
        made = page_nodes(Passage.of(node), self.config, image_folder(self.folder))
        for index, page in enumerate(made):
            if self.id_func is not default_id_func:
                page.id_ = self.id_func(index, node)
            if not self.include_metadata:
                page.metadata = {key: page.metadata[key] for key in PAGE_KEYS}
        return made
