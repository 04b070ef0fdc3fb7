"""Replies as LlamaIndex has them: the answer alone, the thinking apart, and what it all cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.llms.openai.utils import (
    from_openai_message,
    from_openai_token_logprobs,
    update_tool_calls,
)
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from glyph_shared.asking import ChatPiece, ChatReply, Usage


def whole(reply: ChatReply) -> ChatResponse:
    """Returns a reply that came in one piece."""
    text, thinking = reply.replies[0].text, reply.replies[0].thinking
    if reply.raw is None:
        return _response(_blocks(text, thinking, ()), told=_told(reply))
    [choice, *_] = reply.raw.choices
    read = from_openai_message(choice.message, modalities=["text"])
    others = [block for block in read.blocks if not isinstance(block, TextBlock | ThinkingBlock)]
    message = read.model_copy(update={"blocks": _blocks(text, thinking, others)})
    content = choice.logprobs.content if choice.logprobs else None
    return ChatResponse(
        message=message,
        raw=reply.raw,
        logprobs=from_openai_token_logprobs(content) if content else None,
        additional_kwargs=_told(reply),
    )


def streamed(
    pieces: Generator[ChatPiece | ChatReply, None, None],
) -> Generator[ChatResponse, None, None]:
    """Yields a reply piece by piece; the last response tells the cost too."""
    so_far = _SoFar()
    with closing(pieces):
        for piece in pieces:
            yield so_far.response(piece)


async def astreamed(
    pieces: AsyncGenerator[ChatPiece | ChatReply, None],
) -> AsyncGenerator[ChatResponse, None]:
    """Does what ``streamed`` does, asynchronously."""
    so_far = _SoFar()
    async with aclosing(pieces):
        async for piece in pieces:
            yield so_far.response(piece)


class _SoFar:
    """What a stream brought until now, which is what LlamaIndex shows at each piece."""

    def __init__(self) -> None:
        self._text = self._thinking = ""
        self._calls: list[ChoiceDeltaToolCall] = []
        self._newest: ChatCompletionChunk | None = None

    def response(self, piece: ChatPiece | ChatReply) -> ChatResponse:
        """Takes the next piece, or the whole reply at the end."""
        if isinstance(piece, ChatReply):
            self._thinking = piece.replies[0].thinking
            return self._shown("", _told(piece))
        self._newest = piece.chunk or self._newest
        for choice in piece.chunk.choices if piece.chunk else ():
            for call in choice.delta.tool_calls or ():
                self._calls = update_tool_calls(self._calls, [call])
        self._text += piece.text
        self._thinking += piece.thinking
        return self._shown(piece.text, {"thinking_delta": piece.thinking} if piece.thinking else {})

    def _shown(self, delta: str, told: dict[str, Any]) -> ChatResponse:
        calls = [
            ToolCallBlock(
                tool_call_id=call.id,
                tool_name=call.function.name or "",
                tool_kwargs=call.function.arguments or {},
            )
            for call in self._calls
            if call.function
        ]
        blocks = _blocks(self._text, self._thinking, calls)
        made = _response(blocks, told, raw=self._newest, delta=delta)
        if self._calls:
            made.message.additional_kwargs = {"tool_calls": self._calls}
        return made


def _response(
    blocks: Sequence[ContentBlock],
    told: dict[str, Any],
    raw: ChatCompletion | ChatCompletionChunk | None = None,
    delta: str | None = None,
) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=list(blocks))
    return ChatResponse(message=message, delta=delta, raw=raw, additional_kwargs=told)


def _blocks(text: str, thinking: str, others: Sequence[ContentBlock]) -> list[ContentBlock]:
    blocks: list[ContentBlock] = [ThinkingBlock(content=thinking)] if thinking else []
    blocks += [TextBlock(text=text)] if text or not others else []
    return [*blocks, *others]


def _told(reply: ChatReply) -> dict[str, Any]:
    [first, *_] = reply.replies
    return {"finish_reason": first.finish_reason, **_usage(first.usage), **reply.costs}


def _usage(usage: Usage) -> dict[str, int]:
    """Returns the server's counts under the names that LlamaIndex's counters look for."""
    if not usage.prompt_tokens:
        return {}
    told = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    cached = usage.cached_tokens
    return told if cached is None else {**told, "cached_tokens": cached}
