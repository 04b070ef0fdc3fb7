"""What comes back for a chat that a framework's model sends: as it came, and as it is meant."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.material import Material
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.reply import Reply, ReplyCollector
from glyph_shared.asking.wire import Completion


@dataclass(frozen=True)
class ChatPiece:
    """A piece of a streamed reply.

    Attributes:
        text: The answer's chars that it settles; often none.
        thinking: The thinking's.
        chunk: What the server sent; None where the ground's client made the answer.
    """

    text: str
    thinking: str = ""
    chunk: ChatCompletionChunk | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ChatReply:
    """A whole reply.

    Attributes:
        replies: One for each choice; of a stream, one.
        costs: What the pages cost, and what their text would, as faces tell it.
        visual_tokens: What of the prompt is pages and images, as counted here.
        model: Who replied.
        raw: What the server sent; None for a stream, and where the ground's client made the answer.
    """

    replies: tuple[Reply, ...]
    costs: dict[str, Any]
    visual_tokens: int
    model: str
    raw: ChatCompletion | None = field(default=None, repr=False)

    @classmethod
    def of_paged(
        cls, paged: PagedChat, replies: tuple[Reply, ...], model: str, body: bytes | None = None
    ) -> ChatReply:
        """Returns what a server replied to a chat; ``body`` is the reply's JSON."""
        raw = None if body is None else ChatCompletion.construct(**json.loads(body))
        named = next((reply.model for reply in replies if reply.model), model)
        return cls(replies, paged.costs(), paged.visual_tokens, named, raw)

    @classmethod
    def of_answer(cls, answer: Answer, material: Material, model: str) -> ChatReply:
        """Returns an answer of the embedded reader, of whose tokens no ratio is made."""
        reply = Reply(
            text=answer.text,
            thinking=answer.thinking,
            only_thinking=answer.only_thinking,
            finish_reason=answer.finish_reason or "",
            usage=answer.usage,
            logprob=answer.logprob,
            model=answer.model,
        )
        told = answer.usage.visual_tokens
        counted = material.visual_tokens((0, len(material.pages)))
        visual_tokens = counted if told is None else told
        costs = {
            "pages": len(material.pages),
            "refused": answer.refused,
            "visual_tokens": visual_tokens,
        }
        return cls((reply,), costs, visual_tokens, answer.model or model)


def read_replies(
    completion: Completion, endpoint: Endpoint, *, may_call: bool
) -> tuple[Reply, ...]:
    """Returns the reply of each choice.

    Raises:
        ServerError: There is no choice, or one is no usable reply.
    """
    choices = completion.choices
    parts = [completion.model_copy(update={"choices": [choice]}) for choice in choices]
    collectors = []
    for part in parts or [completion]:
        collector = ReplyCollector(endpoint.host, streamed=False, may_call=may_call)
        collector.take(part)
        collector.end()
        collectors.append(collector)
    return tuple(collector.reply() for collector in collectors)
