"""A context at one θ, drawn and counted, and how it becomes a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glyph_shared.documents import Document
from glyph_shared.planning.budget import Budget, divide
from glyph_shared.planning.counters import TextTokenCounter
from glyph_shared.planning.denser import densify, em_px
from glyph_shared.planning.drawing import Drawn, draw
from glyph_shared.planning.hybrid import LeftOutText, retrieve
from glyph_shared.planning.picture_pages import PICTURE_DPI
from glyph_shared.planning.plan import DOCUMENT_GAP, Plan, PlannedDocument
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.thetas import Thetas
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import PageStore, RenderConfig


@dataclass(frozen=True)
class Draft:
    """What is known of a context before it is decided how it is sent.

    Attributes:
        documents: The context.
        thetas: What draws each document.
        counter: Counts its text tokens.
        budget: The room there is.
        text_gate: Whether text that costs no more than its pages stays text.
        drawn: Its pages, or what they would cost.
        text_tokens: What it costs as text.
        left_out: Stretches that are not in ``documents`` any more.
        overflow_note: What was done to make the context fit.
        store: Where pages are kept and taken from; None draws without.
    """

    documents: Sequence[Document]
    thetas: Thetas
    counter: TextTokenCounter
    budget: Budget
    text_gate: bool
    drawn: Drawn
    text_tokens: int
    left_out: tuple[LeftOutText, ...] = ()
    overflow_note: str = ""
    store: PageStore | None = None

    @classmethod
    def measure(
        cls,
        documents: Sequence[Document],
        thetas: Thetas,
        counter: TextTokenCounter,
        budget: Budget,
        *,
        text_gate: bool,
        keep_all: bool,
        store: PageStore | None = None,
    ) -> Draft:
        """Counts and draws a context; ``keep_all`` keeps pages beyond one request too."""
        text_tokens = _count(counter, documents)
        drawn = draw(documents, thetas.renderer_of, budget, keep_all=keep_all, store=store)
        return cls(documents, thetas, counter, budget, text_gate, drawn, text_tokens, store=store)

    @property
    def report(self) -> CompressionReport:
        """What the context costs in either form."""
        return CompressionReport(self.text_tokens, self.drawn.visual_tokens, self.counter.name)

    @property
    def as_text(self) -> bool:
        """Tells whether the context goes along as text, which must be all, no dearer, and fit."""
        if self.drawn.picture_dpi is not None:
            return False
        most = min(self.drawn.visual_tokens, self.budget.context)
        return self.text_gate and self.text_tokens <= most

    def plan(self, exact_text_tokens: int) -> Plan:
        """Returns the plan of a context that fits, with so many text tokens of exact strings."""
        pages = () if self.as_text else tuple(self.drawn.pages)
        counts = [0] * len(self.documents) if self.as_text else self.drawn.counts
        made = Plan(
            mode="text" if self.as_text else "pages",
            documents=_placed(self.documents, counts, self.thetas),
            pages=pages,
            windows=divide(pages, self.budget),
            report=self.report,
            budget=self.budget,
            left_out=self.left_out,
            overflow_note="; ".join(filter(None, (self.overflow_note, self._picture_note()))),
            picture_dpi=self.drawn.picture_dpi,
        ).with_exact_strings(self.counter, exact_text_tokens)
        return made.cheapest() if self.text_gate else made

    def _picture_note(self) -> str:
        """Tells at which resolution pictures had to be drawn to fit; empty where it is the full."""
        dpi = self.drawn.picture_dpi
        if dpi is None or dpi == PICTURE_DPI:
            return ""
        return f"source pages drawn at {dpi} dpi instead of {PICTURE_DPI} to fit"

    def denser(self) -> Draft:
        """Returns the draft at the least dense θ that fits.

        Raises:
            OverLengthError: None does that is still legible.
        """

        def at(config: RenderConfig) -> Drawn:
            thetas = self.thetas.at(config)
            return draw(self.documents, thetas.renderer_of, self.budget, store=self.store)

        lead = self.thetas.lead(self.documents)
        rung, drawn = densify(lead, self.drawn, self.budget, at)
        thetas = self.thetas.at(rung)
        note = f"denser: {self._changes(thetas)}; nothing was left out"
        return replace(self, thetas=thetas, drawn=drawn, overflow_note=note)

    def _changes(self, thetas: Thetas) -> str:
        """Tells how each θ of the documents has changed; each change once."""
        changed = (
            _changes(self.thetas.config_of(document), thetas.config_of(document))
            for document in self.documents
        )
        return "; ".join(dict.fromkeys(filter(None, changed)))

    def hybrid(self, question: str) -> Draft:
        """Returns the draft of the passages nearest to a question.

        Raises:
            ConfigError: There is no question.
            OverLengthError: No passage is found, or not even one fits.
        """

        def drawing(documents: Sequence[Document]) -> Drawn:
            return draw(documents, self.thetas.renderer_of, self.budget, store=self.store)

        found = retrieve(self.documents, question, self.drawn, self.budget, drawing)
        chars = sum(len(document.text) for document in self.documents)
        left = sum(part.char_span[1] - part.char_span[0] for part in found.left_out)
        note = (
            f"hybrid: {found.passages:,} of {counted(found.of, 'passage')} sent, chosen by BM25; "
            f"{left:,} of {counted(chars, 'char')} left out"
        )
        return replace(
            self,
            documents=found.documents,
            drawn=found.drawn,
            text_tokens=_count(self.counter, found.documents),
            left_out=found.left_out,
            overflow_note=note,
        )


def _count(counter: TextTokenCounter, documents: Sequence[Document]) -> int:
    return sum(counter.count(document.text) for document in documents)


def _changes(asked: RenderConfig, config: RenderConfig) -> str:
    changes = []
    if config.newline_markup != asked.newline_markup:
        changes.append("line breaks drawn as marks")
    if config.dpi < asked.dpi:
        changes.append(
            f"{config.dpi:g} dpi instead of {asked.dpi:g} ({em_px(config):.3g} px per em), which "
            "is read less reliably"
        )
    return ", ".join(changes)


def _placed(
    documents: Sequence[Document], counts: Sequence[int], thetas: Thetas
) -> tuple[PlannedDocument, ...]:
    placed: list[PlannedDocument] = []
    start, page = 0, 0
    for document, count in zip(documents, counts, strict=True):
        config, kind = thetas.config_of(document), thetas.kind_of(document)
        placed.append(PlannedDocument(document, start, page, page + count, config, kind))
        start += len(document.text) + len(DOCUMENT_GAP)
        page += count
    return tuple(placed)
