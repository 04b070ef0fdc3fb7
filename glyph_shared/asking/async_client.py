"""The client for callers on an event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.chat import ChatOptions
from glyph_shared.asking.chat_reply import ChatPiece, ChatReply
from glyph_shared.asking.client_base import ClientBase
from glyph_shared.asking.material import PagesOrText
from glyph_shared.asking.options import AskOptions, Options
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.streams import AsyncAnswerStream
from glyph_shared.asking.turns import Message
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import GlyphError
from glyph_shared.planning import Context, Plan


class AsyncGlyphClient(ClientBase):
    """Asks questions about pages or text, asynchronously.

        async with AsyncGlyphClient("http://127.0.0.1:8000/v1") as client:
            answer = await client.ask("Who wrote it?", text)
            stream = client.stream("Who wrote it?", text)
            async for piece in stream:
                print(piece, end="")

    It may be used in several event loops, one after the other or at once, as several calls of
    ``asyncio.run`` do.
    """

    async def ask(
        self, question: str, pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> Answer:
        """Answers a question; see ``GlyphClient.ask``."""
        return await self._ask(question, pages_or_text, Options.check(options))

    async def ask_many(
        self, questions: Sequence[str], pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> list[Answer]:
        """Answers several questions about the same pages; see ``GlyphClient.ask_many``."""
        return await self._ask_many(questions, pages_or_text, Options.check(options))

    async def ask_each(
        self, question: str, contexts: Sequence[PagesOrText], **options: Unpack[AskOptions]
    ) -> list[Answer | GlyphError]:
        """Answers one question about each of several contexts; see ``GlyphClient.ask_each``."""
        return await self._ask_each(question, contexts, Options.check(options))

    def stream(
        self, question: str, pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> AsyncAnswerStream:
        """Answers like ``ask``, piece by piece; see ``GlyphClient.stream``."""
        return AsyncAnswerStream(self._pieces(question, pages_or_text, Options.check(options)))

    async def chat(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> Answer:
        """Answers the last message of a chat; see ``GlyphClient.chat``."""
        return await self._chat(messages, options)

    def stream_chat(
        self, messages: Sequence[Message], **options: Unpack[ChatOptions]
    ) -> AsyncAnswerStream:
        """Answers like ``chat``, piece by piece; see ``GlyphClient.stream_chat``."""
        return AsyncAnswerStream(self._chat_pieces(messages, options))

    async def complete(
        self,
        messages: Sequence[Message],
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatReply:
        """Answers a chat with what the server sent; see ``GlyphClient.complete``."""
        return await self._sender().reply(self._call(messages, fields, options))

    def stream_completion(
        self,
        messages: Sequence[Message],
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ChatPiece | ChatReply, None]:
        """Answers like ``complete``, piece by piece; the whole reply comes last."""
        return self._sender().pieces(self._call(messages, fields, options))

    async def page_chat(
        self, messages: Sequence[Message], **options: Unpack[ChatOptions]
    ) -> PagedChat:
        """Returns a chat as ``chat`` would send it; see ``GlyphClient.page_chat``."""
        return await self._page_chat(messages, options)

    async def plan(
        self, context: Context, question: str = "", **options: Unpack[AskOptions]
    ) -> Plan:
        """Plans a context as ``ask`` would; see ``GlyphClient.plan``."""
        return await self._asker.plan(context, question, Options.check(options))

    async def model_entry(self) -> ModelEntry:
        """Returns what the server says of the model; see ``GlyphClient.model_entry``."""
        return await self._asker.card()

    async def close(self) -> None:
        """Closes the connections of the running event loop; the client may be used again."""
        await self._asker.exchange.close()

    async def __aenter__(self) -> AsyncGlyphClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
