"""Replies as LangChain has them: the answer alone, the thinking apart, and what it all cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, ValidationError

from glyph_shared.asking import ChatPiece, ChatReply, Reply, Usage

PROVIDER = "glyph"

_Schema = type[BaseModel] | None


def whole(
    replied: ChatReply, make: Callable[[Any], ChatResult], schema: _Schema = None
) -> ChatResult:
    """Returns a reply as LangChain's result, with all that is told beside the text.

    Args:
        replied: What came back.
        make: Makes LangChain's result of what the server sent.
        schema: The class that the answer is to be an object of.
    """
    made = make(replied.raw) if replied.raw is not None else _plain()
    generations = [
        _generation(generation, replied, reply, schema)
        for generation, reply in zip(made.generations, replied.replies, strict=False)
    ]
    output = {**(made.llm_output or {}), "model_provider": PROVIDER}
    return ChatResult(generations=generations, llm_output=output)


def piece_chunk(piece: ChatPiece, made: ChatGenerationChunk | None) -> ChatGenerationChunk | None:
    """Returns a piece of a reply; None where it says nothing.

    Args:
        piece: What came.
        made: What LangChain made of the server's chunk, if there is one.
    """
    if made is None and not (piece.text or piece.thinking):
        return None
    said = made.message if made else AIMessageChunk(content="")
    message = AIMessageChunk(
        content=piece.text,
        additional_kwargs=_reasoning(piece.thinking),
        response_metadata={"model_provider": PROVIDER},
        tool_call_chunks=said.tool_call_chunks if isinstance(said, AIMessageChunk) else [],
        id=said.id,
    )
    logprobs = (made.generation_info or {}).get("logprobs") if made else None
    return ChatGenerationChunk(
        message=message, generation_info={"logprobs": logprobs} if logprobs else None
    )


def last_chunk(replied: ChatReply, schema: _Schema = None) -> ChatGenerationChunk:
    """Returns the last chunk of a stream, which tells what it all cost."""
    [reply] = replied.replies
    message = AIMessageChunk(
        content="",
        additional_kwargs=_parsed(schema, reply.text),
        response_metadata=_told(replied, reply),
        usage_metadata=_usage(reply.usage, replied.visual_tokens),
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message)


def _plain() -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage(content=""))])


def _generation(
    made: ChatGeneration, replied: ChatReply, reply: Reply, schema: _Schema
) -> ChatGeneration:
    said = made.message
    extra = {**_reasoning(reply.thinking), **_parsed(schema, reply.text)}
    message = said.model_copy(
        update={
            "content": reply.text,
            "additional_kwargs": extra,
            "response_metadata": {**said.response_metadata, **_told(replied, reply)},
            "usage_metadata": _usage(reply.usage, replied.visual_tokens),
        }
    )
    return ChatGeneration(message=message, generation_info=made.generation_info)


def _told(replied: ChatReply, reply: Reply) -> dict[str, Any]:
    return {
        "model_name": replied.model,
        "model_provider": PROVIDER,
        "finish_reason": reply.finish_reason,
        "truncated": reply.truncated,
        **replied.costs,
    }


def _reasoning(thinking: str) -> dict[str, Any]:
    # LangChain makes a content block of type "reasoning" of it.
    return {"reasoning_content": thinking} if thinking else {}


def _parsed(schema: _Schema, text: str) -> dict[str, Any]:
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
