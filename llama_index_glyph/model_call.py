"""Requests to the model as LlamaIndex's events tell them: pages by their digests, and the reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
)
from llama_index_instrumentation import get_dispatcher

from glyph_shared.asking import Reply, Watch
from llama_index_glyph.llm import GlyphLLM

_dispatcher = get_dispatcher(__name__)

_TOLD_CHARS = 4000
"""What events tell of a text: more than any question, less than a document."""


class Call:
    """A request that is going on."""

    def __init__(self, messages: Sequence[ChatMessage]) -> None:
        self.messages = list(messages)
        self.response: ChatResponse | None = None
        self._text = ""

    def piece(self, text: str) -> None:
        """Tells of the next piece of a streamed answer."""
        self._text += text
        response = ChatResponse(message=_message(self._text), delta=text)
        _dispatcher.event(LLMChatInProgressEvent(messages=self.messages, response=response))

    def reply(self, reply: Reply) -> None:
        """Takes what is told at the end."""
        self.response = _chat_response(reply)


def watch_of(llm: GlyphLLM) -> Watch:
    """Returns what tells of each request as LlamaIndex's own LLM calls do, and keeps its limit."""

    @asynccontextmanager
    async def watch(sent: list[dict[str, Any]]) -> AsyncIterator[Call]:
        call = Call([_told_message(message) for message in sent])
        told = llm.to_payload()
        start = LLMChatStartEvent(messages=call.messages, additional_kwargs={}, model_dict=told)
        _dispatcher.event(start)
        payload: dict[str, Any] = {
            EventPayload.MESSAGES: call.messages,
            EventPayload.ADDITIONAL_KWARGS: {},
            EventPayload.SERIALIZED: told,
        }
        number = llm.callback_manager.on_event_start(CBEventType.LLM, payload=payload)
        try:
            if llm.rate_limiter is not None:
                await llm.rate_limiter.async_acquire()
            yield call
        except BaseException as error:
            failed: dict[str, Any] = {EventPayload.EXCEPTION: error}
            llm.callback_manager.on_event_end(CBEventType.LLM, payload=failed, event_id=number)
            raise
        done: dict[str, Any] = {
            EventPayload.MESSAGES: call.messages,
            EventPayload.RESPONSE: call.response,
        }
        llm.callback_manager.on_event_end(CBEventType.LLM, payload=done, event_id=number)
        _dispatcher.event(LLMChatEndEvent(messages=call.messages, response=call.response))

    return watch


def _told_message(message: dict[str, Any]) -> ChatMessage:
    content = "".join(_shortened(part["text"]) for part in message["content"])
    return ChatMessage(role=message["role"], content=content)


def _shortened(text: str) -> str:
    return text if len(text) <= _TOLD_CHARS else f"{text[:_TOLD_CHARS]}… [{len(text):,} chars]\n"


def _chat_response(reply: Reply) -> ChatResponse:
    """Returns a reply as that of a chat model, with the server's counts."""
    counts = {
        "prompt_tokens": reply.usage.prompt_tokens,
        "completion_tokens": reply.usage.completion_tokens,
        "total_tokens": reply.usage.prompt_tokens + reply.usage.completion_tokens,
    }
    # LlamaIndex's token counter looks for the counts in ``raw``.
    return ChatResponse(
        message=_message(reply.text), raw={"usage": counts}, additional_kwargs=counts
    )


def _message(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)
