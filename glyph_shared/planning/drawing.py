"""Drawing documents against a budget: pages while they fit, and what all of them would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from glyph_shared.documents import Document, Picture, PictureFile
from glyph_shared.planning.budget import Budget, page_cost
from glyph_shared.planning.picture_pages import (
    PICTURE_DPI,
    PICTURE_FLOOR_DPI,
    draw_pictures,
    fitting_dpi,
    picture_cost,
    picture_size,
)
from glyph_shared.planning.pieces import Piece, pieces
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
        chars: Chars on those that are drawn text.
        complete: Whether ``pages`` are all.
        exact: Whether the figures are counted, not estimated.
        picture_tokens: What pictures of source pages take of ``visual_tokens``.
        picture_dpi: The lowest resolution of a picture; None where there is none.
    """

    pages: list[Page] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    visual_tokens: int = 0
    page_count: int = 0
    chars: int = 0
    complete: bool = True
    exact: bool = True
    picture_tokens: int = 0
    picture_dpi: int | None = None

    def add(self, page: Page) -> None:
        """Counts a page of drawn text."""
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

    def add_pictures(self, tokens: int, pages: int, dpi: int) -> None:
        """Counts all pictures of source pages, beside the drawn text."""
        self.visual_tokens += tokens
        self.picture_tokens = tokens
        self.page_count += pages
        self.picture_dpi = dpi

    def room(self, budget: Budget) -> float:
        """Returns the share of the pages that one request holds; above 1 where it holds more."""
        share = budget.context / self.visual_tokens
        if budget.max_pages is None:
            return share
        return min(share, budget.max_pages / self.page_count)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture's place among the pages of its document."""

    piece: Piece
    picture: Picture
    index: int

    def placed(self, page: Page) -> Page:
        """Returns the picture's page at this place, with the white space beside the picture."""
        return page.placed(self.index, (self.piece.start, self.piece.end))


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
    Pictures of source pages get the highest resolution at which all pages fit, and are drawn last.
    """
    drawn = Drawn()
    pictures = [picture for document in documents for picture in document.pictures]
    least = sum(picture_cost(picture, PICTURE_FLOOR_DPI) for picture in pictures)
    order: list[Page | _Shown] = []

    def fits() -> bool:
        pages = drawn.page_count + len(pictures)
        return keep_all or budget.holds(drawn.visual_tokens + least, pages)

    drawn.complete = fits()
    for item in _items(documents, renderer_of, drawn, store):
        if isinstance(item, _Shown):
            drawn.counts[-1] += 1
            order.append(item)
            continue
        drawn.add(item)
        if drawn.complete and fits():
            order.append(item.compact())
            continue
        drawn.complete = False
        order.clear()
        if drawn.visual_tokens > _EXACT_UP_TO * budget.window:
            drawn.extrapolate(_text_chars(documents))
            break
    resolutions = _resolutions(pictures, budget, drawn, keep_all=keep_all)
    if pictures:
        costs = map(picture_cost, pictures, resolutions)
        drawn.add_pictures(sum(costs), len(pictures), min(resolutions))
    if drawn.complete:
        drawn.pages = _with_pictures(order, resolutions, store)
    return drawn


def drawn_pages(document: Document, renderer: Renderer) -> Iterator[Page]:
    """Draws a document page by page, pictures at their full resolution.

    Raises:
        InputError: There is nothing to draw, or an image file cannot be drawn.
        PdfError: A PDF cannot be drawn within its limits.
    """
    if document.pictures:
        return _mixed_pages(document, renderer)
    return renderer.render(document.text)


def _mixed_pages(document: Document, renderer: Renderer) -> Iterator[Page]:
    drawn = Drawn()
    by_file: dict[PictureFile, list[tuple[Picture, tuple[int, int]]]] = {}
    for picture in document.pictures:
        size = picture_size(picture.size_pt, PICTURE_DPI)
        by_file.setdefault(picture.file, []).append((picture, size))
    sources = {file: draw_pictures(file, asked) for file, asked in by_file.items()}
    for item in _items([document], lambda _: renderer, drawn, None):
        drawn.counts[-1] += 1
        if isinstance(item, _Shown):
            yield item.placed(next(sources[item.picture.file]))
        else:
            yield item


def _items(
    documents: Sequence[Document], renderer_of: RendererOf, drawn: Drawn, store: PageStore | None
) -> Iterator[Page | _Shown]:
    """Yields pages of text and places of pictures; counts documents, not pages, in ``drawn``."""
    for document in documents:
        drawn.counts.append(0)
        renderer = renderer_of(document)
        for piece in pieces(document):
            first = drawn.counts[-1]
            if piece.picture is not None:
                yield _Shown(piece, piece.picture, first)
                continue
            text = document.text[piece.start : piece.end]
            if store is None:
                pages = renderer.render(text)
            else:
                pages = store.render(renderer, text, wanted=lambda: drawn.complete)
            for page in pages:
                start, stop = page.char_span
                span = piece.start + start, piece.start + stop
                yield page.placed(first + page.index, span)


def _resolutions(
    pictures: Sequence[Picture], budget: Budget, drawn: Drawn, *, keep_all: bool
) -> list[int]:
    """Returns each picture's dpi: alike in one request, each for itself in windows."""
    if keep_all:
        return [fitting_dpi([picture], budget.context) for picture in pictures]
    return [fitting_dpi(pictures, budget.context - drawn.visual_tokens)] * len(pictures)


def _with_pictures(
    order: Sequence[Page | _Shown], resolutions: Sequence[int], store: PageStore | None
) -> list[Page]:
    """Returns all pages in order, the pictures of each file drawn at once."""
    shown = [item for item in order if isinstance(item, _Shown)]
    by_file: dict[PictureFile, list[tuple[_Shown, tuple[int, int]]]] = {}
    for item, dpi in zip(shown, resolutions, strict=True):
        size = picture_size(item.picture.size_pt, dpi)
        by_file.setdefault(item.picture.file, []).append((item, size))
    made: dict[int, Page] = {}
    for file, asked in by_file.items():
        pages = draw_pictures(file, [(item.picture, size) for item, size in asked], store)
        for (item, _), page in zip(asked, pages, strict=True):
            made[id(item)] = item.placed(page).compact()
    return [made[id(item)] if isinstance(item, _Shown) else item for item in order]


def _text_chars(documents: Sequence[Document]) -> int:
    return sum(
        piece.end - piece.start
        for document in documents
        for piece in pieces(document)
        if piece.picture is None
    )
