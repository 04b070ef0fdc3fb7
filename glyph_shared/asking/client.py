"""The clients: questions about pages or text, answered by a model server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from typing import Any

from pydantic import SecretStr
from typing_extensions import Self, Unpack

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.asker import Asker
from glyph_shared.asking.background import BackgroundLoop
from glyph_shared.asking.chat import ChatOptions, chat_inquiry, check_chat_options, page_chat
from glyph_shared.asking.chat_reply import ChatPiece, ChatReply
from glyph_shared.asking.chat_sender import ChatCall, ChatSender
from glyph_shared.asking.closing import Closing
from glyph_shared.asking.deadline import Deadline
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.map_reduce import WindowReader
from glyph_shared.asking.material import PagesOrText
from glyph_shared.asking.options import AskOptions, Options
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.refine import Refiner, check_refinable
from glyph_shared.asking.reply import Reply
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.sent_pages import Learned
from glyph_shared.asking.streams import AnswerStream, AsyncAnswerStream, Pieces, read_in_background
from glyph_shared.asking.turns import Message
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import GlyphError, InputError
from glyph_shared.planning import Context, Plan

CONTEXTS_AT_ONCE = 4
"""How many contexts ``ask_each`` asks about at the same time."""


class _Client:
    """What both clients share: everything but how a coroutine is run.

    Args:
        base_url: The server's address; else ``GLYPH_BASE_URL``, else that of ``glyph serve``.
        model: The served model; else ``GLYPH_MODEL``, else the first one the server names.
        api_key: Else ``GLYPH_API_KEY``. Never shown, never pickled.
        sampling: How the model chooses its tokens; the defaults are the published ones.
        timeout: Seconds for one request, from its sending to the last byte.
        max_retries: Further calls after a failure that another call may cure.
        backoff: Seconds before the second call; doubles after that.

    Raises:
        ConfigError: A setting is impossible.
    """

    def __init__(
        self,
        base_url: str | None = None,
        model: str | None = None,
        *,
        api_key: str | SecretStr | None = None,
        sampling: Sampling | None = None,
        timeout: float = 600.0,
        max_retries: int = 2,
        backoff: float = 0.5,
    ) -> None:
        endpoint = Endpoint.resolve(
            base_url=base_url,
            model=model,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
            backoff=backoff,
        )
        self._asker = Asker(endpoint, sampling or Sampling())

    @classmethod
    def at(
        cls,
        endpoint: Endpoint,
        sampling: Sampling | None = None,
        learned: Learned | None = None,
    ) -> Self:
        """Makes a client for an endpoint that was checked before, its credentials included.

        Args:
            endpoint: Where the model is.
            sampling: How it chooses its tokens.
            learned: What other clients of the same endpoint know, and get to know.
        """
        client = cls.__new__(cls)
        client._asker = Asker(endpoint, sampling or Sampling(), learned)
        return client

    @property
    def base_url(self) -> str:
        """The server's address, without credentials."""
        return self._asker.endpoint.base_url

    def __repr__(self) -> str:
        endpoint = self._asker.endpoint
        return f"{type(self).__name__}(base_url={endpoint.base_url!r}, model={endpoint.model!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the key: where the copy wakes up, GLYPH_API_KEY has to be set.
        endpoint = self._asker.endpoint
        settings = {
            "base_url": endpoint.base_url,
            "model": endpoint.model,
            "sampling": self._asker.sampling,
            "timeout": endpoint.timeout,
            "max_retries": endpoint.max_retries,
            "backoff": endpoint.backoff,
        }
        return _rebuild, (type(self), settings)

    async def _ask(self, question: str, given: PagesOrText, options: Options) -> Answer:
        return (await self._ask_many([question], given, options))[0]

    async def _ask_many(
        self, questions: Sequence[str], given: PagesOrText, options: Options
    ) -> list[Answer]:
        _check_questions(questions)
        if options.overflow == "hybrid" and len(questions) > 1:
            # Each question has passages of its own. A question that finds none is an error, and
            # that is known before anything is sent for the others.
            for question in questions:
                await self._asker.prepare(given, question, options)
            return [await self._ask(question, given, options) for question in questions]
        check_refinable(given, options)
        inquiry = await self._asker.prepare(given, max(questions, key=len), options)
        refiner = Refiner(self._asker, inquiry)
        answers = await self._answers(inquiry, questions)
        # All first looks come before the second ones, so that the cache serves them.
        return [
            await refiner.refine(question, answer)
            for question, answer in zip(questions, answers, strict=True)
        ]

    async def _ask_each(
        self, question: str, contexts: Sequence[PagesOrText], options: Options
    ) -> list[Answer | GlyphError]:
        _check_questions([question])
        gate = asyncio.Semaphore(CONTEXTS_AT_ONCE)

        async def ask(context: PagesOrText) -> Answer | GlyphError:
            async with gate:
                try:
                    return await self._ask(question, context, options)
                except GlyphError as error:
                    return error

        return list(await asyncio.gather(*map(ask, contexts)))

    async def _answers(self, inquiry: Inquiry, questions: Sequence[str]) -> list[Answer]:
        if len(inquiry.material.windows) > 1:
            return await WindowReader(self._asker, inquiry, questions).answers()
        window = inquiry.material.windows[0]
        answers = []
        for question in questions:
            reply = await self._asker.ask_window(inquiry, question, window)
            answers.append(await self._asker.answer(inquiry, question, reply))
        return answers

    async def _page_chat(self, messages: Sequence[Message], given: ChatOptions) -> PagedChat:
        options, limits = check_chat_options(given)
        return await page_chat(messages, await self._asker.setting(options), limits)

    async def _chat(self, messages: Sequence[Message], given: ChatOptions) -> Answer:
        inquiry, question = await self._chat_inquiry(messages, given)
        return (await self._answers(inquiry, [question]))[0]

    async def _chat_inquiry(
        self, messages: Sequence[Message], given: ChatOptions
    ) -> tuple[Inquiry, str]:
        options, limits = check_chat_options(given)
        setting = await self._asker.setting(options)
        return await chat_inquiry(self._asker, messages, setting, limits)

    def _sender(self) -> ChatSender:
        return ChatSender(self._asker, self._answers, self._streamed)

    def _call(
        self, messages: Sequence[Message], fields: Mapping[str, Any] | None, given: ChatOptions
    ) -> ChatCall:
        options, limits = check_chat_options(given)
        deadline = Deadline(options.timeout or self._asker.endpoint.timeout)
        return ChatCall(messages, fields or {}, options, limits, deadline)

    async def _pieces(self, question: str, given: PagesOrText, options: Options) -> Pieces:
        _check_questions([question])
        check_refinable(given, options)
        inquiry = await self._asker.prepare(given, question, options)
        async with aclosing(self._streamed(inquiry, question)) as pieces:
            async for piece in pieces:
                yield piece

    async def _chat_pieces(self, messages: Sequence[Message], given: ChatOptions) -> Pieces:
        inquiry, question = await self._chat_inquiry(messages, given)
        async with aclosing(self._streamed(inquiry, question)) as pieces:
            async for piece in pieces:
                yield piece

    async def _streamed(self, inquiry: Inquiry, question: str) -> Pieces:
        refines = inquiry.setting.options.refine is not None
        if len(inquiry.material.windows) > 1 or refines:
            # Which window or look answers is known only after the last one: there is one piece.
            refiner = Refiner(self._asker, inquiry)
            [first] = await self._answers(inquiry, [question])
            answer = await refiner.refine(question, first)
            yield answer.text
            yield answer
            return
        window = inquiry.material.windows[0]
        async with aclosing(self._asker.stream_window(inquiry, question, window)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    yield await self._asker.answer(inquiry, question, piece)
                else:
                    yield piece


class GlyphClient(_Client, Closing):
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


class AsyncGlyphClient(_Client):
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


def _check_questions(questions: Sequence[str]) -> None:
    """Refuses what is no question before anything is asked or drawn for it."""
    if not questions or isinstance(questions, str):
        raise InputError(f"there is no question; give at least one, in a list; got {questions!r}")
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            raise InputError(f"the question must be words, in a str; got {question!r}")


def _rebuild(kind: type[_Client], settings: dict[str, Any]) -> _Client:
    return kind(**settings)
