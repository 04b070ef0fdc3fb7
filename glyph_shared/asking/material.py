"""What a question is asked about, brought into one shape: pages in windows, or text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glyph_shared.asking.prompts import page_question
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.source import Source
from glyph_shared.asking.wire import GlyphEntry
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planning import PAGE_MARKS, Plan, plan
from glyph_shared.rendering import Page, RenderConfig

Context = str | Document | Sequence[str | Document]
PagesOrText = Context | Sequence[Page] | Plan

UNTOLD_WINDOW = 131_072
"""The window of zai-org/Glyph, for servers that do not tell theirs."""
# Page numbers of six digits: what the question takes is known before how many pages there are.
_WIDEST_NUMBERS = (100_000, 999_999)
_NO_QUESTION_YET = "?"


@dataclass(frozen=True)
class Material:
    """Pages and the windows they are read in, or a text that goes along as it is.

    Attributes:
        pages: All pages; empty if the text goes along as text.
        text: The text, if so.
        windows: Half-open ranges of pages, one request each.
        source: Where citations are looked for.
    """

    pages: Sequence[Page]
    text: str | None
    windows: tuple[tuple[int, int], ...]
    source: Source

    def visual_tokens(self, window: tuple[int, int]) -> int:
        """Returns what the pages of a window should cost, with the marks around each."""
        return sum(page.visual_tokens + PAGE_MARKS for page in self.pages[slice(*window)])

    def char_span(self, window: tuple[int, int]) -> tuple[int, int]:
        """Returns the part of the text that a window's pages show."""
        spans = self.source.page_spans[slice(*window)]
        return spans[0][0], spans[-1][1]


def make_material(given: PagesOrText, question: str, setting: Setting) -> Material:
    """Plans what is a text, and takes pages and plans as they are.

    Draws pages, so it takes time on a long text.

    Raises:
        InputError: There is nothing to ask about, or it does not fit.
    """
    if isinstance(given, Plan):
        return _of_plan(given)
    if isinstance(given, str | Document):
        return _of_plan(plan_context(given, question, setting))
    items = tuple(given)
    pages = tuple(item for item in items if isinstance(item, Page))
    if pages and len(pages) == len(items):
        return Material(pages, None, ((0, len(pages)),), _source(setting.options.source, pages))
    documents = tuple(item for item in items if isinstance(item, str | Document))
    if documents and len(documents) == len(items):
        return _of_plan(plan_context(documents, question, setting))
    raise InputError(
        "give a text, Documents, a Plan or Pages, but not none and not a mixture; "
        f"got a {type(given).__name__} of length {len(items)}"
    )


def plan_context(given: Context, question: str, setting: Setting) -> Plan:
    """Plans a context for the server's window, drawn as caller or server say.

    Raises:
        InputError: It is empty or does not fit.
    """
    options, glyph = setting.options, setting.glyph
    numbers = _WIDEST_NUMBERS if setting.cite else None
    asked = page_question(
        question or _NO_QUESTION_YET,
        _WIDEST_NUMBERS[0],
        numbers=numbers,
        may_refuse=setting.combine == "summarise",
    )
    asked += options.system or ""
    # A reader that reads chars counts the question in chars, which no text counter does.
    by_chars = glyph.tokenizer == "character"
    return plan(
        given,
        setting.card.max_model_len or UNTOLD_WINDOW,
        config=options.config or _served_config(glyph),
        overflow=setting.overflow,
        max_tokens=setting.max_tokens + (len(asked.encode()) if by_chars else 0),
        max_pages=options.max_pages or glyph.max_pages,
        text_gate=glyph.text_gate,
        question="" if by_chars else asked,
    )


def _served_config(glyph: GlyphEntry) -> RenderConfig | None:
    """Returns the θ the server names; None leaves the choice to the default preset."""
    if glyph.render_config is None:
        return None
    try:
        return RenderConfig.model_validate(glyph.render_config)
    except ConfigError as error:
        problem = str(error)
    raise ConfigError(
        f"the server asks for pages that cannot be drawn here: {problem}; "
        "update glyph-context, or give config="
    )


def _of_plan(given: Plan) -> Material:
    windows = tuple((window.start_page, window.stop_page) for window in given.windows)
    source = Source(given.text, given.page_spans, given.locate)
    if given.mode == "text":
        return Material((), given.text, ((0, 0),), source)
    return Material(given.pages, None, windows, source)


def _source(given: str | Document | None, pages: tuple[Page, ...]) -> Source:
    if given is None:
        return Source.of_pages(pages)
    if isinstance(given, str):
        return Source(given, tuple(page.char_span for page in pages))
    return Source(given.text, tuple(page.char_span for page in pages), given.locate)
