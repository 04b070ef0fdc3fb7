"""Replies as LangChain has them: the answer alone, the thinking apart, and what it all cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glyph_shared import Answer, PagedChat
from glyph_shared.asking import (
    Endpoint,
    Reply,
    ReplyCollector,
    Usage,
    parse_chunk,
    read_fault,
    request_bytes,
)
from glyph_shared.errors import ServerError
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, ValidationError

PROVIDER = "glyph"


class Replies:
    """Turns what comes back for one request into what is shown.

    Args:
        paged: What was sent.
        endpoint: Where to.
        model: Whom it was sent to.
        streamed: Whether the reply comes in chunks.
        may_call: Whether tools were offered.
        schema: The class that the answer is to be an object of, if there is one.
    """

    def __init__(
        self,
        paged: PagedChat,
        endpoint: Endpoint,
        *,
        model: str,
        streamed: bool,
        may_call: bool,
        schema: type[BaseModel] | None = None,
    ) -> None:
        self._paged = paged
        self._endpoint = endpoint
        self._model = model
        self._streamed = streamed
        self._may_call = may_call
        self._schema = schema
        self._collector = self._new_collector()

    def whole(self, response: Any, make: Callable[[Any], ChatResult]) -> ChatResult:
        """Returns the result that LangChain makes of a response, with all that is told beside it.

        Raises:
            ServerError: It is no usable answer.
        """
        completion = parse_chunk(response, self._endpoint)
        if not completion.choices:
            self._collector.reply()
        made = make(response)
        generations = []
        for choice, generation in zip(completion.choices, made.generations, strict=False):
            collector = self._new_collector()
            collector.take(completion.model_copy(update={"choices": [choice]}))
            generations.append(self._whole(collector, generation))
        output = {**(made.llm_output or {}), "model_provider": PROVIDER}
        return ChatResult(generations=generations, llm_output=output)

    def piece(self, raw: Any, made: ChatGenerationChunk | None) -> ChatGenerationChunk | None:
        """Returns the chunk that LangChain made of a raw one, its text cleared of control tokens.

        Raises:
            BadResponse: The raw chunk is not of the promised shape.
        """
        thought = len(self._collector.thinking)
        delta = self._collector.take(parse_chunk(raw, self._endpoint))
        if made is None or not raw.choices:
            return None
        said = made.message
        calls = said.tool_call_chunks if isinstance(said, AIMessageChunk) else []
        message = AIMessageChunk(
            content=delta,
            additional_kwargs=_reasoning(self._collector.thinking[thought:]),
            response_metadata={"model_provider": PROVIDER},
            tool_call_chunks=calls,
            id=said.id,
        )
        logprobs = (made.generation_info or {}).get("logprobs")
        return ChatGenerationChunk(
            message=message, generation_info={"logprobs": logprobs} if logprobs else None
        )

    def last(self) -> ChatGenerationChunk:
        """Returns the last chunk, which tells what it all cost.

        Raises:
            IncompleteStream: The server never said that the reply was finished.
            EmptyResponse: There is no answer.
        """
        delta = self._collector.end()
        reply = self._collector.reply()
        message = AIMessageChunk(
            content=delta,
            additional_kwargs=_parsed(self._schema, reply.text),
            response_metadata=self._told(reply),
            usage_metadata=_usage(reply.usage, self._paged.visual_tokens),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def error(self, error: Exception) -> ServerError:
        """Returns the OpenAI client's error as ours, without the key that it may hold.

        It is for raising outside the handler, or its traceback would hold the other one.
        """
        fault = read_fault(error, self._endpoint, request_bytes(self._paged.messages))
        return self._collector.failed(fault)

    def _new_collector(self) -> ReplyCollector:
        return ReplyCollector(self._endpoint.host, streamed=self._streamed, may_call=self._may_call)

    def _whole(self, collector: ReplyCollector, made: ChatGeneration) -> ChatGeneration:
        collector.end()
        reply = collector.reply()
        said = made.message
        message = said.model_copy(
            update={
                "content": reply.text,
                "additional_kwargs": {
                    **_reasoning(reply.thinking),
                    **_parsed(self._schema, reply.text),
                },
                "response_metadata": {**said.response_metadata, **self._told(reply)},
                "usage_metadata": _usage(reply.usage, self._paged.visual_tokens),
            }
        )
        return ChatGeneration(message=message, generation_info=made.generation_info)

    def _told(self, reply: Reply) -> dict[str, Any]:
        return {
            "model_name": reply.model or self._model,
            "model_provider": PROVIDER,
            "finish_reason": reply.finish_reason,
            "truncated": reply.truncated,
            **self._paged.costs(),
        }


def answered(answer: Answer) -> AIMessage:
    """Returns an answer that the ground's own client brought."""
    return AIMessage(
        content=answer.text,
        response_metadata=_told_of(answer),
        usage_metadata=_usage(answer.usage, answer.usage.visual_tokens or 0),
    )


def answered_piece(text: str) -> ChatGenerationChunk:
    """Returns a piece of such an answer."""
    told = {"model_provider": PROVIDER}
    return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=told))


def answered_last(answer: Answer) -> ChatGenerationChunk:
    """Returns the last chunk of such an answer, which tells what it cost."""
    message = AIMessageChunk(
        content="",
        response_metadata=_told_of(answer),
        usage_metadata=_usage(answer.usage, answer.usage.visual_tokens or 0),
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message)


def _told_of(answer: Answer) -> dict[str, Any]:
    visual_tokens = answer.usage.visual_tokens
    return {
        "model_name": answer.model or "",
        "model_provider": PROVIDER,
        "finish_reason": answer.finish_reason,
        "truncated": answer.truncated,
        "refused": answer.refused,
        **({} if visual_tokens is None else {"visual_tokens": visual_tokens}),
    }


def _reasoning(thinking: str) -> dict[str, Any]:
    # LangChain makes a content block of type "reasoning" of it.
    return {"reasoning_content": thinking} if thinking else {}


def _parsed(schema: type[BaseModel] | None, text: str) -> dict[str, Any]:
    """Returns the answer as an object where it is one; LangChain's parser tells where it is not."""
    if schema is None:
        return {}
    try:
        return {"parsed": schema.model_validate_json(text)}
    except ValidationError:
        return {}


def _usage(usage: Usage, counted_visual_tokens: int) -> UsageMetadata | None:
    """Returns the server's counts; visual tokens are our own count where it keeps to itself."""
    if not usage.prompt_tokens:
        return None
    told = usage.visual_tokens
    visual_tokens = counted_visual_tokens if told is None else told
    details: dict[str, int] = {
        "visual": visual_tokens,
        "text": max(0, usage.prompt_tokens - visual_tokens),
    }
    if usage.cached_tokens is not None:
        details["cache_read"] = usage.cached_tokens
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        input_token_details=InputTokenDetails(**details),  # type: ignore[typeddict-item]
    )
