"""The steps between a question and its answer, the same for both clients."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from glyph_shared.asking.answer import Answer, TokenCountWarning, Usage
from glyph_shared.asking.citations import find_citations
from glyph_shared.asking.deadline import Deadline
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.exchange import Exchange
from glyph_shared.asking.in_flight import InFlight
from glyph_shared.asking.material import (
    Material,
    PagesOrText,
    make_material,
    plan_context,
)
from glyph_shared.asking.options import Options
from glyph_shared.asking.prompts import Messages, image_count, request_bytes, text_bytes
from glyph_shared.asking.reply import Reply, ReplyCollector
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.sent_pages import Learned, PagedRequest
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.watching import watched
from glyph_shared.asking.window_request import Inquiry, WindowRequests
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import IncompleteStream, OverLengthError, ServerError
from glyph_shared.planning import (
    CHAT_FRAME,
    PAGE_MARKS,
    Context,
    Plan,
    ServerTokenCounter,
    counted,
)

_NO_MODEL_LIST = frozenset({404, 405, 501})
_DEFAULT_MODEL = "glyph"
_MISMATCH = 0.02
# The chat frame and a system prompt's marks cost a handful of tokens, whatever the pages cost.
_FRAME_TOKENS = 32


class Asker:
    """Asks one endpoint.

    Args:
        endpoint: Where the model is.
        sampling: How it chooses its tokens.
        learned: What other clients of the same endpoint know of its server, and get to know.
    """

    def __init__(
        self, endpoint: Endpoint, sampling: Sampling, learned: Learned | None = None
    ) -> None:
        self.endpoint = endpoint
        self.sampling = sampling
        self.learned = learned or Learned(endpoint)
        self.exchange = Exchange(endpoint)
        self.in_flight = InFlight()
        self._requests = WindowRequests(sampling, self.learned.pages)

    async def card(self, timeout: float | None = None) -> ModelEntry:
        """Returns the server's entry of the model; asked once.

        A server without a model list gets an entry that says nothing.

        Raises:
            ServerError: The server cannot be reached or refuses the key.
        """
        if self.learned.card is None:
            self.learned.card = await self._fetch_card(timeout or self.endpoint.timeout)
        return self.learned.card

    async def prepare(self, given: PagesOrText, question: str, options: Options) -> Inquiry:
        """Draws and plans what is asked about.

        Raises:
            GlyphError: It cannot be drawn, does not fit, or the server cannot be reached.
        """
        setting = await self.setting(options)
        material = await asyncio.to_thread(make_material, given, question, setting)
        _check_fit(material, setting)
        return Inquiry(material, setting)

    async def plan(self, given: Context, question: str, options: Options) -> Plan:
        """Plans what ``prepare`` would plan, to be looked at first.

        Raises:
            GlyphError: It cannot be drawn, does not fit, or the server cannot be reached.
        """
        setting = await self.setting(options)
        return await asyncio.to_thread(plan_context, given, question, setting)

    async def ask_window(self, inquiry: Inquiry, question: str, window: tuple[int, int]) -> Reply:
        """Asks a question about one window of pages, or about the text.

        Raises:
            ServerError: There is no usable answer.
        """
        async with self.in_flight.hold(await self._requests.weigh(inquiry, window)):
            return await self._ask_window(inquiry, question, window)

    async def _ask_window(self, inquiry: Inquiry, question: str, window: tuple[int, int]) -> Reply:
        request = await self._requests.make(inquiry, question, window)
        async with watched(inquiry.setting.options.watch, request.messages) as heard:
            deadline = self._deadline(inquiry)
            try:
                reply = await self._reply(inquiry, request, deadline)
            except ServerError as error:
                if not request.may_be_cured(error):
                    raise
                request = await self._requests.make(inquiry, question, window, error)
                reply = await self._reply(inquiry, request, deadline)
            heard.reply(reply)
        return self._settled(inquiry, window, request, reply)

    async def ask_messages(
        self, inquiry: Inquiry, messages: Messages, *, is_last: bool = True
    ) -> Reply:
        """Sends messages and returns the reply.

        Args:
            inquiry: What they are about.
            messages: They.
            is_last: Whether the reply is the answer, not a part of what it is made of.

        Raises:
            ServerError: There is no usable answer.
        """
        async with watched(inquiry.setting.options.watch, messages) as heard:
            request = PagedRequest(messages, is_last=is_last)
            reply = await self._reply(inquiry, request, self._deadline(inquiry))
            heard.reply(reply)
        return reply

    async def stream_window(
        self, inquiry: Inquiry, question: str, window: tuple[int, int]
    ) -> AsyncGenerator[str | Reply, None]:
        """Asks like ``ask_window`` and yields the answer's pieces, then the reply.

        Raises:
            IncompleteStream: The stream ended before the reply did.
            ServerError: There is no usable answer.
        """
        request = await self._requests.make(inquiry, question, window)
        collector = self._collector(streamed=True)
        async with watched(inquiry.setting.options.watch, request.messages) as heard:
            deadline = self._deadline(inquiry)
            try:
                async with aclosing(self._pieces(inquiry, request, collector, deadline)) as pieces:
                    async for piece in pieces:
                        heard.piece(piece)
                        yield piece
            except ServerError as error:
                if collector.text or not request.may_be_cured(error):
                    raise
                request = await self._requests.make(inquiry, question, window, error)
                collector = self._collector(streamed=True)
                async with aclosing(self._pieces(inquiry, request, collector, deadline)) as pieces:
                    async for piece in pieces:
                        heard.piece(piece)
                        yield piece
            heard.reply(collector.reply())
        yield self._settled(inquiry, window, request, collector.reply())

    async def answer(self, inquiry: Inquiry, question: str, reply: Reply) -> Answer:
        """Makes the answer of a single reply, with its citations."""
        material = inquiry.material
        answer = answer_of(reply, reply.usage).model_copy(
            update={
                "left_out_text": material.left_out_text,
                "overflow_note": material.overflow_note,
                "exact_left_out": material.exact_left_out,
            }
        )
        if inquiry.setting.is_refusal(reply.text):
            return answer.model_copy(update={"refused": True})
        return await self.with_citations(inquiry, question, answer)

    async def with_citations(
        self,
        inquiry: Inquiry,
        question: str,
        answer: Answer,
        spans: Sequence[tuple[int, int]] = (),
    ) -> Answer:
        """Returns the answer with the places it rests on, looked for in ``spans``."""
        found = await asyncio.to_thread(
            find_citations, answer.text, question, inquiry.material.source, spans
        )
        return answer.model_copy(update={"citations": found})

    async def setting(self, options: Options) -> Setting:
        """Returns what options and server say together.

        Raises:
            ServerError: The server cannot be reached.
        """
        card = await self.card(options.timeout)
        counter = ServerTokenCounter(self.endpoint, model=card.id)
        setting = Setting(options, card, self.sampling, counter)
        setting.check()
        return setting

    async def _fetch_card(self, timeout: float) -> ModelEntry:
        unknown = ModelEntry(id=self.endpoint.model or _DEFAULT_MODEL)
        try:
            models = (await self.exchange.models(Deadline(timeout))).data
        except ServerError as error:
            if error.status not in _NO_MODEL_LIST:
                raise
            return unknown
        if self.endpoint.model is None:
            return models[0] if models else unknown
        return next((entry for entry in models if entry.id == self.endpoint.model), unknown)

    async def _reply(self, inquiry: Inquiry, request: PagedRequest, deadline: Deadline) -> Reply:
        payload = self._requests.payload(inquiry, request)
        size = request_bytes(request.messages)
        completion, _ = await self.exchange.complete(payload, deadline, size)
        self.learned.pages.note_taken(request)
        collector = self._collector(streamed=False)
        collector.take(completion)
        collector.end()
        return collector.reply()

    def _collector(self, *, streamed: bool) -> ReplyCollector:
        return ReplyCollector(self.endpoint.host, streamed=streamed, may_call=False)

    async def _pieces(
        self,
        inquiry: Inquiry,
        request: PagedRequest,
        collector: ReplyCollector,
        deadline: Deadline,
    ) -> AsyncGenerator[str, None]:
        payload = self._requests.payload(inquiry, request)
        size = request_bytes(request.messages)
        try:
            async with aclosing(self.exchange.stream(payload, deadline, size)) as chunks:
                async for chunk, _ in chunks:
                    if piece := collector.take(chunk):
                        yield piece
        except IncompleteStream as error:
            collector.end()
            error.partial_text = collector.text
            raise
        self.learned.pages.note_taken(request)
        if piece := collector.end():
            yield piece

    def _settled(
        self, inquiry: Inquiry, window: tuple[int, int], request: PagedRequest, reply: Reply
    ) -> Reply:
        """Checks the server's count of the pages, and adds what it does not count."""
        planned = inquiry.material.visual_tokens(window)
        _check_tokens(planned, window[1] - window[0], request.messages, reply.usage)
        return _with_sidecar_cost(reply, inquiry, window)

    def _deadline(self, inquiry: Inquiry) -> Deadline:
        return Deadline(inquiry.setting.options.timeout or self.endpoint.timeout)


