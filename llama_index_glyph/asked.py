"""A question about planned pages, on its way to a response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ContentBlock, ImageBlock, TextBlock
from llama_index.core.schema import BaseNode, ImageNode, NodeWithScore, TextNode

from glyph_shared import Answer, Plan
from glyph_shared.asking import AskOptions
from glyph_shared.errors import InputError
from llama_index_glyph.corpus import Corpus


@dataclass(frozen=True)
class Asked:
    """What is asked, about which pages, and what the response will tell beside its text.

    Attributes:
        corpus: The nodes that are shown.
        plan: Their pages.
        question: What is asked.
        options: How.
        sources: The response's list of nodes; a stream's is filled in at its end.
        metadata: The response's metadata; likewise.
    """

    corpus: Corpus
    plan: Plan
    question: str
    options: AskOptions
    sources: list[NodeWithScore] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def settle(self, answer: Answer, others: Sequence[NodeWithScore]) -> None:
        """Fills in what the response tells beside its text."""
        self.sources.extend([*self.corpus.source_nodes(self.plan, answer), *others])
        self.metadata.update(self._cost())
        self.metadata.update(
            model=answer.model,
            requests=answer.usage.requests,
            usage=answer.usage.model_dump(),
            refused=answer.refused,
            truncated=answer.truncated,
            thinking=answer.thinking,
            citations=self.corpus.citations(self.plan, answer),
            overflow_note=answer.overflow_note,
            left_out=[
                {"document": part.document, "chars": _length(part.char_span), "reason": part.reason}
                for part in answer.left_out_text
            ],
            pages_left_out=[part.model_dump() for part in answer.left_out],
            exact_left_out=answer.exact_left_out,
            refined=answer.refined and answer.refined.model_dump(),
        )

    def _cost(self) -> dict[str, Any]:
        report = self.plan.report
        return {
            "mode": self.plan.mode,
            "pages": len(self.plan.pages),
            "visual_tokens": self.plan.visual_tokens,
            "text_tokens": report.text_tokens,
            "tokenizer": report.tokenizer,
            "compression_ratio": round(report.ratio, 3),
        }


def text_nodes(chunks: Sequence[str]) -> list[BaseNode]:
    """Returns texts as nodes."""
    return [TextNode(text=chunk) for chunk in chunks]


def message_nodes(messages: Sequence[ChatMessage]) -> list[BaseNode]:
    """Returns the texts and image files of messages as nodes.

    Raises:
        InputError: A message holds something else.
    """
    return [_block_node(block) for message in messages for block in message.blocks]


def _block_node(block: ContentBlock) -> BaseNode:
    if isinstance(block, TextBlock):
        return TextNode(text=block.text)
    if isinstance(block, ImageBlock) and block.path is not None:
        return ImageNode(image_path=str(block.path))
    raise InputError(
        f"a message has a {type(block).__name__} that cannot be shown as pages; give text or "
        "image files, or nodes to synthesize()"
    )


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]
