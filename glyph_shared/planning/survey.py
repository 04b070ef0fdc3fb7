"""``survey``: what a context would cost at several θ, for choosing one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from glyph_shared.documents import Document
from glyph_shared.planning.budget import Budget, page_cost
from glyph_shared.planning.counters import TextTokenCounter, pick_counter
from glyph_shared.planning.kinds import Kind
from glyph_shared.planning.picture_pages import PICTURE_DPI, picture_cost
from glyph_shared.planning.pieces import pieces
from glyph_shared.planning.planner import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    Context,
    as_documents,
)
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.thetas import Thetas
from glyph_shared.rendering import RenderConfig, Renderer

KEEP_LINES = "--set newline_markup="
"""The option that keeps line breaks instead of marking them: ``<br/>`` without a shell's quotes."""


@dataclass(frozen=True, slots=True)
class SurveyPart:
    """The cost of one document.

    Attributes:
        name: The document's name.
        kind: The kind of text that ``auto`` chose the θ by; None where the caller did.
        config: The θ.
        pages: Its pages.
        visual_tokens: What they take, marks included.
    """

    name: str
    kind: Kind | None
    config: RenderConfig
    pages: int
    visual_tokens: int


@dataclass(frozen=True, slots=True)
class SurveyRow:
    """The cost of a context at one θ, or at one for each kind of document.

    Attributes:
        name: What the θ is called.
        parts: The documents; under ``auto`` divided as ``plan`` divides them.
        chars: Chars of the whole context.
        pages: Pages of the whole context.
        report: Text tokens, visual tokens (marks included) and their ratio.
        chars_that_fit: Chars of this kind of text that one request holds: counted where the
            context is longer, else in proportion.
        requests: Requests that the whole context needs.
        replaced: Chars no font has.
    """

    name: str
    parts: tuple[SurveyPart, ...]
    chars: int
    pages: int
    report: CompressionReport
    chars_that_fit: int
    requests: int
    replaced: int

    @property
    def is_auto(self) -> bool:
        """Tells whether each document has the θ of its kind."""
        return self.parts[0].kind is not None

    @property
    def config(self) -> RenderConfig:
        """The θ of the first document, and of all unless ``is_auto``."""
        return self.parts[0].config

    @property
    def fits(self) -> bool:
        """Tells whether the context fits one request."""
        return self.requests == 1

    @property
    def text_tokens_that_fit(self) -> int:
        """Text tokens of this kind of text that one request holds, by the report's tokenizer."""
        return round(self.report.text_tokens * self.chars_that_fit / self.chars)


def default_configs() -> dict[str, RenderConfig]:
    """Returns the θ that people choose between: the default look at three resolutions.

    Each is named by the options that ask for it in ``glyph render`` and ``glyph ask``.
    The paper's measure: 72 dpi is the 3-4x point, 96 reads better, 120 is the accurate one. The
    preset marks line breaks; keeping them costs a line each.
    """
    english = RenderConfig.preset("en")
    kept = english.model_copy(update={"newline_markup": ""})
    sharper = {f"--dpi {dpi}": english.model_copy(update={"dpi": dpi}) for dpi in (96, 120)}
    return {"--preset en": english, KEEP_LINES: kept, **sharper}


def survey(
    text_or_documents: Context,
    configs: Mapping[str, RenderConfig | Literal["auto"]] | None = None,
    *,
    window: int = DEFAULT_WINDOW,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    counter: TextTokenCounter | None = None,
    missing: Literal["error", "replace"] = "replace",
) -> list[SurveyRow]:
    """Measures a context at several θ without encoding or keeping a page.

    Raises:
        InputError: There is no text.
        ConfigError: A setting makes no sense.
    """
    counter = counter or pick_counter()
    budget = Budget(window, max_tokens)
    documents = as_documents(text_or_documents)
    text_tokens = sum(counter.count(document.text) for document in documents)
    tally = _Tally(documents, text_tokens, counter.name, budget)
    return [
        tally.row(name, Thetas(config, missing))
        for name, config in (configs or default_configs()).items()
    ]


@dataclass(frozen=True, slots=True)
class _Tally:
    """What is the same for every θ."""

    documents: list[Document]
    text_tokens: int
    tokenizer: str
    budget: Budget

    def row(self, name: str, thetas: Thetas) -> SurveyRow:
        """Draws the context once and counts."""
        count, parts = _Count(self.budget), []
        for document in thetas.parts(self.documents):
            pages, visual_tokens = count.pages, count.visual_tokens
            renderer = thetas.renderer_of(document)
            for page in _pages(document, renderer):
                count.add(*page)
            parts.append(
                SurveyPart(
                    name=document.name,
                    kind=thetas.kind_of(document),
                    config=renderer.config,
                    pages=count.pages - pages,
                    visual_tokens=count.visual_tokens - visual_tokens,
                )
            )
        chars = sum(len(document.text) for document in self.documents)
        fitting = count.fitting
        if count.requests == 1:
            fitting = chars * self.budget.context // count.visual_tokens
        return SurveyRow(
            name=name,
            parts=tuple(parts),
            chars=chars,
            pages=count.pages,
            report=CompressionReport(self.text_tokens, count.visual_tokens, self.tokenizer),
            chars_that_fit=fitting,
            requests=count.requests,
            replaced=count.replaced,
        )


def _pages(document: Document, renderer: Renderer) -> Iterator[tuple[int, int, int]]:
    """Yields each page's cost, chars, and chars no font has; pictures at their full resolution."""
    for piece in pieces(document):
        if piece.picture is not None:
            yield picture_cost(piece.picture, PICTURE_DPI), piece.end - piece.start, 0
            continue
        for page in renderer.render(document.text[piece.start : piece.end]):
            yield page_cost(page), page.char_span[1] - page.char_span[0], page.replaced


@dataclass(slots=True)
class _Count:
    """What the pages so far cost, and the chars of those that fit the first request."""

    budget: Budget
    pages: int = 0
    visual_tokens: int = 0
    replaced: int = 0
    fitting: int = 0
    requests: int = 1
    spent: int = 0

    def add(self, cost: int, chars: int, replaced: int) -> None:
        """Counts a page."""
        if self.spent + cost > self.budget.context:
            self.requests, self.spent = self.requests + 1, 0
        if self.requests == 1:
            self.fitting += chars
        self.spent += cost
        self.pages += 1
        self.visual_tokens += cost
        self.replaced += replaced
