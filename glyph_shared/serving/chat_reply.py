"""Answers in the shapes of the OpenAI API, as vLLM fills them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from glyph_shared.serving.reader_protocol import Token


@dataclass(frozen=True)
class PromptCost:
    """What the prompt of one request takes of the window."""

    prompt_tokens: int
    visual_tokens: int
    cached_tokens: int = 0

    def usage(self, completion_tokens: int) -> dict[str, Any]:
        """Returns the ``usage`` object."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
            "prompt_tokens_details": {
                "cached_tokens": self.cached_tokens,
                "multimodal_tokens": {"image": self.visual_tokens},
            },
        }


@dataclass(frozen=True)
class ReplyFrame:
    """What every part of one reply repeats."""

    model: str
    cost: PromptCost
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def completion(
        self, text: str, finish_reason: str, completion_tokens: int, logprobs: Any
    ) -> dict[str, Any]:
        """Returns a whole answer."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        usage = self.cost.usage(completion_tokens)
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage}

    def opening(self) -> bytes:
        """Returns the event that opens a stream."""
        return self._chunk([_delta({"role": "assistant", "content": ""})])

    def delta(self, text: str, finish_reason: str | None, logprobs: Any) -> bytes:
        """Returns the event of one piece of the answer."""
        return self._chunk([_delta({"content": text}, finish_reason, logprobs)])

    def closing_usage(self, completion_tokens: int) -> bytes:
        """Returns the event that tells the counts; it has no choices."""
        return self._chunk([], self.cost.usage(completion_tokens))

    def _chunk(self, choices: list[Any], usage: dict[str, Any] | None = None) -> bytes:
        body = {**self._head("chat.completion.chunk"), "choices": choices}
        return sse(body if usage is None else {**body, "usage": usage})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


END_OF_STREAM = b"data: [DONE]\n\n"


def sse(body: dict[str, Any]) -> bytes:
    """Returns one server-sent event."""
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def logprobs_object(tokens: Sequence[Token], top_logprobs: int | None) -> dict[str, Any]:
    """Returns the ``logprobs`` of some tokens.

    A greedy reader knows the probability of what it chose alone, so ``top_logprobs`` lists that
    one entry however many are asked for.
    """
    return {"content": [_token_entry(token, bool(top_logprobs)) for token in tokens]}


def _token_entry(token: Token, with_top: bool) -> dict[str, Any]:
    entry = {
        "token": token.text,
        "logprob": token.logprob,
        "bytes": list(token.text.encode()),
    }
    return {**entry, "top_logprobs": [entry] if with_top else []}


def _delta(
    delta: dict[str, str], finish_reason: str | None = None, logprobs: Any = None
) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
