"""Replies as LlamaIndex has them: the answer alone, the thinking apart, and what it all cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any

from glyph_shared import Answer, PagedChat
from glyph_shared.asking import (
    WIRE_ERRORS,
    AnswerStream,
    AsyncAnswerStream,
    Endpoint,
    Reply,
    ReplyCollector,
    Usage,
    parse_chunk,
    read_fault,
    request_bytes,
)
from glyph_shared.errors import ServerError
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.llms.openai.utils import update_tool_calls
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionStreamOptionsParam
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

_COUNTED: ChatCompletionStreamOptionsParam = {"include_usage": True}


class Replies:
    """Turns the raw responses to one request into those that are shown.

    Args:
        paged: What was sent.
        endpoint: Where to.
        streamed: Whether it comes in chunks.
    """

    def __init__(self, paged: PagedChat, endpoint: Endpoint, *, streamed: bool) -> None:
        self._paged = paged
        self._endpoint = endpoint
        self._collector = ReplyCollector(endpoint.host, streamed=streamed)
        self._calls: list[ChoiceDeltaToolCall] = []
        self._newest: ChatCompletionChunk | None = None

    def whole(self, response: ChatResponse) -> ChatResponse:
        """Returns a response that came in one piece.

        Raises:
            ServerError: It is no usable answer.
        """
        self._collector.take(parse_chunk(response.raw, self._endpoint))
        self._collector.end()
        told = {**response.additional_kwargs, **self._costs(self._collector.reply())}
        others = [
            block
            for block in response.message.blocks
            if not isinstance(block, TextBlock | ThinkingBlock)
        ]
        message = response.message.model_copy(update={"blocks": self._blocks(others)})
        return response.model_copy(update={"message": message, "additional_kwargs": told})

    def stream(
        self, client: OpenAI, fields: Mapping[str, Any]
    ) -> Generator[ChatResponse, None, None]:
        """Sends the request and yields the answer; the last response tells the cost too.

        Raises:
            IncompleteStream: The connection broke within the answer.
            ServerError: There is no usable answer.
        """
        create = client.chat.completions.create
        try:
            with create(messages=[], stream=True, stream_options=_COUNTED, **fields) as chunks:
                for chunk in chunks:
                    yield self._next(chunk)
        except WIRE_ERRORS as error:
            broken = self.error(error)
        else:
            yield self._last()
            return
        raise broken

    async def astream(
        self, client: AsyncOpenAI, fields: Mapping[str, Any]
    ) -> AsyncGenerator[ChatResponse, None]:
        """Does what ``stream`` does, asynchronously."""
        create = client.chat.completions.create
        try:
            opening = create(messages=[], stream=True, stream_options=_COUNTED, **fields)
            async with await opening as chunks:
                async for chunk in chunks:
                    yield self._next(chunk)
        except WIRE_ERRORS as error:
            broken = self.error(error)
        else:
            yield self._last()
            return
        raise broken

    def error(self, error: Exception) -> ServerError:
        """Returns the OpenAI client's error as ours, without the key that it may hold.

        It is for raising outside the handler, or its traceback would hold the other one.
        """
        fault = read_fault(error, self._endpoint, request_bytes(self._paged.messages))
        return self._collector.failed(fault)

    def _next(self, chunk: ChatCompletionChunk) -> ChatResponse:
        thought = len(self._collector.thinking)
        delta = self._collector.take(parse_chunk(chunk, self._endpoint))
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                self._calls = update_tool_calls(self._calls, [call])
        self._newest, told = chunk, {}
        if thinking := self._collector.thinking[thought:]:
            told["thinking_delta"] = thinking
        return self._response(delta, told)

    def _last(self) -> ChatResponse:
        delta = self._collector.end()
        return self._response(delta, self._costs(self._collector.reply()))

    def _response(self, delta: str, told: dict[str, Any]) -> ChatResponse:
        calls = [
            ToolCallBlock(
                tool_call_id=call.id,
                tool_name=call.function.name or "",
                tool_kwargs=call.function.arguments or {},
            )
            for call in self._calls
            if call.function
        ]
        called = {"tool_calls": self._calls} if self._calls else {}
        message = ChatMessage(
            role=MessageRole.ASSISTANT, blocks=self._blocks(calls), additional_kwargs=called
        )
        return ChatResponse(message=message, delta=delta, raw=self._newest, additional_kwargs=told)

    def _blocks(self, others: Sequence[ContentBlock]) -> list[ContentBlock]:
        thought, text = self._collector.thinking, self._collector.text
        blocks: list[ContentBlock] = [ThinkingBlock(content=thought)] if thought else []
        blocks += [TextBlock(text=text)] if text or not others else []
        return [*blocks, *others]

    def _costs(self, reply: Reply) -> dict[str, Any]:
        told = {"finish_reason": reply.finish_reason, **_usage(reply.usage)}
        return {**told, **self._paged.costs()}


def answered(answer: Answer) -> ChatResponse:
    """Returns an answer that the ground's own client brought."""
    told = {"finish_reason": answer.finish_reason, **_usage(answer.usage)}
    if answer.usage.visual_tokens is not None:
        told["visual_tokens"] = answer.usage.visual_tokens
    return ChatResponse(message=_message(answer.text), raw=answer, additional_kwargs=told)


def answered_stream(stream: AnswerStream) -> Generator[ChatResponse, None, None]:
    """Yields such an answer piece by piece; the last response tells the cost too."""
    text = ""
    with stream:
        for piece in stream:
            text += piece
            yield ChatResponse(message=_message(text), delta=piece)
    yield answered(stream.answer).model_copy(update={"delta": ""})


async def answered_astream(stream: AsyncAnswerStream) -> AsyncGenerator[ChatResponse, None]:
    """Does what ``answered_stream`` does, asynchronously."""
    text = ""
    async with stream:
        async for piece in stream:
            text += piece
            yield ChatResponse(message=_message(text), delta=piece)
    yield answered(stream.answer).model_copy(update={"delta": ""})


def _message(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=text)])


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
