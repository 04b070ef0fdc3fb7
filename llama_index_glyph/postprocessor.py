"""``GlyphRenderPostprocessor``: what any retriever found, as pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field, model_validator
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, ImageNode, NodeWithScore, QueryBundle
from llama_index.core.storage.docstore import BaseDocumentStore

from glyph_shared import RenderConfig
from glyph_shared.errors import InputError
from glyph_shared.rendering import image_folder
from llama_index_glyph.known_names import with_known_names
from llama_index_glyph.page_nodes import PAGE_KEYS, page_nodes, with_images
from llama_index_glyph.passages import Passage, passages_of

_Scores = Mapping[str, float | None]


class GlyphRenderPostprocessor(BaseNodePostprocessor):
    """Draws the retrieved nodes: hits that adjoin in a document stand on one page again.

        pages = GlyphRenderPostprocessor()
        engine = RetrieverQueryEngine.from_args(bm25, node_postprocessors=[pages], ...)
        whole = GlyphRenderPostprocessor(parents=documents)  # the documents of the hits instead

    Each page has the score of the best hit on it. Pages stay as they are, but an image that was
    removed is drawn again, which any engine needs that shows images and may outlive a ``glyph cache
    clear``.
    """

    config: RenderConfig | None = Field(default=None, description="θ; preset 'en' by default.")
    folder: str | None = Field(
        default=None, description="Where the images are; a folder beside the page store by default."
    )
    parents: BaseDocumentStore | list[BaseNode] | None = Field(
        default=None,
        exclude=True,
        description="The documents, or a store that has them, to draw whole instead of the hits.",
    )

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: Any) -> Any:
        return with_known_names(cls, values)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex writes the class down."""
        return "GlyphRenderPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        found = self._parents_of(nodes) if self.parents is not None else nodes
        scores = {hit.node.node_id: hit.score for hit in found}
        passages = passages_of([hit.node for hit in found])
        return [page for passage in passages for page in self._pages(passage, scores)]

    def _pages(self, passage: Passage, scores: _Scores) -> list[NodeWithScore]:
        nodes = [node for _, node in passage.nodes]
        folder = image_folder(self.folder)
        pages = [node for node in nodes if isinstance(node, ImageNode) and _is_page(node)]
        if passage.picture is None and len(pages) < len(nodes):
            made = page_nodes(passage, self.config, folder)
            return [NodeWithScore(node=page, score=_best(passage, page, scores)) for page in made]
        if not pages:
            return [NodeWithScore(node=node, score=scores[node.node_id]) for node in nodes]
        return [
            NodeWithScore(node=shown, score=scores[page.node_id])
            for page in pages
            for shown in with_images(page, self.config, folder)
        ]

    def _parents_of(self, hits: Sequence[NodeWithScore]) -> list[NodeWithScore]:
        """Returns the documents of the hits, by the best hit of each."""
        scores: dict[str, float | None] = {}
        for hit in hits:
            parent = hit.node.ref_doc_id or hit.node.node_id
            scores[parent] = _larger(scores.get(parent), hit.score)
        return [NodeWithScore(node=self._parent(name), score=scores[name]) for name in scores]

    def _parent(self, name: str) -> BaseNode:
        if isinstance(self.parents, BaseDocumentStore):
            found = self.parents.get_document(name, raise_error=False)
        else:
            found = next((node for node in self.parents or () if node.node_id == name), None)
        if found is None:
            raise InputError(
                f"the document {name!r} of a retrieved node is not among parents; give all "
                "documents that were indexed, or a document store that keeps them"
            )
        return found


def _is_page(node: ImageNode) -> bool:
    return all(key in node.metadata for key in PAGE_KEYS)


def _best(passage: Passage, page: ImageNode, scores: _Scores) -> float | None:
    """Returns the best score of the passage's nodes that stand on a page."""
    if passage.start is None or page.start_char_idx is None:
        return scores[passage.nodes[0][1].node_id]
    low = page.start_char_idx - passage.start
    high = low + len(page.text)
    best = None
    for at, node in passage.nodes:
        if at < high and low < at + len(node.get_content()):
            best = _larger(best, scores[node.node_id])
    return best


def _larger(one: float | None, other: float | None) -> float | None:
    known = [score for score in (one, other) if score is not None]
    return max(known, default=None)
