"""A chat's next answer: the older turns on pages, or the whole chat for a model that needs that."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from glyph_shared.asking.asker import Asker
from glyph_shared.asking.history import (
    DEFAULT_KEEP_LAST,
    DEFAULT_THRESHOLD_TOKENS,
    pages_of_history,
    question_and_history,
)
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS
from glyph_shared.asking.material import (
    Material,
    PagesOrText,
    chosen_config,
    warn_replaced,
)
from glyph_shared.asking.options import Options
from glyph_shared.asking.page_links import taken_pages
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.reader_limits import asks_reader
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.source import Source
from glyph_shared.asking.turns import Message
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.names import check_names
from glyph_shared.planning import ConfigChoice
from glyph_shared.rendering import RenderConfig, default_store, drawn


class ChatOptions(TypedDict, total=False):
    """The keywords of ``chat``; all may be left out."""

    config: ConfigChoice
    """How older turns are drawn; else what the server names, else the preset ``en``. ``"auto"``
    chooses a preset by the kind of text, unless the server names a look."""
    threshold_tokens: int
    """Older turns are drawn once they have so many text tokens together; 8192 by default."""
    keep_last: int
    """How many of the last turns, a user's or an assistant's each, stay text; 4 by default."""
    long_text_tokens: int
    """From how many text tokens on a single text that would stay text is drawn; 4096 by default."""
    draws_pages: bool
    """Whether long text is drawn, as by default; else all text goes as text."""
    max_tokens: int | None
    """The longest reply; else the client's sampling, or an eighth of a small server's window."""
    timeout: float | None
    """Seconds for the request from its sending to its last byte; else the client's. ``complete``
    and ``stream_completion`` count the drawing too."""
    window: int | None
    """Tokens a request may have, where the server does not say, or has more."""
    max_pages: int | None
    """The most pages the request may have, where the server does not allow fewer."""
    exact_text_tokens: int | None
    """The most text tokens that exact strings of the pages may take as text; else 2048."""


@dataclass(frozen=True)
class HistoryLimits:
    """The options that say what is drawn; checked where it is."""

    threshold_tokens: int = DEFAULT_THRESHOLD_TOKENS
    keep_last: int = DEFAULT_KEEP_LAST
    long_text_tokens: int = DEFAULT_LONG_TEXT_TOKENS
    draws_pages: bool = True


def check_chat_options(given: Mapping[str, Any]) -> tuple[Options, HistoryLimits]:
    """Returns the options of the request, and those of its history.

    Raises:
        ConfigError: A name is unknown or a value impossible.
    """
    check_names("a chat", given, ChatOptions.__annotations__)
    names = {field.name for field in fields(HistoryLimits)}
    limits = {name: value for name, value in given.items() if name in names}
    others = {name: value for name, value in given.items() if name not in names}
    return Options.check(others), HistoryLimits(**limits)


def _question_and_context(messages: Sequence[Message], setting: Setting) -> tuple[str, PagesOrText]:
    """Returns a chat as a question about pages or text, for a model that reads nothing else.

    The context is empty where the chat is a question alone.

    Raises:
        InputError: There is no question, a page is gone, or there are images that are no pages.
    """
    pages, rest = taken_pages(messages)
    question, history = question_and_history(rest)
    if not pages or not history:
        return question, pages or history
    config = chosen_config(setting)
    text_pages = drawn(history, config if isinstance(config, RenderConfig) else None)
    return question, [*pages, *text_pages]


async def chat_inquiry(
    asker: Asker, messages: Sequence[Message], setting: Setting, limits: HistoryLimits
) -> tuple[Inquiry, str]:
    """Draws what is long in a chat, and returns it as what is asked about, and the question.

    The question is empty where the chat holds it.

    Raises:
        GlyphError: There is no turn, the chat does not fit, or the embedded reader cannot read it.
    """
    if asks_reader(setting.card, setting.options.config, {}, draws_pages=limits.draws_pages):
        question, context = await asyncio.to_thread(_question_and_context, messages, setting)
        if context:
            return await asker.prepare(context, question, setting.options), question
    return Inquiry(_material(await page_chat(messages, setting, limits)), setting), ""


async def page_chat(
    messages: Sequence[Message], setting: Setting, limits: HistoryLimits
) -> PagedChat:
    """Draws what is long in a chat, in another thread.

    Raises:
        InputError: There is no turn, or the chat does not fit the window.
    """
    paged = await asyncio.to_thread(_page, messages, setting, limits)
    warn_replaced(paged.replaced)
    return paged


def _page(messages: Sequence[Message], setting: Setting, limits: HistoryLimits) -> PagedChat:
    return pages_of_history(
        messages,
        config=chosen_config(setting),
        window=setting.window,
        max_tokens=setting.max_tokens,
        max_pages=setting.max_pages,
        exact_text_tokens=setting.exact_text_tokens,
        store=default_store(),
        threshold_tokens=limits.threshold_tokens if limits.draws_pages else sys.maxsize,
        keep_last=limits.keep_last,
        long_text_tokens=limits.long_text_tokens if limits.draws_pages else sys.maxsize,
    )


def _material(paged: PagedChat) -> Material:
    windows = ((0, len(paged.pages)),)
    source = Source(paged.text, paged.page_spans)
    return Material(
        paged.pages, None, windows, source, sidecars=(paged.sidecar,), chat=paged.messages
    )
