"""How a model is shown what an arm has chosen: as pages, or as text. Always the same model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

from llama_index.core.llms import LLM, ChatMessage, ChatResponse

from glyph_shared import Answer, AsyncGlyphClient, ConfigError, Document, Plan
from glyph_shared.asking import AskOptions, Usage
from glyph_shared.asking.prompts import NOT_ON_PAGES
from glyph_shared.metrics import normalise_answer
from glyph_shared.planning import DEFAULT_WINDOW, ConfigChoice, Overflow, TextTokenCounter
from llama_index_glyph.compare.reading import Passage, Reading, ShownPage, Stretch

BRIEFLY = (
    "Answer as briefly as possible, without a sentence around it. If what you were shown does not "
    f"hold the answer, reply only: {NOT_ON_PAGES}"
)
"""Stands behind a question in every arm, but for the embedded reader, which takes it bare."""

FRAME_TOKENS = 512
"""Kept free beside text for the question, the instruction and the chat's frame."""

MOST_KEPT = 6
"""Cited pages that are kept of an answer, besides those that may hold the gold."""


class Answerer(Protocol):
    """Puts passages before a model."""

    async def answer(self, question: str, passages: Sequence[Passage]) -> Reading:
        """Answers a question from passages."""


class PageAnswerer:
    """Shows passages as pages; each begins on a page of its own.

    Args:
        client: Asks the model.
        bare: Whether the question goes alone, as the embedded reader needs it.
        config: θ, as ``ask`` takes it.
        overflow: What to do with what does not fit one request: ``error``, ``denser`` or
            ``map_reduce``.
        max_pages: The most pages of one request.
        max_tokens: The longest answer.

    Raises:
        ConfigError: ``overflow`` is ``hybrid``, which is an arm of its own here.
    """

    def __init__(
        self,
        client: AsyncGlyphClient,
        *,
        bare: bool,
        config: ConfigChoice = None,
        overflow: Overflow | None = None,
        max_pages: int | None = None,
        max_tokens: int | None = None,
    ) -> None:
        if overflow == "hybrid":
            raise ConfigError(
                "overflow must be 'error', 'denser' or 'map_reduce' here; got 'hybrid', which is "
                "compared as an arm of its own"
            )
        self._client = client
        self._bare = bare
        self._plan: AskOptions = {
            "config": config,
            "overflow": overflow,
            "max_pages": max_pages,
            "max_tokens": max_tokens,
        }
        # Page numbers in the answer would count as wrong words.
        self._ask: AskOptions = {"max_tokens": max_tokens, "cite": False}

    async def answer(self, question: str, passages: Sequence[Passage]) -> Reading:
        """Draws the passages, as far as they are not kept, and asks about them."""
        asked = question if self._bare else f"{question}\n\n{BRIEFLY}"
        started = perf_counter()
        plan = await self._client.plan(_named_apart(passages), asked, **self._plan)
        drawn = perf_counter()
        first: float | None = None
        async with self._client.stream(asked, plan, **self._ask) as stream:
            async for _ in stream:
                first = first or perf_counter()
        answer, ended = stream.answer, perf_counter()
        return Reading(
            answer=answer.text,
            refused=answer.refused,
            shown=_shown(plan, answer, passages),
            pages=_pages(plan, answer, passages),
            page_count=len(plan.pages),
            usage=answer.usage,
            text_tokens=plan.report.text_tokens,
            tokenizer=plan.report.tokenizer,
            render_s=drawn - started,
            first_token_s=None if first is None else first - started,
            total_s=ended - started,
            model=answer.model,
            note=_note(plan, answer),
        )


