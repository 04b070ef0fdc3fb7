"""What a question is asked about, brought into one shape: pages in windows, or text."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from glyph_shared.asking.prompts import Messages, page_question
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.source import Source
from glyph_shared.asking.wire import GlyphEntry
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, FontError, FontWarning, InputError, ServerError
from glyph_shared.planning import (
    CHAT_FRAME,
    PAGE_MARKS,
    Budget,
    ConfigChoice,
    Context,
    EstimateCounter,
    LeftOutText,
    Plan,
    Sidecar,
    SidecarMaker,
    TextTokenCounter,
    counted,
    divide_with_sidecars,
    pick_counter,
    plan,
)
from glyph_shared.rendering import Page, RenderConfig, default_store

PagesOrText = Context | Page | Sequence[Page] | Plan

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
        left_out_text: Stretches of the text that are not sent.
        overflow_note: What was done to make the text fit.
        sidecars: The exact strings of each window; empty where none go along.
        chat: The whole request, if it is a chat's; its pages are ``pages``.
        config: The θ to draw pages of the text anew with; None leaves it to the default.
        configs: The θ of each page, where a plan's documents have several.
    """

    pages: Sequence[Page]
    text: str | None
    windows: tuple[tuple[int, int], ...]
    source: Source
    left_out_text: tuple[LeftOutText, ...] = ()
    overflow_note: str = ""
    sidecars: tuple[Sidecar, ...] = ()
    chat: Messages | None = None
    config: RenderConfig | None = None
    configs: tuple[RenderConfig, ...] = ()

    def config_of(self, page: int) -> RenderConfig:
        """Returns the θ to draw a page's text anew with."""
        return self.configs[page] if self.configs else self.config or RenderConfig()

    def sidecar(self, window: tuple[int, int]) -> Sidecar:
        """Returns the exact strings that go along with a window as text."""
        return self.sidecars[self.windows.index(window)] if self.sidecars else Sidecar()

    @property
    def exact_left_out(self) -> int:
        """How many exact strings did not fit, summed over the windows."""
        return sum(sidecar.left_out for sidecar in self.sidecars)

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
        return _of_plan(given, setting)
    if isinstance(given, str | Document):
        return _of_text(given, question, setting)
    if isinstance(given, Page):
        return _of_pages((given,), question, setting)
    items = tuple(given) if isinstance(given, Iterable) else ()
    pages = tuple(item for item in items if isinstance(item, Page))
    if pages and len(pages) == len(items):
        return _of_pages(pages, question, setting)
    documents = tuple(item for item in items if isinstance(item, str | Document))
    if documents and len(documents) == len(items):
        return _of_text(documents, question, setting)
    raise InputError(
        "give a text, Documents, a Plan or Pages, but not none and not a mixture; "
        f"got a {type(given).__name__} of length {len(items)}"
    )


def plan_context(given: Context, question: str, setting: Setting) -> Plan:
    """Plans a context for the server's window, drawn as caller or server say.

    Raises:
        InputError: It is empty or does not fit.
    """
    _check_policy(question, setting)
    parts = [given] if isinstance(given, str | Document) else given
    for part in parts:
        if isinstance(part, Document):
            _check_pictures(len(part.pictures), part.name, setting)
    asked = _asked(question, setting)
    draft = partial(
        plan,
        given,
        setting.window,
        config=chosen_config(setting),
        overflow=setting.overflow,
        max_pages=setting.max_pages,
        text_gate=setting.text_gate,
        store=default_store(),
        retrieve_by=question,
        exact_text_tokens=setting.exact_text_tokens,
    )
    if setting.reads_chars:
        return draft(max_tokens=setting.max_tokens + _bytes(asked))
    try:
        return draft(max_tokens=setting.max_tokens, question=asked, counter=setting.counter)
    except ServerError:
        # Many servers have no route that counts; the plan's report names who did instead.
        return draft(max_tokens=setting.max_tokens, question=asked)


def _check_policy(question: str, setting: Setting) -> None:
    """Refuses an overflow policy that can't work with this server or this question."""
    if setting.overflow == "denser" and setting.glyph.theta:
        raise ConfigError(
            "overflow='denser' draws pages smaller, and this server reads pages of its own θ only "
            f"({' '.join(setting.glyph.theta)}); use overflow='hybrid' or 'map_reduce'"
        )
    if setting.overflow == "hybrid" and not question.strip():
        raise ConfigError("overflow='hybrid' retrieves by the question, which is empty; give one")


def _check_pictures(pictures: int, name: str, setting: Setting) -> None:
    """Refuses pictures of source pages where the server reads its own look alone."""
    if pictures and setting.glyph.theta:
        raise InputError(
            f"{name} has {counted(pictures, 'source page')} as pictures, and this server reads "
            "pages that were drawn from text alone; read it with source_pages='text' (--pdf text), "
            "run OCR over a scan first, for example with ocrmypdf, or ask zai-org/Glyph on vLLM "
            "(glyph serve)"
        )


def _asked(question: str, setting: Setting) -> str:
    """Returns all text that goes along with pages, at its longest."""
    numbers = _WIDEST_NUMBERS if setting.cite else None
    asked = page_question(
        question or _NO_QUESTION_YET,
        _WIDEST_NUMBERS[0],
        numbers=numbers,
        may_refuse=setting.combine == "summarise",
    )
    return asked + (setting.options.system or "")


