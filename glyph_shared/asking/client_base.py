"""What the two clients share: the steps of every way of asking, as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import SecretStr
from typing_extensions import Never, Self

from glyph_shared.asking.answer import Answer
from glyph_shared.asking.asker import Asker
from glyph_shared.asking.chat import ChatOptions, chat_inquiry, check_chat_options, page_chat
from glyph_shared.asking.chat_sender import ChatCall, ChatSender
from glyph_shared.asking.deadline import Deadline
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.map_reduce import WindowReader
from glyph_shared.asking.material import PagesOrText
from glyph_shared.asking.options import Options
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.refine import Refiner, check_refinable
from glyph_shared.asking.reply import Reply
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.sent_pages import Learned
from glyph_shared.asking.streams import Pieces
from glyph_shared.asking.turns import Message
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.errors import GlyphError, InputError
from glyph_shared.names import check_names

CONTEXTS_AT_ONCE = 4
"""How many contexts ``ask_each`` asks about at the same time."""
_SETTINGS = ("base_url", "model", "api_key", "sampling", "timeout", "max_retries", "backoff")


class ClientBase:
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
        ConfigError: A setting is unknown or impossible.
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
        **unknown: Never,
    ) -> None:
        # Python's own complaint would name this class, which nobody wrote.
        check_names(type(self).__name__, unknown, _SETTINGS)
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


def _check_questions(questions: Sequence[str]) -> None:
    """Refuses what is no question before anything is asked or drawn for it."""
    if not questions or isinstance(questions, str):
        raise InputError(f"there is no question; give at least one, in a list; got {questions!r}")
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            raise InputError(f"the question must be words, in a str; got {question!r}")


def _rebuild(kind: type[ClientBase], settings: dict[str, Any]) -> ClientBase:
    return kind(**settings)
