"""``GlyphCorpusRetriever``: retrieves everything, for a model that reads everything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    NodeWithScore,
    QueryBundle,
    QueryType,
)
from typing_extensions import Self

from glyph_shared.errors import InputError
from glyph_shared.rendering import image_folder
from llama_index_glyph.events import as_bundle, retrieval
from llama_index_glyph.node_parser import GlyphNodeParser
from llama_index_glyph.page_nodes import with_images


class GlyphCorpusRetriever(BaseRetriever):
    """Returns all its nodes, in order, whatever is asked.

        retriever = GlyphCorpusRetriever(documents)  # GlyphSynthesizer draws them
        pages = GlyphCorpusRetriever.from_documents(documents)  # nodes with page images

    Its events hold of long nodes ids, places and first words, not their texts. Of the pages that it
    drew itself it draws those again whose image was removed.
    """

    def __init__(
        self, nodes: Sequence[BaseNode], *, callback_manager: CallbackManager | None = None
    ) -> None:
        """Keeps the nodes.

        Args:
            nodes: Documents, pages or other nodes, in reading order.
            callback_manager: Who is told of retrievals.

        Raises:
            InputError: There are none, or one is something else.
        """
        if not nodes:
            raise InputError("there is nothing to retrieve; give at least one document or node")
        for node in nodes:
            if not isinstance(node, BaseNode):
                raise InputError(
                    f"give LlamaIndex's documents or nodes; got a {type(node).__name__}, whose "
                    "text goes into Document(text=..., metadata={'file_name': ...})"
                )
        super().__init__(callback_manager=callback_manager)
        self._nodes = list(nodes)
        self._drawn_by: GlyphNodeParser | None = None

    @classmethod
    def from_documents(
        cls, documents: Sequence[Document], *, node_parser: GlyphNodeParser | None = None
    ) -> Self:
        """Draws documents and retrieves their pages, for any model that takes images.

        Raises:
            InputError: No document has text.
        """
        parser = node_parser or GlyphNodeParser()
        made = cls(parser.get_nodes_from_documents(documents))
        made._drawn_by = parser
        return made

    # The base's events hold all that is retrieved.
    def retrieve(self, str_or_query_bundle: QueryType) -> list[NodeWithScore]:
        """Returns all nodes."""
        with retrieval(str_or_query_bundle, self.callback_manager) as found:
            found.nodes = self._retrieve(as_bundle(str_or_query_bundle))
        return found.nodes

    async def aretrieve(self, str_or_query_bundle: QueryType) -> list[NodeWithScore]:
        """Returns all nodes."""
        with retrieval(str_or_query_bundle, self.callback_manager) as found:
            found.nodes = await asyncio.to_thread(self._retrieve, as_bundle(str_or_query_bundle))
        return found.nodes

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=node) for node in self._shown()]

    def _shown(self) -> Iterator[BaseNode]:
        parser = self._drawn_by
        for node in self._nodes:
            if parser is not None and isinstance(node, ImageNode):
                yield from with_images(node, parser.config, image_folder(parser.folder))
            else:
                yield node