def _check_tokens(planned: int, pages: int, messages: Messages, usage: Usage) -> None:
    """Warns if the server saw other pages than were planned, by its own count.

    The count of visual tokens is exact but for the marks around pages, which servers may leave
    out. Where only the whole prompt is counted, its text may be anything from 0 tokens to one per
    byte.
    """
    if image_count(messages) != pages:
        # A chat may bring images of its own, whose cost only the server knows.
        return
    least, most, told, what = planned, planned + text_bytes(messages), usage.prompt_tokens, "prompt"
    slack = _MISMATCH * planned + _FRAME_TOKENS
    if usage.visual_tokens is not None:
        least, most, told, what = (
            planned - PAGE_MARKS * pages,
            planned,
            usage.visual_tokens,
            "visual",
        )
        slack = _MISMATCH * planned
    if told and planned and not least - slack <= told <= most + slack:
        warnings.warn(
            f"the server counted {told} {what} tokens where {least} to {most} were planned, "
            f"{planned} of them for {counted(pages, 'page')}; its image processor or chat "
            "template differs from GLM-4.1V's, so plan with a smaller window",
            TokenCountWarning,
            stacklevel=2,
        )


def _check_fit(material: Material, setting: Setting) -> None:
    """Refuses pages that cannot fit, because vLLM refuses them only after working on them.

    A 400 after that also spoils its image cache for the next request (seen with vLLM 0.32).
    """
    limit = setting.told_window
    needed = CHAT_FRAME + max(material.visual_tokens(window) for window in material.windows)
    if limit is not None and needed >= limit:
        raise OverLengthError(
            f"the pages of one request take {needed} tokens, the window is {limit}; "
            f"give fewer pages, or a plan with window={limit} and overflow='map_reduce'",
            needed=needed,
            limit=limit,
        )
    most = max(stop - start for start, stop in material.windows)
    if setting.max_pages is not None and most > setting.max_pages:
        raise OverLengthError(
            f"one request would have {counted(most, 'page')} and may have {setting.max_pages}; "
            f"give fewer pages, or a plan with max_pages={setting.max_pages} and "
            "overflow='map_reduce'",
            needed=most,
            limit=setting.max_pages,
        )


def _with_sidecar_cost(reply: Reply, inquiry: Inquiry, window: tuple[int, int]) -> Reply:
    cost = inquiry.material.sidecar(window).text_tokens
    return replace(reply, usage=reply.usage.model_copy(update={"exact_text_tokens": cost}))


def answer_of(reply: Reply, usage: Usage) -> Answer:
    """Returns a reply as an answer that is not yet tied to its places."""
    return Answer(
        text=reply.text,
        thinking=reply.thinking,
        usage=usage,
        truncated=reply.truncated,
        only_thinking=reply.only_thinking,
        finish_reason=reply.finish_reason,
        model=reply.model,
        logprob=reply.logprob,
    )
