"""``plan``: counts, draws and divides a context before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.planning.budget import Budget, divide, page_cost
from glyph_shared.planning.counters import TextTokenCounter, pick_counter
from glyph_shared.planning.plan import DOCUMENT_GAP, Plan, PlannedDocument
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import Page, RenderConfig, Renderer

DEFAULT_WINDOW = 131_072
"""The paper's window: 128K tokens."""

DEFAULT_MAX_TOKENS = 8192
"""The paper's limit of an answer, thinking included."""

Context = str | Document | Sequence[str | Document]

_EXACT_UP_TO = 4
"""Pages beyond this many windows are not drawn to be counted, but estimated from those before."""


def plan(
    text_or_documents: Context,
    window: int = DEFAULT_WINDOW,
    *,
    config: RenderConfig | None = None,
    counter: TextTokenCounter | None = None,
    overflow: Literal["error", "map_reduce"] = "error",
    max_tokens: int = DEFAULT_MAX_TOKENS,
    max_pages: int | None = None,
    text_gate: bool = True,
    question: str = "",
    missing: Literal["error", "replace"] = "replace",
) -> Plan:
    """Plans how a context is sent: as pages, or as text where that is cheaper.

    Args:
        text_or_documents: A text, a document, or several; each starts on a page of its own.
        window: Tokens a request may have, the answer included.
        config: θ; preset ``en`` by default.
        counter: Who counts text tokens; the best counter on this machine by default.
        overflow: What happens to pages that do not fit one request: ``error``, or ``map_reduce``
            to divide them into windows that are read one by one.
        max_tokens: Kept free for the answer, thinking included.
        max_pages: Images that one request may have; None where the server sets no limit.
        text_gate: Whether text that costs no more than its pages stays text.
        question: All text that goes along with the pages.
        missing: What happens to a char no font has, see ``Renderer``.

    Raises:
        OverLengthError: The context does not fit and ``overflow`` is ``error``, or a single page
            or the question alone does not fit.
        InputError: There is no text.
        ConfigError: A setting makes no sense.
    """
    if overflow not in ("error", "map_reduce"):
        raise ConfigError(f"overflow must be 'error' or 'map_reduce'; got {overflow!r}")
    documents = as_documents(text_or_documents)
    renderer = Renderer(config, missing=missing)
    counter = counter or pick_counter()
    budget = Budget(window, max_tokens, counter.count(question), max_pages)
    text_tokens = sum(counter.count(document.text) for document in documents)
    # A context that stays text needs no more of its pages than it takes to see that.
    keep = budget.context if overflow == "error" else None
    drawn = _draw(documents, renderer, budget, keep)
    report = CompressionReport(text_tokens, drawn.visual_tokens, counter.name)
    as_text = text_gate and text_tokens <= min(drawn.visual_tokens, budget.context)
    if not as_text and not drawn.complete:
        raise _over_length(report, drawn, budget)
    pages = () if as_text else tuple(drawn.pages)
    return Plan(
        mode="text" if as_text else "pages",
        config=renderer.config,
        documents=_placed(documents, [0] * len(documents) if as_text else drawn.counts),
        pages=pages,
        windows=divide(pages, budget),
        report=report,
        budget=budget,
    )


def as_documents(context: Context) -> list[Document]:
    """Returns a context as documents.

    Raises:
        InputError: There is none, or one is empty.
    """
    if not isinstance(context, Sequence | Document):
        raise InputError(f"give a text, a Document or a list of them; got {context!r}")
    parts = [context] if isinstance(context, (str, Document)) else list(context)
    if other := [part for part in parts if not isinstance(part, str | Document)]:
        raise InputError(f"each part must be a text or a Document; got {other[0]!r}")
    if not parts:
        raise InputError("no documents were given; give at least one text or document")
    documents = [
        Document.from_text(part, "text" if len(parts) == 1 else f"text {number}")
        if isinstance(part, str)
        else part
        for number, part in enumerate(parts, start=1)
    ]
    for document in documents:
        if not document.text.strip():
            raise InputError(f"{document.name} is empty or whitespace; leave it out or give text")
    return documents


@dataclass
class _Drawn:
    """Pages drawn so far, and what all of them cost."""

    pages: list[Page] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    visual_tokens: int = 0
    page_count: int = 0
    chars: int = 0
    complete: bool = True
    exact: bool = True

    def add(self, page: Page) -> None:
        """Counts a page."""
        self.visual_tokens += page_cost(page)
        self.page_count += 1
        self.counts[-1] += 1
        self.chars += page.char_span[1] - page.char_span[0]

    def extrapolate(self, chars: int) -> None:
        """Sets the figures to what all chars are likely to need."""
        share = chars / max(1, self.chars)
        self.visual_tokens = round(self.visual_tokens * share)
        self.page_count = round(self.page_count * share)
        self.exact = False


def _draw(
    documents: Sequence[Document], renderer: Renderer, budget: Budget, keep: int | None
) -> _Drawn:
    """Draws all documents; keeps the pages while they fit ``keep`` visual tokens.

    Once they do not, the rest is drawn only to be counted, and beyond some windows not even that.
    """
    drawn = _Drawn()
    for page in _all_pages(documents, renderer, drawn):
        drawn.add(page)
        if keep is not None and not budget.holds(drawn.visual_tokens, drawn.page_count):
            drawn.complete = False
            drawn.pages.clear()
            if drawn.visual_tokens > _EXACT_UP_TO * budget.window:
                drawn.extrapolate(sum(len(document.text) for document in documents))
                break
        else:
            drawn.pages.append(page.compact())
    return drawn


def _all_pages(documents: Sequence[Document], renderer: Renderer, drawn: _Drawn) -> Iterator[Page]:
    for document in documents:
        drawn.counts.append(0)
        yield from renderer.render(document.text)


def _placed(documents: Sequence[Document], counts: Sequence[int]) -> tuple[PlannedDocument, ...]:
    placed: list[PlannedDocument] = []
    start, page = 0, 0
    for document, count in zip(documents, counts, strict=True):
        placed.append(PlannedDocument(document, start, page, page + count))
        start += len(document.text) + len(DOCUMENT_GAP)
        page += count
    return tuple(placed)


def _over_length(report: CompressionReport, drawn: _Drawn, budget: Budget) -> OverLengthError:
    about = "" if drawn.exact else "about "
    if budget.max_pages is not None and drawn.visual_tokens <= budget.context:
        return OverLengthError(
            f"the context is {counted(drawn.page_count, 'page')} and a request may have "
            f"max_pages={budget.max_pages:,}; raise the server's image limit, use a larger "
            "page_size, or overflow='map_reduce'",
            needed=drawn.page_count,
            limit=budget.max_pages,
        )
    return OverLengthError(
        f"the context needs {about}{drawn.visual_tokens:,} visual tokens ({about}"
        f"{counted(drawn.page_count, 'page')}; as text {report.text_tokens:,} tokens by "
        f"{report.tokenizer}) and a window of {budget.window:,} has {budget.context:,} for it, "
        f"{budget.reserve:,} being kept for question and answer; use overflow='map_reduce', a "
        "denser θ (newline_markup drawn, lower dpi), a larger window or less text",
        needed=drawn.visual_tokens,
        limit=budget.context,
    )
