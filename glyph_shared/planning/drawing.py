"""Drawing documents against a budget: pages while they fit, and what all of them would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from glyph_shared.documents import Document
from glyph_shared.planning.budget import Budget, page_cost
from glyph_shared.rendering import Page, PageStore, Renderer

RendererOf = Callable[[Document], Renderer]
"""Tells what draws a document; each may have a θ of its own."""

_EXACT_UP_TO = 4
"""Pages beyond this many windows are not drawn to be counted, but estimated from those before."""


@dataclass
class Drawn:
    """Pages drawn so far, and what all of them cost.

    Attributes:
        pages: The pages, as PNG files; none if not all of them fit.
        counts: Pages of each document.
        visual_tokens: What all pages cost, marks included.
        page_count: How many there are.
        chars: Chars on them.
        complete: Whether ``pages`` are all.
        exact: Whether the figures are counted, not estimated.
    """

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

    def room(self, budget: Budget) -> float:
        """Returns the share of the pages that one request holds; above 1 where it holds more."""
        share = budget.context / self.visual_tokens
        if budget.max_pages is None:
            return share
        return min(share, budget.max_pages / self.page_count)


def draw(
    documents: Sequence[Document],
    renderer_of: RendererOf,
    budget: Budget,
    *,
    keep_all: bool = False,
    store: PageStore | None = None,
) -> Drawn:
    """Draws all documents; keeps the pages while they fit one request, or all of them.

    Once they do not, the rest is drawn only to be counted, and beyond some windows not even that.
    """
    drawn = Drawn()
    for page in _all_pages(documents, renderer_of, drawn, store):
        drawn.add(page)
        if keep_all or budget.holds(drawn.visual_tokens, drawn.page_count):
            drawn.pages.append(page.compact())
            continue
        drawn.complete = False
        drawn.pages.clear()
        if drawn.visual_tokens > _EXACT_UP_TO * budget.window:
            drawn.extrapolate(sum(len(document.text) for document in documents))
            break
    return drawn


def _all_pages(
    documents: Sequence[Document], renderer_of: RendererOf, drawn: Drawn, store: PageStore | None
) -> Iterator[Page]:
    for document in documents:
        drawn.counts.append(0)
        renderer = renderer_of(document)
        if store is None:
            yield from renderer.render(document.text)
        else:
            yield from store.render(renderer, document.text, wanted=lambda: drawn.complete)
