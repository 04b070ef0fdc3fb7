"""What a window has room for, and what fits where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glyph_shared.errors import ConfigError, OverLengthError
from glyph_shared.rendering import Page

PAGE_MARKS = 2
"""GLM-4.1V puts a begin and an end mark around each image."""

CHAT_FRAME = 6
"""``[gMASK]<sop><|user|>``, two line ends and ``<|assistant|>`` around a question (vLLM 0.32)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Room in a model's window.

    Attributes:
        window: All tokens a request may have, the answer included.
        max_tokens: Kept for the answer; 0 to ask what the context alone needs.
        question_tokens: Taken by the text that goes with the pages.
        max_pages: Images one request may have; None where the server sets no limit.
    """

    window: int
    max_tokens: int
    question_tokens: int = 0
    max_pages: int | None = None

    def __post_init__(self) -> None:
        most = 1 if self.max_pages is None else self.max_pages
        given = {"window": self.window, "max_tokens": self.max_tokens, "max_pages": most}
        for name, value in given.items():
            if not isinstance(value, int):
                raise ConfigError(f"{name} must be a whole number; got {value!r}")
        if self.window < 1:
            raise ConfigError(f"window must be positive; got {self.window}")
        if self.max_tokens < 0:
            raise ConfigError(f"max_tokens must not be negative; got {self.max_tokens}")
        if most < 1:
            raise ConfigError(f"max_pages must be positive or None; got {most}")
        if self.context < 1:
            raise self._no_room()

    def _no_room(self) -> OverLengthError:
        taken, cure = f"max_tokens ({self.max_tokens:,}, kept for the answer) leaves", ""
        if self.question_tokens:
            taken = (
                f"max_tokens ({self.max_tokens:,}, kept for the answer) and the question "
                f"({self.question_tokens:,} tokens) leave"
            )
            cure = "shorten the question, "
        return OverLengthError(
            f"{taken} no room for the context in a window of {self.window:,} tokens; {cure}lower "
            "max_tokens or raise window",
            needed=self.reserve,
            limit=self.window,
        )

    @property
    def reserve(self) -> int:
        """What the answer, the question and the chat's frame take."""
        return self.max_tokens + self.question_tokens + CHAT_FRAME

    @property
    def context(self) -> int:
        """What is left for the context, as text or as pages."""
        return self.window - self.reserve

    def holds(self, visual_tokens: int, pages: int) -> bool:
        """Tells whether pages of this cost, marks included, fit one request."""
        return visual_tokens <= self.context and (self.max_pages is None or pages <= self.max_pages)


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive pages that go into one request.

    Attributes:
        start_page: Position of the first page in ``Plan.pages``.
        stop_page: One past the last.
        visual_tokens: Their cost, marks included.
    """

    start_page: int
    stop_page: int
    visual_tokens: int


def page_cost(page: Page) -> int:
    """Returns what a page takes of a window: its visual tokens and the two marks."""
    return page.visual_tokens + PAGE_MARKS


def divide(pages: Sequence[Page], budget: Budget) -> tuple[Window, ...]:
    """Divides pages into as few windows as their order allows.

    Raises:
        OverLengthError: One page alone is more than a window holds.
    """
    windows: list[Window] = []
    start, spent = 0, 0
    for position, page in enumerate(pages):
        cost = page_cost(page)
        if not budget.holds(cost, 1):
            raise OverLengthError(
                f"page {position} alone needs {cost:,} visual tokens and a window of "
                f"{budget.window:,} has {budget.context:,} for pages; use a smaller page_size or "
                "dpi, or lower max_tokens",
                needed=cost,
                limit=budget.context,
            )
        if not budget.holds(spent + cost, position + 1 - start):
            windows.append(Window(start, position, spent))
            start, spent = position, 0
        spent += cost
    return (*windows, Window(start, len(pages), spent)) if pages else ()
