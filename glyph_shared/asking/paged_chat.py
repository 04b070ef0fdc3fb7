"""A chat as it is sent: its messages, what is on its pages, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from glyph_shared.asking.prompts import Messages
from glyph_shared.errors import OverLengthError
from glyph_shared.planning import CHAT_FRAME, PAGE_MARKS, CompressionReport, Sidecar, counted
from glyph_shared.rendering import Page

_TURN_FRAME = 2
"""A role's mark and a line end, in GLM-4.1V's chat format."""


@dataclass(frozen=True)
class PagedChat:
    """A chat as it is sent, and what it costs.

    Attributes:
        messages: The messages for the wire.
        pages: The pages of the older turns, then those of long texts, in order.
        text: What is on them.
        page_spans: The chars of ``text`` on each page.
        turns_drawn: How many turns are on pages.
        turns_kept: How many stay text.
        drawn_text_tokens: What the turns on pages would cost as text.
        long_text_tokens: What the long texts on pages would cost as text.
        kept_text_tokens: What goes along as text: system messages, the last turns, exact strings.
        visual_tokens: What pages and images cost, the marks around each included. Of images only
            those that come as PNG data are counted.
        images: How many images, or other parts that are no text, the chat brings itself.
        sidecar: The exact strings of the pages, which go along as text.
        tokenizer: Who counted the text tokens.
        max_tokens: What was kept free for the answer.
        linked_pages: How many of the images are pages that the chat names, see ``page_link``.
    """

    messages: Messages = field(repr=False)
    pages: tuple[Page, ...] = field(repr=False)
    text: str = field(repr=False)
    page_spans: tuple[tuple[int, int], ...] = field(repr=False)
    turns_drawn: int
    turns_kept: int
    drawn_text_tokens: int
    long_text_tokens: int
    kept_text_tokens: int
    visual_tokens: int
    images: int
    sidecar: Sidecar = field(repr=False)
    tokenizer: str
    max_tokens: int
    linked_pages: int = 0

    @property
    def prompt_tokens(self) -> int:
        """About what the request takes of the window, its answer left out."""
        frames = CHAT_FRAME + _TURN_FRAME * len(self.messages)
        return self.visual_tokens + self.kept_text_tokens + frames

    @property
    def report(self) -> CompressionReport:
        """What the pages cost, the marks around each included, and what their text would."""
        return CompressionReport(
            text_tokens=self.drawn_text_tokens + self.long_text_tokens,
            visual_tokens=sum(page.visual_tokens + PAGE_MARKS for page in self.pages),
            tokenizer=self.tokenizer,
        )

    def costs(self) -> dict[str, Any]:
        """Returns what the pages cost, and what their text would, as faces tell it."""
        linked = {"linked_pages": self.linked_pages} if self.linked_pages else {}
        if not self.pages:
            return {"pages": 0, **linked, "visual_tokens": 0}
        report = self.report
        return {
            "pages": len(self.pages),
            **linked,
            "visual_tokens": report.visual_tokens,
            "text_tokens": report.text_tokens,
            "tokenizer": report.tokenizer,
            "compression_ratio": round(report.ratio, 2),
            "exact_text_tokens": self.sidecar.text_tokens,
        }

    @property
    def replaced(self) -> int:
        """How many chars no font has; they are drawn as the replacement."""
        return sum(page.replaced for page in self.pages)


def check_room(paged: PagedChat, window: int, max_tokens: int, max_pages: int | None) -> None:
    """Refuses a chat that a request cannot hold.

    Raises:
        OverLengthError: It has too many images, or takes more than the window.
    """
    images = len(paged.pages) + paged.images
    if max_pages is not None and images > max_pages:
        raise OverLengthError(
            f"the chat has {counted(len(paged.pages), 'page')} of older turns and "
            f"{counted(paged.images, 'image')} of its own, and a request may have "
            f"max_pages={max_pages:,}; use a larger page_size, or raise the server's image limit",
            needed=images,
            limit=max_pages,
        )
    room = window - max_tokens
    if paged.prompt_tokens <= room:
        return
    raise OverLengthError(
        f"the chat needs about {paged.prompt_tokens:,} tokens and a window of {window:,} has "
        f"{room:,} for it, {max_tokens:,} being kept for the answer: "
        f"{paged.visual_tokens:,} visual tokens for {counted(paged.turns_drawn, 'older turn')} "
        f"({paged.drawn_text_tokens:,} text tokens by {paged.tokenizer}) and long texts "
        f"({paged.long_text_tokens:,}), and "
        f"{paged.kept_text_tokens:,} text tokens for the system messages and the last "
        f"{counted(paged.turns_kept, 'turn')}; lower keep_last or threshold_tokens, use a denser "
        "θ or a larger window, or sum up the oldest turns",
        needed=paged.prompt_tokens,
        limit=room,
    )
