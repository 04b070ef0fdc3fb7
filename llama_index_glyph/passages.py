"""Nodes as passages: what adjoins in a document is one text again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from llama_index.core.schema import BaseNode, Document, RelatedNodeInfo, TextNode

import glyph_shared
from glyph_shared.planning import Placed, join_parts
from llama_index_glyph.pictures import is_picture, read_picture


@dataclass(frozen=True)
class Passage:
    """A stretch of one source document, of one node or of several that adjoin.

    Attributes:
        text: The stretch.
        start: Where it begins in the source document; None if that is not known.
        doc_id: The source document.
        nodes: The nodes it is made of, each with its place in ``text``.
        picture: What is shown instead of the text, for an image without any.
    """

    text: str
    start: int | None
    doc_id: str
    nodes: tuple[tuple[int, BaseNode], ...]
    picture: glyph_shared.Document | None = None

    @classmethod
    def of(cls, node: BaseNode) -> Passage:
        """Returns the text of one node, or what is shown of an image without text.

        Raises:
            InputError: The image cannot be read.
        """
        if is_picture(node):
            shown = read_picture(node)
            return cls(shown.text, 0, _source_id(node), ((0, node),), shown)
        span = _span(node)
        unknown = None if node.source_node else 0
        start = span[0] if span else unknown
        return cls(node.get_content(), start, _source_id(node), ((0, node),))

    @property
    def metadata(self) -> dict[str, Any]:
        """What the first node knows of its document."""
        return self.nodes[0][1].metadata

    @property
    def is_whole(self) -> bool:
        """Whether it is a document as a reader gave it, and nothing that was cut from one."""
        return isinstance(self.nodes[0][1], Document)

    def node_at(self, offset: int) -> BaseNode:
        """Returns the node that the char at ``offset`` belongs to."""
        return self.nodes[self._number_at(offset)][1]

    def place(self, span: tuple[int, int]) -> tuple[int, int] | None:
        """Returns where a part of the text stands in the source document, if that is known."""
        return None if self.start is None else (self.start + span[0], self.start + span[1])

    def source_at(self, offset: int) -> RelatedNodeInfo:
        """Returns the document that this node was cut from, or the node itself if it is one."""
        return self._sources[self._number_at(offset)]

    @cached_property
    def _sources(self) -> list[RelatedNodeInfo]:
        # Made once: a document hashes all its text for it.
        return [node.source_node or node.as_related_node_info() for _, node in self.nodes]

    def _number_at(self, offset: int) -> int:
        return max(0, bisect_right(self.nodes, offset, key=itemgetter(0)) - 1)


def passages_of(nodes: Sequence[BaseNode]) -> list[Passage]:
    """Returns the texts of nodes: documents by first appearance, their parts in reading order.

    A node with neither text nor an image gives none.

    Raises:
        InputError: An image without text cannot be read.
    """
    by_document: dict[str, list[BaseNode]] = {}
    for node in nodes:
        if node.get_content().strip() or is_picture(node):
            by_document.setdefault(_source_id(node), []).append(node)
    return [passage for group in by_document.values() for passage in _joined(group)]


def _joined(nodes: Sequence[BaseNode]) -> list[Passage]:
    """Returns nodes of one document as passages; those without a place come last, in their order.

    A node that overlaps the one before, and agrees with it, goes on where that ends.
    """
    placed, others = [], []
    for node in nodes:
        if span := _span(node):
            placed.append(Placed(node, node.get_content(), span[0]))
        else:
            others.append(Passage.of(node))
    doc_id = _source_id(nodes[0])
    stretches = join_parts(placed)
    return [*(Passage(one.text, one.start, doc_id, one.parts) for one in stretches), *others]


def _span(node: BaseNode) -> tuple[int, int] | None:
    """Returns a node's place in its document; None if it has none, or its text was changed."""
    if is_picture(node):
        return None
    if isinstance(node, Document):
        return 0, len(node.text)
    if not isinstance(node, TextNode) or node.start_char_idx is None or node.end_char_idx is None:
        return None
    span = node.start_char_idx, node.end_char_idx
    return span if span[1] - span[0] == len(node.text) else None


def _source_id(node: BaseNode) -> str:
    return node.ref_doc_id or node.node_id
