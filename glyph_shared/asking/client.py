"""The client for callers that wait for their answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import cached_property
from typing import Any

from typing_extensions import Unpack

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.background import BackgroundLoop
from glyph_shared.asking.chat import ChatOptions
from glyph_shared.asking.chat_reply import ChatPiece, ChatReply
from glyph_shared.asking.client_base import ClientBase
from glyph_shared.asking.closing import Closing
from glyph_shared.asking.material import PagesOrText
from glyph_shared.asking.options import AskOptions, Options
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.streams import AnswerStream, read_in_background
from glyph_shared.asking.turns import Message
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import GlyphError
from glyph_shared.planning import Context, Plan


class GlyphClient(ClientBase, Closing):
    """Asks questions about pages or text.

        client = GlyphClient("http://127.0.0.1:8000/v1")
        answer = client.ask("Who wrote it?", read_document("book.txt"))
        print(answer.text, answer.citations)

        with client.stream("Who wrote it?", render(text)) as stream:
            for piece in stream:
                print(piece, end="")
        print(stream.answer.usage)

    Requests run on one event loop in a thread of the client's own, so it may be used from several
    threads and inside a running event loop. ``close`` ends the thread; so does leaving a ``with``
    block, and the end of the program.
    """

    @cached_property
    def _loop(self) -> BackgroundLoop:
        return BackgroundLoop()

    def ask(
        self, question: str, pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> Answer:
        """Answers a question about pages, a text, a document or a plan.

        A text is drawn with ``config``, else with what the server names, else with preset ``en``.

        Raises:
            InputError: There is nothing to ask, or it does not fit the window.
            ConfigError: An option is unknown or impossible.
            ServerError: There is no usable answer.
        """
        return self._loop.run(self._ask(question, pages_or_text, Options.check(options)))

    def ask_many(
        self, questions: Sequence[str], pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> list[Answer]:
        """Answers several questions about the same pages, drawing and reading them once.

        All questions about a window are asked before the next window, so that the server's cache
        serves all but the first. Under ``overflow="hybrid"`` each question has pages of its own.

        Raises:
            InputError: There is nothing to ask, or it does not fit the window.
            ConfigError: An option is unknown or impossible.
            ServerError: There is no usable answer.
        """
        return self._loop.run(self._ask_many(questions, pages_or_text, Options.check(options)))

    def ask_each(
        self, question: str, contexts: Sequence[PagesOrText], **options: Unpack[AskOptions]
    ) -> list[Answer | GlyphError]:
        """Answers one question about each of several contexts, ``CONTEXTS_AT_ONCE`` at a time.

            for path, answer in zip(paths, client.ask_each("Who signed it?", documents)):
                print(path, answer if isinstance(answer, GlyphError) else answer.text)

        Returns:
            In the order of ``contexts`` an answer, or the error of that context alone: one that
            is too long or empty does not keep the others from being answered.

        Raises:
            InputError: There is no question.
            ConfigError: An option is unknown or impossible.
        """
        return self._loop.run(self._ask_each(question, contexts, Options.check(options)))

    def stream(
        self, question: str, pages_or_text: PagesOrText, **options: Unpack[AskOptions]
    ) -> AnswerStream:
        """Answers like ``ask``, piece by piece; nothing is sent before the first is asked for.

        Where several windows are read, or a second look is taken, the answer is one piece.

        Raises:
            ConfigError: An option is unknown or impossible.
        """
        pieces = self._pieces(question, pages_or_text, Options.check(options))
        return AnswerStream(pieces, self._loop)

    def chat(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> Answer:
        """Answers the last message of a chat, whose older turns are drawn once they are long.

            messages = [{"role": "user", "content": "..."}, {"role": "assistant", ...}, ...]
            client.chat(messages).text

        See ``pages_of_history`` for what is drawn. The embedded reader, which reads no text but a
        question, gets the last user message as the question and all other turns as pages.

        Raises:
            InputError: There is nothing to answer, or the chat does not fit the window.
            ConfigError: An option is unknown or impossible.
            ServerError: There is no usable answer.
        """
        return self._loop.run(self._chat(messages, options))

    def stream_chat(
        self, messages: Sequence[Message], **options: Unpack[ChatOptions]
    ) -> AnswerStream:
        """Answers like ``chat``, piece by piece; nothing is sent before the first is asked for."""
        return AnswerStream(self._chat_pieces(messages, options), self._loop)

    def complete(
        self,
        messages: Sequence[Message],
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatReply:
        """Answers like ``chat``, and returns what the server sent, for the model of a framework.

            client.complete(messages, {"tools": tools}).raw.choices[0].message.tool_calls

        Args:
            messages: Those of the OpenAI API, oldest first.
            fields: Further fields of the request, as the OpenAI client's ``create`` takes them.
            **options: As for ``chat``; ``timeout`` counts from the call to its end, the drawing
                and further calls included.

        Raises:
            InputError: There is nothing to answer, or the chat does not fit the window.
            ConfigError: An option is unknown or impossible, or the model cannot do what is asked.
            ServerError: There is no usable reply.
        """
        return self._loop.run(self._sender().reply(self._call(messages, fields, options)))

    def stream_completion(
        self,
        messages: Sequence[Message],
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[ChatOptions],
    ) -> Generator[ChatPiece | ChatReply, None, None]:
        """Answers like ``complete``, piece by piece; the whole reply comes last."""
        pieces = self._sender().pieces(self._call(messages, fields, options))
        return read_in_background(pieces, self._loop)

    def page_chat(self, messages: Sequence[Message], **options: Unpack[ChatOptions]) -> PagedChat:
        """Returns a chat as ``chat`` would send it, for a caller who sends it by other means.

        Raises:
            InputError: There is nothing to answer, or the chat does not fit the window.
            ConfigError: An option is unknown or impossible.
            ServerError: The server cannot be reached.
        """
        return self._loop.run(self._page_chat(messages, options))

    def plan(self, context: Context, question: str = "", **options: Unpack[AskOptions]) -> Plan:
        """Plans a context as ``ask`` would, to look at what it costs before asking about the plan.

            plan = client.plan(read_document("book.txt"), "Who wrote it?")
            print(plan)
            client.ask("Who wrote it?", plan)

        Raises:
            InputError: The context is empty or does not fit the window.
            ConfigError: An option is unknown or impossible.
            ServerError: The server cannot be reached.
        """
        return self._loop.run(self._asker.plan(context, question, Options.check(options)))

    def model_entry(self) -> ModelEntry:
        """Returns what the server says of the model: its window and, if it names them, θ and more.

        Raises:
            ServerError: The server cannot be reached.
        """
        return self._loop.run(self._asker.card())

    def close(self) -> None:
        """Ends what is running and the thread it runs in; the client may be used again."""
        self._loop.close()