def _bytes(asked: str) -> int:
    """Returns the most tokens a text can have, where nobody counts them."""
    return len(asked.encode("utf-8", "replace"))


def chosen_config(setting: Setting) -> ConfigChoice:
    """Returns how text is drawn: as the caller says, as the server says, or None for the default.

    A server that names a look reads no other, or others worse, so that goes before ``auto``.
    """
    asked = setting.options.config
    return asked if isinstance(asked, RenderConfig) else served_config(setting.glyph) or asked


def served_config(glyph: GlyphEntry) -> RenderConfig | None:
    """Returns the θ the server names; None leaves the choice to the default preset."""
    if glyph.render_config is None:
        return None
    try:
        _check_served_font(glyph.render_config)
        return RenderConfig.model_validate(glyph.render_config)
    except (ConfigError, FontError) as error:
        problem = str(error)
    raise ConfigError(
        f"the server asks for pages that cannot be drawn here: {problem}; "
        "update glyph-context, or give config="
    )


def _check_served_font(render_config: Mapping[str, Any]) -> None:
    """Refuses a path: which files of this machine are opened is not for a server to say."""
    for key, value in render_config.items():
        is_font = key.replace("-", "_") == "font_path" and isinstance(value, str)
        if is_font and any(part in value for part in ("/", "\\", "..", "\0")):
            raise ConfigError(f"font_path must be a font's bare name; got {value[:80]!r}")


def _of_text(given: Context, question: str, setting: Setting) -> Material:
    made = plan_context(given, question, setting)
    warn_replaced(made.replaced)
    return _of_plan(made, setting)


def warn_replaced(replaced: int) -> None:
    """Warns of chars that no font has, if there are any."""
    if replaced:
        warnings.warn(
            f"no font has {replaced} of the chars: they are drawn as \ufffd, and the model "
            "cannot read them; glyph doctor names the fonts to install",
            FontWarning,
            stacklevel=3,
        )


def _of_pages(pages: tuple[Page, ...], question: str, setting: Setting) -> Material:
    """Takes pages as they are, divided only where a request may not have them all."""
    _check_pictures(sum(page.is_picture for page in pages), "what was given", setting)
    source = _source(setting.options.source, pages)
    # What is drawn, line marks included, may cut a string; only its source has it whole.
    if not setting.exact_text_tokens or setting.options.source is None:
        setting = replace(setting, options=replace(setting.options, exact_text_tokens=0))
        return _of_pages_by(EstimateCounter(), pages, source, question, setting)
    try:
        return _of_pages_by(setting.counter, pages, source, question, setting)
    except ServerError:
        return _of_pages_by(pick_counter(), pages, source, question, setting)


def _of_pages_by(
    counter: TextTokenCounter,
    pages: tuple[Page, ...],
    source: Source,
    question: str,
    setting: Setting,
) -> Material:
    most, asked = setting.exact_text_tokens, _bytes(_asked(question, setting))
    maker = SidecarMaker(source.text if most else "", source.page_spans, counter)
    choice = chosen_config(setting)
    config = choice if isinstance(choice, RenderConfig) else None
    if setting.overflow == "map_reduce":
        budget = Budget(setting.window, setting.max_tokens, asked, setting.max_pages)
        divided, sidecars = divide_with_sidecars(pages, budget, maker, most)
        windows = tuple((part.start_page, part.stop_page) for part in divided)
        return Material(pages, None, windows, source, sidecars=sidecars, config=config)
    whole = (0, len(pages))
    visual_tokens = sum(page.visual_tokens + PAGE_MARKS for page in pages)
    room = setting.window - setting.max_tokens - asked - CHAT_FRAME - visual_tokens
    sidecar = maker.make(whole, min(most, max(0, room)))
    return Material(pages, None, (whole,), source, sidecars=(sidecar,), config=config)


def _of_plan(given: Plan, setting: Setting) -> Material:
    _check_pictures(given.pictures, "the plan", setting)
    windows = tuple((window.start_page, window.stop_page) for window in given.windows)
    source = Source(given.text, given.page_spans, given.locate)
    if given.mode == "text":
        windows = ((0, 0),)
    text = given.text if given.mode == "text" else None
    return Material(
        pages=given.pages,
        text=text,
        windows=windows,
        source=source,
        left_out_text=given.left_out,
        overflow_note=given.overflow_note,
        sidecars=given.sidecars if setting.exact_text_tokens else (),
        config=given.config,
        configs=_configs(given) if len(given.configs) > 1 else (),
    )


def _configs(given: Plan) -> tuple[RenderConfig, ...]:
    """Returns the θ of each page of a plan."""
    return tuple(
        planned.config
        for planned in given.documents
        for _ in range(planned.start_page, planned.stop_page)
    )


def _source(given: str | Document | None, pages: tuple[Page, ...]) -> Source:
    if given is None:
        return Source.of_pages(pages)
    if isinstance(given, str):
        return Source(given, tuple(page.char_span for page in pages))
    return Source(given.text, tuple(page.char_span for page in pages), given.locate)
