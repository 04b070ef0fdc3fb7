"""A plan: what goes to the model and what it costs, known before anything is sent."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from glyph_shared.documents import Document, Location, SourcePage
from glyph_shared.planning.budget import PAGE_MARKS, Budget, Window
from glyph_shared.planning.counters import TextTokenCounter
from glyph_shared.planning.hybrid import LeftOutText
from glyph_shared.planning.kinds import Kind
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.sidecar import Sidecar, SidecarMaker, divide_with_sidecars
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import Page, RenderConfig

DOCUMENT_GAP = "\n\n"
"""Stands between documents in ``Plan.text``."""


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """A document of a plan.

    Attributes:
        document: The document; its pages' ``char_span`` count in its text.
        start: Where its text begins in ``Plan.text``.
        start_page: Position of its first page in ``Plan.pages``.
        stop_page: One past its last page.
        config: The θ of its pages.
        kind: The kind of text that ``config="auto"`` chose the θ by; None where the caller did.
    """

    document: Document
    start: int
    start_page: int
    stop_page: int
    config: RenderConfig = field(repr=False)
    kind: Kind | None = None


@dataclass(frozen=True)
class Plan:
    """What will be sent for a context, and what it costs.

        made = plan(read_document("book.txt"), question="Who is Bertha?")
        print(made)
        made.pages[0].png, made.windows, made.report.ratio

    Attributes:
        mode: ``pages``, or ``text`` where the text is the cheaper form.
        documents: The documents with their place among the pages.
        pages: All pages in order, as PNG files; none in mode ``text``.
        windows: The pages of each request; one where all fits, none in mode ``text``.
        report: Text tokens, visual tokens (marks included) and their ratio, in either mode.
        budget: The window and what of it is kept for question and answer.
        left_out: Stretches of the context that are not sent, under ``overflow="hybrid"``.
        overflow_note: What was done to fit the context into one request; empty where it fits as
            it was given, or is read in windows.
        sidecars: The exact strings that go along as text, for each window; empty where none may.
        picture_dpi: The lowest resolution of the source pages that are shown as pictures; None
            where there are none.
    """

    mode: Literal["pages", "text"]
    documents: tuple[PlannedDocument, ...] = field(repr=False)
    pages: tuple[Page, ...] = field(repr=False)
    windows: tuple[Window, ...]
    report: CompressionReport
    budget: Budget
    left_out: tuple[LeftOutText, ...] = field(default=(), repr=False)
    overflow_note: str = ""
    sidecars: tuple[Sidecar, ...] = field(default=(), repr=False)
    picture_dpi: int | None = None

    @property
    def configs(self) -> tuple[RenderConfig, ...]:
        """The θ of the pages, each once; several only under ``config="auto"``."""
        return tuple(dict.fromkeys(planned.config for planned in self.documents))

    @property
    def config(self) -> RenderConfig:
        """The θ of the first document's pages, and of all where ``configs`` has no other."""
        return self.documents[0].config

    def config_of(self, page: int) -> RenderConfig:
        """Returns the θ of a page, by its position in ``pages``.

        Raises:
            IndexError: There is no such page.
        """
        for planned in self.documents:
            if planned.start_page <= page < planned.stop_page:
                return planned.config
        raise IndexError(f"page must be in 0..{len(self.pages) - 1}; got {page}")

    @cached_property
    def text(self) -> str:
        """What is sent, as text: the documents with an empty line between them."""
        return DOCUMENT_GAP.join(planned.document.text for planned in self.documents)

    @cached_property
    def page_spans(self) -> tuple[tuple[int, int], ...]:
        """The chars of ``text`` on each page, in order."""
        return tuple(
            (planned.start + page.char_span[0], planned.start + page.char_span[1])
            for planned in self.documents
            for page in self.pages[planned.start_page : planned.stop_page]
        )

    @property
    def window(self) -> int:
        """All tokens a request may have."""
        return self.budget.window

    @property
    def reserve(self) -> int:
        """What of the window is kept for the answer, the question and the chat's frame."""
        return self.budget.reserve

    @property
    def visual_tokens(self) -> int:
        """What all pages take, marks included; 0 in mode ``text``."""
        return sum(window.visual_tokens for window in self.windows)

    @property
    def pictures(self) -> int:
        """How many pages show a source page as it is; the others are drawn text."""
        return sum(page.is_picture for page in self.pages)

    @property
    def exact_strings(self) -> int:
        """How many exact strings go along as text, summed over the windows."""
        return sum(sidecar.sent for sidecar in self.sidecars)

    @property
    def exact_left_out(self) -> int:
        """How many exact strings did not fit the cap and can only be read off the pages."""
        return sum(sidecar.left_out for sidecar in self.sidecars)

    @property
    def exact_text_tokens(self) -> int:
        """What the exact strings take, in the text tokens of ``report``."""
        return sum(sidecar.text_tokens for sidecar in self.sidecars)

    @property
    def replaced(self) -> int:
        """How many chars no font has; they are drawn as the replacement."""
        return sum(page.replaced for page in self.pages)

    def with_exact_strings(self, counter: TextTokenCounter, most: int) -> Plan:
        """Returns the plan with the exact strings of its pages beside them, as text.

        Args:
            counter: Who counts text tokens.
            most: The most text tokens they may take in a request; 0 sends none.
        """
        if not most or not self.pages:
            return self
        maker = SidecarMaker(self.text, self.page_spans, counter)
        windows, sidecars = divide_with_sidecars(self.pages, self.budget, maker, most)
        return replace(self, windows=windows, sidecars=sidecars)

    def cheapest(self) -> Plan:
        """Returns the plan in mode ``text`` if that costs no more than pages and strings do."""
        cost = self.visual_tokens + self.exact_text_tokens
        if self.pictures or self.report.text_tokens > min(cost, self.budget.context):
            return self
        bare = (replace(planned, start_page=0, stop_page=0) for planned in self.documents)
        return replace(self, mode="text", documents=tuple(bare), pages=(), windows=(), sidecars=())

    def locate(self, offset: int) -> Location:
        """Finds the file, line and source page of a char of ``text``.

        Raises:
            IndexError: The offset is outside the text.
        """
        if not 0 <= offset < len(self.text):
            raise IndexError(f"offset must be in 0..{len(self.text) - 1}; got {offset}")
        starts = [planned.start for planned in self.documents]
        planned = self.documents[bisect_right(starts, offset) - 1]
        # The gap behind a document counts as its last char.
        return planned.document.locate(min(offset - planned.start, len(planned.document.text) - 1))

    def summary(self) -> dict[str, Any]:
        """Returns the plan's figures as plain values, ready for JSON.

        ``visual_tokens`` includes ``page_marks``, the two marks around each page; servers leave
        them out of the visual tokens that ``Usage`` holds.
        """
        return {
            "mode": self.mode,
            "documents": [planned.document.name for planned in self.documents],
            "chars": len(self.text),
            "pages": len(self.pages),
            "pictures": self.pictures,
            "picture_dpi": self.picture_dpi,
            "source_pages": [asdict(page) for page in self._shown_source_pages()],
            "text_tokens": self.report.text_tokens,
            "tokenizer": self.report.tokenizer,
            "visual_tokens": self.report.visual_tokens,
            "page_marks": PAGE_MARKS * len(self.pages),
            "compression_ratio": round(self.report.ratio, 3),
            "window": self.budget.window,
            "reserve": self.budget.reserve,
            "requests": max(1, len(self.windows)),
            "exact_strings": self.exact_strings,
            "exact_left_out": self.exact_left_out,
            "exact_text_tokens": self.exact_text_tokens,
            "replaced_chars": self.replaced,
            "theta": self.config.theta_hash,
            "thetas": [config.theta_hash for config in self.configs],
            "overflow_note": self.overflow_note,
            "left_out": [asdict(part) for part in self.left_out],
        }

    def _shown_source_pages(self) -> Iterator[SourcePage]:
        for planned in self.documents:
            yield from (page for page in planned.document.source_pages if page.kind == "picture")

    def _told_strings(self) -> str:
        """Tells what goes along as text; empty where the pages hold no exact strings."""
        if not self.exact_strings + self.exact_left_out:
            return ""
        sent = f"{counted(self.exact_strings, 'exact string')} as text"
        cost = f"{counted(self.exact_text_tokens, 'text token')}"
        left = f"; {self.exact_left_out:,} did not fit" if self.exact_left_out else ""
        return f"\n{sent}, {cost}{left}"

    def __str__(self) -> str:
        """Writes the plan as two lines for people, and more where there is more to tell."""
        form = "text" if self.mode == "text" else counted(len(self.pages), "page")
        if self.pictures:
            form += f" ({self.pictures:,} of them source pages at {self.picture_dpi} dpi)"
        requests = counted(max(1, len(self.windows)), "request")
        each = ", each" if len(self.windows) > 1 else ""
        room = f"{self.budget.context:,} of a window of {self.budget.window:,} tokens"
        note = f"\n{self.overflow_note}" if self.overflow_note else ""
        told = self._told_strings()
        return f"{self.report}\n{form} in {requests}{each} of up to {room}{told}{note}"
