"""``GlyphCompressor``: what any retriever found, as pages within a budget of visual tokens."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field

from glyph_shared import LeftOutWarning, OverLengthError, RenderConfig
from glyph_shared.planning import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    PAGE_MARKS,
    Placed,
    Stretch,
    counted,
    join_parts,
)
from glyph_shared.rendering import drawn, image_folder
from langchain_glyph.page_documents import (
    check_documents,
    is_page,
    page_documents,
    set_apart,
    source_page_of,
    start_of,
    stretch_of,
    with_image,
)

DEFAULT_VISUAL_TOKENS = DEFAULT_WINDOW - 2 * DEFAULT_MAX_TOKENS
"""The default window, less an answer at its longest and as much for the question."""

_NAMED = 3
_NAME_CHARS = 80


class GlyphCompressor(BaseDocumentCompressor):
    """Draws retrieved documents: those that adjoin in their source stand on one page again.

        from langchain_core.documents import Document
        from langchain_glyph import GlyphCompressor

        found = [Document(chapter, metadata={"source": "book.txt"}) for chapter in chapters]
        pages = GlyphCompressor(max_visual_tokens=4000).compress_documents(found, "Who is Bertha?")
        sum(page.metadata["visual_tokens"] for page in pages)

    It goes into ``ContextualCompressionRetriever(base_compressor=GlyphCompressor(), ...)``. The
    best documents are taken, by the retriever's order, and each whole, as long as their pages fit
    the budget; pages of one source follow one another in the order of its text. How many were left
    out is each page's metadata ``left_out``, and a warning names them.
    """

    model_config = ConfigDict(extra="forbid")

    max_visual_tokens: int = Field(default=DEFAULT_VISUAL_TOKENS, ge=1)
    """What the pages may take of the window, with the 2 marks around each."""
    config: RenderConfig | None = None
    """θ; preset ``en`` by default."""
    folder: str | None = None
    """Where the images are; a folder beside the page store by default."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        """Returns the pages of the best documents.

        Raises:
            InputError: One of them is no document with text.
            OverLengthError: Not one of them fits the budget.
            ConfigError: There is no folder for the images.
        """
        check_documents(documents)
        folder = image_folder(self.folder)
        taken, left_out = self._divided(_different(documents))
        pages = [page for stretch in _stretches(taken) for page in self._pages(stretch, folder)]
        if left_out:
            _warn_left_out(left_out, len(taken), self.max_visual_tokens)
            for page in pages:
                page.metadata["left_out"] = len(left_out)
        return set_apart(pages)

    def _divided(self, hits: list[Document]) -> tuple[list[Document], list[Document]]:
        """Returns the hits that are taken and those that are left out.

        A hit is taken if its pages alone fit what is left of the budget; as those that adjoin take
        less together, that is looked at again until no more fit.
        """
        if self._cost(hits) <= self.max_visual_tokens:
            return hits, []
        costs = [self._cost([hit]) for hit in hits]
        taken: list[int] = []
        room = self.max_visual_tokens
        while more := _fitting(costs, taken, room):
            taken = sorted([*taken, *more])
            room = self.max_visual_tokens - self._cost([hits[number] for number in taken])
        while room < 0:  # a page that breaks elsewhere, amid what adjoins it
            taken.pop()
            room = self.max_visual_tokens - self._cost([hits[number] for number in taken])
        if not taken:
            raise self._too_little(costs)
        chosen = set(taken)
        return [hits[number] for number in taken], [
            hit for number, hit in enumerate(hits) if number not in chosen
        ]

    def _too_little(self, costs: Sequence[int]) -> OverLengthError:
        return OverLengthError(
            f"max_visual_tokens={self.max_visual_tokens:,} is too little for any of "
            f"{counted(len(costs), 'document')}; raise it, or retrieve shorter documents",
            needed=min(costs),
            limit=self.max_visual_tokens,
        )

    def _cost(self, hits: Sequence[Document]) -> int:
        """Returns what the pages of hits take; beyond the budget they are not all drawn."""
        spent = 0
        for visual_tokens in self._visual_tokens(hits):
            spent += visual_tokens + PAGE_MARKS
            if spent > self.max_visual_tokens:
                break
        return spent

    def _visual_tokens(self, hits: Sequence[Document]) -> Iterator[int]:
        for stretch in _stretches(hits):
            if page := _page_of(stretch):
                yield page.metadata["visual_tokens"]
            else:
                yield from (page.visual_tokens for page in drawn(stretch.text, self.config))

    def _pages(self, stretch: Stretch[Document], folder: Path) -> list[Document]:
        if page := _page_of(stretch):
            return [
                one.model_copy(update={"metadata": {**one.metadata}})
                for one in with_image(page, self.config, folder)
            ]
        return page_documents(stretch, self.config, folder)


def _fitting(costs: Sequence[int], taken: Sequence[int], room: int) -> list[int]:
    """Returns the best of those not taken, as long as they fit, by their numbers."""
    before = set(taken)
    fitting = []
    for number, cost in enumerate(costs):
        if number not in before and cost <= room:
            fitting.append(number)
            room -= cost
    return fitting


def _different(documents: Sequence[Document]) -> list[Document]:
    """Returns the documents that show something, each once, in their order."""
    found: dict[object, Document] = {}
    for document in documents:
        if document.page_content.strip():
            whence = str((document.metadata.get("source"), source_page_of(document)))
            # Of a page that was split after it was drawn, several parts may be found.
            page = document.metadata["digest"] if is_page(document) else None
            shown = page or document.page_content
            found.setdefault((whence, start_of(document), page is None, shown), document)
    return list(found.values())


def _stretches(hits: Sequence[Document]) -> list[Stretch[Document]]:
    """Returns what hits show: source by source, as they were found, each in reading order."""
    by_source: dict[object, list[Document]] = {}
    for number, hit in enumerate(hits):
        source = hit.metadata.get("source")
        by_source.setdefault(number if source is None else str(source), []).append(hit)
    return [stretch for group in by_source.values() for stretch in _in_reading_order(group)]


def _in_reading_order(hits: Sequence[Document]) -> list[Stretch[Document]]:
    texts: dict[str, list[Placed[Document]]] = {}
    for hit in hits:
        if not is_page(hit):
            # What loaders cut into source pages has its places within those.
            placed = Placed(hit, hit.page_content, start_of(hit))
            texts.setdefault(str(source_page_of(hit)), []).append(placed)
    joined = [stretch for group in texts.values() for stretch in join_parts(group)]
    return sorted([*map(stretch_of, filter(is_page, hits)), *joined], key=_place)


def _place(stretch: Stretch[Document]) -> tuple[bool, int, int]:
    """Returns a stretch's place in its source; those without one come last."""
    number = source_page_of(stretch.parts[0][1])
    source_page = number if isinstance(number, int) else 0
    return stretch.start is None, source_page, stretch.start or 0


def _page_of(stretch: Stretch[Document]) -> Document | None:
    """Returns the page that a stretch is already, if it is one."""
    document = stretch.parts[0][1]
    return document if is_page(document) else None


def _warn_left_out(left_out: Sequence[Document], taken: int, max_visual_tokens: int) -> None:
    named = [hit.metadata.get("source") or hit.id or hit.page_content for hit in left_out[:_NAMED]]
    told = ", ".join(repr(str(name)[:_NAME_CHARS]) for name in named)
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    warnings.warn(
        f"{len(left_out)} of {counted(len(left_out) + taken, 'document')} did not fit "
        f"max_visual_tokens={max_visual_tokens:,} and were left out: {told}{more}",
        LeftOutWarning,
        stacklevel=3,
    )
