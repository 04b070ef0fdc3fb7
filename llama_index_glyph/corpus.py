"""Nodes as the ground's documents, and the way back from what an answer cites to the nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePath
from typing import Any

from llama_index.core.schema import BaseNode, NodeWithScore
from llama_index.core.schema import Document as LlamaDocument

from glyph_shared import Answer, Citation, Document, Plan
from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.planning.passages import GAP
from llama_index_glyph.page_nodes import cut
from llama_index_glyph.passages import Passage, passages_of
from llama_index_glyph.pictures import is_picture

Span = tuple[int, int]

_PAGE_GAP = "\n\n"
_FILE_KEYS = ("file_name", "file_path", "page_label")
"""Metadata that header lines and citations tell already."""
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Corpus:
    """What nodes hold, ready to be asked about.

    Attributes:
        documents: In the order in which they are shown.
        passages: The passages that they are made of, by the ``path`` of their origins.
    """

    documents: tuple[Document, ...]
    passages: dict[str, Passage]

    @classmethod
    def of(cls, nodes: Sequence[BaseNode]) -> Corpus:
        """Returns nodes as documents, each of which begins on a page of its own.

        Source pages of one file, as PDF readers give them, are one document, and so are parts of
        one. Each begins with the name of its file, where there are several, and with the metadata
        that an LLM may see.

        Raises:
            InputError: An image without text cannot be read.
        """
        passages = {f"{i}/{_name(p)}": p for i, p in enumerate(passages_of(nodes), start=1)}
        several = len({_file(passage) for passage in passages.values()}) > 1
        groups = groupby(passages.items(), key=lambda item: _group(*item))
        return cls(tuple(_document(list(group), several) for _, group in groups), passages)

    def source_nodes(self, plan: Plan, answer: Answer) -> list[NodeWithScore]:
        """Returns the nodes that an answer rests on, the best first, each once.

        A node that is longer than what the page shows of it is cut to that.
        """
        found: dict[str, NodeWithScore] = {}
        for citation in answer.citations:
            for node in self._cited(plan, citation):
                found.setdefault(node.node_id, NodeWithScore(node=node, score=citation.score))
        return list(found.values())

    def citations(self, plan: Plan, answer: Answer) -> list[dict[str, Any]]:
        """Returns an answer's citations by the source documents and the places in them."""
        return [
            {
                "doc_id": passage.doc_id,
                "file": _file(passage),
                "source_page": citation.source_page,
                "char_span": passage.place(span),
                "page": None if citation.page_index is None else citation.page_index + 1,
                "quote": passage.text[slice(*span)] if citation.quote else "",
                "found_by": citation.found_by,
                "score": citation.score,
            }
            for citation in answer.citations
            for passage, span in self._stretches(plan, citation.char_span)
        ]

    def _cited(self, plan: Plan, citation: Citation) -> Iterator[BaseNode]:
        index = citation.page_index
        page_span = (0, len(plan.text)) if index is None else plan.page_spans[index]
        shown = list(self._stretches(plan, page_span))
        for passage, quoted in self._stretches(plan, citation.char_span):
            for part in (part for other, part in shown if other is passage):
                for node in _nodes_at(passage, (max(quoted[0], part[0]), min(quoted[1], part[1]))):
                    yield node if _fits(node, part) else _cut(plan, passage, part, index)

    def _stretches(self, plan: Plan, span: Span) -> Iterator[tuple[Passage, Span]]:
        """Yields the stretches of passages that stand at a place of what was sent.

        Policies leave stretches out and divide documents, but keep the origin of what they send:
        which passage it is from and on which line of that it begins.
        """
        for planned in plan.documents:
            for origin in planned.document.origins:
                start, end = planned.start + origin.start, planned.start + origin.end
                low, high = max(span[0], start), min(span[1], end)
                if low >= high or not origin.follows_lines:
                    continue
                passage = self.passages[origin.path]
                stretch = planned.document.text[origin.start : origin.end]
                at = passage.text.find(stretch, _line_start(passage.text, origin.line))
                yield passage, (at + low - start, at + high - start)


def _group(key: str, passage: Passage) -> str:
    """Returns what passages of one document have in common; no key begins as it does."""
    if passage.picture is not None:
        return key
    told = "\n".join(_told(passage))
    if not passage.is_whole:
        return f"part of {passage.doc_id}\n{told}"
    return f"page of {_file(passage)}\n{told}" if "page_label" in passage.metadata else key


def _document(group: Sequence[tuple[str, Passage]], named: bool) -> Document:
    builder = DocumentBuilder()
    name, header = _name(group[0][1]), _header(group[0][1], named)
    for key, passage in group:
        part = _part(key, passage)
        if len(builder):
            gap = _PAGE_GAP if passage.is_whole else GAP
            builder.add(gap, path=key, line=1, follows_lines=False)
            builder.extend(part)
        elif header and passage.picture is None:
            builder.extend_with_header(part, header)
        else:
            builder.extend(part)
    return builder.build(name or f"document {group[0][0].partition('/')[0]}")


def _part(key: str, passage: Passage) -> Document:
    if passage.picture is not None:
        origins = tuple(replace(origin, path=key) for origin in passage.picture.origins)
        return replace(passage.picture, origins=origins)
    label = str(passage.metadata.get("page_label", ""))
    builder = DocumentBuilder()
    source_page = int(label) if label.isdecimal() else None
    builder.add(passage.text, path=key, line=1, source_page=source_page)
    return builder.build(_name(passage))


def _header(passage: Passage, named: bool) -> str:
    name = _name(passage)
    return "\n".join([f"=== {name} ===", *_told(passage)] if named and name else _told(passage))


def _told(passage: Passage) -> list[str]:
    """Returns the metadata that an LLM may see, a line each, but for the file's."""
    node = passage.nodes[0][1]
    return [
        node.metadata_template.format(key=key, value=value)
        for key, value in node.metadata.items()
        if key not in node.excluded_llm_metadata_keys and key not in _FILE_KEYS
    ]


def _name(passage: Passage) -> str:
    """Returns the file that a passage is from, as its reader named it; empty if it did not."""
    return str(passage.metadata.get("file_name") or PurePath(_file(passage)).name)


def _file(passage: Passage) -> str:
    return str(passage.metadata.get("file_path") or passage.metadata.get("file_name") or "")


def _fits(node: BaseNode, span: Span) -> bool:
    """Tells whether a node is no more than what is cited of it; documents tell no place."""
    return is_picture(node) or (
        not isinstance(node, LlamaDocument) and len(node.get_content()) <= span[1] - span[0]
    )


def _nodes_at(passage: Passage, span: Span) -> Iterator[BaseNode]:
    """Yields the nodes that stand at a place of a passage; none where the place is empty."""
    for start, node in passage.nodes if span[0] < span[1] else ():
        if start < span[1] and span[0] < max(start + len(node.get_content()), start + 1):
            yield node


def _cut(plan: Plan, passage: Passage, span: Span, index: int | None) -> BaseNode:
    if index is None:
        return cut(passage, span, 1, "", plan.config.theta_hash)
    page = plan.pages[index]
    return cut(passage, span, index + 1, page.digest, page.theta_hash)


def _line_start(text: str, line: int) -> int:
    ends = [0, *(match.end() for match in _LINE_BREAK.finditer(text))] if line > 1 else [0]
    return ends[line - 1]
