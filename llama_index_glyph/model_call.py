"""A call to the model as LlamaIndex's events tell it: pages by their digests, and the reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from glyph_shared import Answer, Plan
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
)
from llama_index_instrumentation import get_dispatcher

from llama_index_glyph.llm import GlyphLLM

_dispatcher = get_dispatcher(__name__)


def told_messages(plan: Plan, question: str, system: str | None) -> list[ChatMessage]:
    """Returns a request as events tell it: a line for each page, and the question."""
    lines = [f"[page {number}: {page.digest}]" for number, page in enumerate(plan.pages, start=1)]
    shown = "\n".join(lines) or f"[{len(plan.text):,} chars of text]"
    asked = ChatMessage(role=MessageRole.USER, content=f"{shown}\n\n{question}")
    return [ChatMessage(role=MessageRole.SYSTEM, content=system), asked] if system else [asked]


@dataclass
class Call:
    """A call to the model that is going on."""

    messages: Sequence[ChatMessage]
    answer: Answer | None = None
    _text: str = ""

    def tell(self, piece: str) -> None:
        """Tells of the next piece of a streamed answer."""
        self._text += piece
        response = ChatResponse(message=_message(self._text), delta=piece)
        _dispatcher.event(LLMChatInProgressEvent(messages=list(self.messages), response=response))


@contextmanager
def model_call(llm: GlyphLLM, messages: list[ChatMessage]) -> Iterator[Call]:
    """Tells that the model is asked, as LlamaIndex's own LLM calls do, and what it replied."""
    call = Call(messages)
    told = llm.to_payload()
    start = LLMChatStartEvent(messages=messages, additional_kwargs={}, model_dict=told)
    _dispatcher.event(start)
    payload: dict[str, Any] = {
        EventPayload.MESSAGES: messages,
        EventPayload.ADDITIONAL_KWARGS: {},
        EventPayload.SERIALIZED: told,
    }
    number = llm.callback_manager.on_event_start(CBEventType.LLM, payload=payload)
    try:
        yield call
    except BaseException as error:
        failed: dict[str, Any] = {EventPayload.EXCEPTION: error}
        llm.callback_manager.on_event_end(CBEventType.LLM, payload=failed, event_id=number)
        raise
    response = chat_response(call.answer) if call.answer is not None else None
    done: dict[str, Any] = {EventPayload.MESSAGES: messages, EventPayload.RESPONSE: response}
    llm.callback_manager.on_event_end(CBEventType.LLM, payload=done, event_id=number)
    _dispatcher.event(LLMChatEndEvent(messages=messages, response=response))


def chat_response(answer: Answer) -> ChatResponse:
    """Returns an answer as the reply of a chat model, with the server's counts."""
    counts = {
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "total_tokens": answer.usage.prompt_tokens + answer.usage.completion_tokens,
    }
    # LlamaIndex's token counter looks for the counts in ``raw``.
    return ChatResponse(
        message=_message(answer.text), raw={"usage": counts}, additional_kwargs=counts
    )


def _message(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)