class TextAnswerer:
    """Shows passages as text, to any LlamaIndex LLM; what is too long is cut at the end.

    Args:
        llm: The model.
        counter: Counts text tokens.
        window: Tokens a request may have; else what the LLM says.

    Raises:
        ConfigError: The window leaves no room for text.
    """

    def __init__(self, llm: LLM, counter: TextTokenCounter, *, window: int | None = None) -> None:
        self._llm = llm
        self._counter = counter
        self._window = window

    async def answer(self, question: str, passages: Sequence[Passage]) -> Reading:
        """Asks about the passages, as many as fit."""
        started = perf_counter()
        kept, text_tokens, note = await asyncio.to_thread(self._fitting, question, passages)
        context = "\n\n".join(passage.content.text for passage in kept)
        message = f"{context}\n\n{question}\n\n{BRIEFLY}"
        first, last = None, None
        async for last in await self._llm.astream_chat([ChatMessage(role="user", content=message)]):
            first = first or (perf_counter() if last.delta else None)
        text = (last.message.content or "") if last else ""
        return Reading(
            answer=text,
            refused=normalise_answer(text).startswith(normalise_answer(NOT_ON_PAGES)),
            shown=tuple(_stretch(passage) for passage in kept),
            usage=_usage(last),
            text_tokens=text_tokens,
            tokenizer=self._counter.name,
            first_token_s=None if first is None else first - started,
            total_s=perf_counter() - started,
            model=self._llm.metadata.model_name,
            note=note,
        )

    def _fitting(
        self, question: str, passages: Sequence[Passage]
    ) -> tuple[list[Passage], int, str]:
        """Returns what fits the window, its text tokens, and what was cut off."""
        told = self._llm.metadata
        room = (self._window or told.context_window or DEFAULT_WINDOW) - FRAME_TOKENS
        room -= max(told.num_output, 0) + self._counter.count(question)
        if room < 1:
            raise ConfigError(
                f"the window leaves no room for text: {room:,} tokens beside the answer's "
                f"{told.num_output:,}; set max_tokens lower or the window higher"
            )
        kept: list[Passage] = []
        used = 0
        for passage in passages:
            cost = self._counter.count(passage.content.text)
            if used + cost > room:
                cut = _cut(passage, (room - used) / cost)
                chars = sum(len(one.content.text) for one in passages)
                sent = sum(len(one.content.text) for one in [*kept, cut])
                note = f"cut to {sent:,} of {chars:,} chars, which fill the window"
                return [*kept, cut], room, note
            kept.append(passage)
            used += cost
        return kept, used, ""


def _named_apart(passages: Sequence[Passage]) -> list[Document]:
    """Returns the passages' contents under names that differ, which citations go by."""
    return [
        passage.content
        if passage.content.name == passage.document
        else replace(passage.content, name=f"{passage.document} [{passage.start}-{passage.end}]")
        for passage in passages
    ]


def _stretch(passage: Passage) -> Stretch:
    return passage.document, passage.start, passage.end


def _shown(plan: Plan, answer: Answer, passages: Sequence[Passage]) -> tuple[Stretch, ...]:
    """Returns the stretches that were read: whole passages, or pages where some were left out."""
    if not answer.left_out:
        return tuple(_stretch(passage) for passage in passages)
    unread = {page for part in answer.left_out for page in range(part.start_page, part.stop_page)}
    shown = _all_pages(plan, passages, frozenset())
    return tuple(
        (page.document, page.start, page.end)
        for number, page in enumerate(shown)
        if number not in unread
    )


def _pages(plan: Plan, answer: Answer, passages: Sequence[Passage]) -> tuple[ShownPage, ...]:
    cited = dict.fromkeys(place.page_index for place in answer.citations)
    kept = frozenset(number for number in list(cited)[:MOST_KEPT] if number is not None)
    return _all_pages(plan, passages, kept)


def _all_pages(
    plan: Plan, passages: Sequence[Passage], cited: frozenset[int]
) -> tuple[ShownPage, ...]:
    return tuple(
        ShownPage(
            plan.pages[number], planned.config, passage.document, passage.start, number in cited
        )
        for planned, passage in zip(plan.documents, passages, strict=True)
        for number in range(planned.start_page, planned.stop_page)
    )


def _note(plan: Plan, answer: Answer) -> str:
    unread = sum(part.stop_page - part.start_page for part in answer.left_out)
    notes = (
        "sent as text, which costs less than its pages" * (plan.mode == "text"),
        answer.overflow_note,
        f"{unread:,} pages not read" * bool(unread),
    )
    return "; ".join(note for note in notes if note)


def _cut(passage: Passage, share: float) -> Passage:
    """Returns about a share of a passage's beginning, a tenth less to be sure that it fits."""
    text = passage.content.text[: int(0.9 * share * len(passage.content.text))]
    return replace(passage, content=Document.from_text(text, passage.content.name))


def _usage(response: ChatResponse | None) -> Usage:
    """Returns what LlamaIndex's integrations tell of the cost, under the names most of them use."""
    told: dict[str, Any] = response.additional_kwargs if response else {}
    return Usage(
        prompt_tokens=told.get("prompt_tokens", 0),
        completion_tokens=told.get("completion_tokens", 0),
        cached_tokens=told.get("cached_tokens"),
        requests=1,
    )
