"""Chats that frameworks' models send: with fields of their own, one clock, and no page twice.

The embedded reader, which reads pages and one question, gets them as ``GlyphClient.chat`` would ask
it; any other model gets the chat with its long texts on pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Container, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.asker import Asker
from glyph_shared.asking.chat import HistoryLimits, chat_inquiry, page_chat
from glyph_shared.asking.chat_reply import ChatPiece, ChatReply, read_replies
from glyph_shared.asking.deadline import Deadline, DeadlinePassed
from glyph_shared.asking.options import Options
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.prompts import Messages, page_digests, request_bytes, sent_by_name
from glyph_shared.asking.reader_limits import asks_reader
from glyph_shared.asking.reply import ReplyCollector
from glyph_shared.asking.sent_pages import PagedRequest
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.streams import Pieces
from glyph_shared.asking.turns import Message
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.errors import IncompleteStream, ServerError

_Result = TypeVar("_Result")
ChatPieces = AsyncGenerator["ChatPiece | ChatReply", None]


@dataclass(frozen=True)
class ChatCall:
    """A chat on its way.

    Attributes:
        messages: The chat.
        fields: Further fields of the request, as the OpenAI client's ``create`` takes them.
        options: What is said about the request.
        limits: What is said about what is drawn.
        deadline: For all of it: asking what the server is, drawing, further calls, the stream.
    """

    messages: Sequence[Message]
    fields: Mapping[str, Any]
    options: Options
    limits: HistoryLimits
    deadline: Deadline


class ChatSender:
    """Sends chats to one endpoint.

    Args:
        asker: What sends.
        answers: Answers questions, for the embedded reader.
        streamed: The same for one question, piece by piece.
    """

    def __init__(
        self,
        asker: Asker,
        answers: Callable[[Inquiry, Sequence[str]], Awaitable[list[Answer]]],
        streamed: Callable[[Inquiry, str], Pieces],
    ) -> None:
        self._asker = asker
        self._answers = answers
        self._streamed = streamed

    async def reply(self, call: ChatCall) -> ChatReply:
        """Sends a chat and returns the reply.

        Raises:
            GlyphError: It cannot be drawn or does not fit, or there is no usable reply in time.
        """
        setting = await self._in_time(call, self._asker.setting(call.options))
        if self._is_for_reader(call, setting):
            return await self._in_time(call, self._readers_reply(call, setting))
        return await self._models_reply(call, setting)

    async def pieces(self, call: ChatCall) -> ChatPieces:
        """Sends a chat and yields pieces of the reply, then the reply.

        Raises:
            IncompleteStream: The stream ended before the reply did.
            GlyphError: It cannot be drawn or does not fit, or there is no usable reply in time.
        """
        # Who opens a stream may begin to read it later.
        call = replace(call, deadline=Deadline(call.deadline.seconds))
        setting = await self._in_time(call, self._asker.setting(call.options))
        asks = self._asks_reader if self._is_for_reader(call, setting) else self._asks_model
        async with aclosing(asks(call, setting)) as pieces:
            async for piece in pieces:
                yield piece

    async def _readers_reply(self, call: ChatCall, setting: Setting) -> ChatReply:
        inquiry, question = await chat_inquiry(self._asker, call.messages, setting, call.limits)
        [answer] = await self._answers(inquiry, [question])
        return ChatReply.of_answer(answer, inquiry.material, setting.card.id)

    async def _models_reply(self, call: ChatCall, setting: Setting) -> ChatReply:
        paged = await self._in_time(call, page_chat(call.messages, setting, call.limits))
        request = await self._in_time(call, self._request(paged, setting))
        room = self._asker.in_flight.hold(request_bytes(request.messages))
        async with AsyncExitStack() as held:
            await self._in_time(call, held.enter_async_context(room))
            try:
                return await self._sent(call, setting, paged, request)
            except ServerError as error:
                if not request.may_be_cured(error):
                    raise
                request = await self._in_time(call, self._request(paged, setting, error))
            return await self._sent(call, setting, paged, request)

    async def _sent(
        self, call: ChatCall, setting: Setting, paged: PagedChat, request: PagedRequest
    ) -> ChatReply:
        payload = self._payload(call, setting, paged, request.messages)
        size = request_bytes(request.messages)
        completion, body = await self._asker.exchange.complete(payload, call.deadline, size)
        self._asker.learned.pages.note_taken(request)
        may_call = _may_call(call.fields)
        replies = read_replies(completion, self._asker.endpoint, may_call=may_call)
        return ChatReply.of_paged(paged, replies, setting.card.id, body)

    async def _asks_reader(self, call: ChatCall, setting: Setting) -> ChatPieces:
        inquiry, question = await self._in_time(
            call, chat_inquiry(self._asker, call.messages, setting, call.limits)
        )
        async with aclosing(self._streamed(inquiry, question)) as pieces:
            while (piece := await self._in_time(call, anext(pieces, None))) is not None:
                if isinstance(piece, Answer):
                    yield ChatReply.of_answer(piece, inquiry.material, setting.card.id)
                else:
                    yield ChatPiece(piece)

    async def _asks_model(self, call: ChatCall, setting: Setting) -> ChatPieces:
        paged = await self._in_time(call, page_chat(call.messages, setting, call.limits))
        request = await self._in_time(call, self._request(paged, setting))
        begun = False
        try:
            async with aclosing(self._chunks(call, setting, paged, request)) as pieces:
                async for piece in pieces:
                    begun = begun or isinstance(piece, ChatReply) or bool(piece.text)
                    yield piece
            return
        except ServerError as error:
            if begun or not request.may_be_cured(error):
                raise
            request = await self._in_time(call, self._request(paged, setting, error))
        async with aclosing(self._chunks(call, setting, paged, request)) as pieces:
            async for piece in pieces:
                yield piece

    async def _chunks(
        self, call: ChatCall, setting: Setting, paged: PagedChat, request: PagedRequest
    ) -> ChatPieces:
        payload = self._payload(call, setting, paged, request.messages)
        may_call = _may_call(call.fields)
        collector = ReplyCollector(self._asker.endpoint.host, streamed=True, may_call=may_call)
        stream = self._asker.exchange.stream
        try:
            async with aclosing(
                stream(payload, call.deadline, request_bytes(request.messages))
            ) as chunks:
                async for chunk, raw in chunks:
                    thought = len(collector.thinking)
                    text = collector.take(chunk)
                    yield ChatPiece(text, collector.thinking[thought:], raw)
        except IncompleteStream as error:
            collector.end()
            error.partial_text = collector.text
            raise
        self._asker.learned.pages.note_taken(request)
        if text := collector.end():
            yield ChatPiece(text)
        yield ChatReply.of_paged(paged, (collector.reply(),), setting.card.id)

    async def _request(
        self, paged: PagedChat, setting: Setting, refused: ServerError | None = None
    ) -> PagedRequest:
        def write(named: bool, held: Container[str]) -> Messages:
            return sent_by_name(paged.messages, named=named, held=held)

        shown = page_digests(paged.messages)
        make = self._asker.learned.pages.request
        return await asyncio.to_thread(make, setting.card, shown, write, refused)

    def _payload(
        self, call: ChatCall, setting: Setting, paged: PagedChat, messages: Messages
    ) -> dict[str, Any]:
        """Returns the request's fields; what the call says goes before the client's sampling."""
        ours = self._asker.sampling.payload()
        extra_body = {**ours["extra_body"], **(call.fields.get("extra_body") or {})}
        return {
            **ours,
            **call.fields,
            "model": setting.card.id,
            "max_tokens": paged.max_tokens,
            "messages": messages,
            "extra_body": extra_body,
        }

    def _is_for_reader(self, call: ChatCall, setting: Setting) -> bool:
        return asks_reader(
            setting.card, call.options.config, call.fields, draws_pages=call.limits.draws_pages
        )

    async def _in_time(self, call: ChatCall, work: Awaitable[_Result]) -> _Result:
        try:
            return await call.deadline.bound(work)
        except DeadlinePassed:
            pass
        raise call.deadline.error(self._asker.endpoint.host)


def _may_call(fields: Mapping[str, Any]) -> bool:
    return bool(fields.get("tools") or fields.get("functions"))
