"""What an arm gives back for a question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from glyph_shared import Document, Page, RenderConfig
from glyph_shared.asking import Usage
from llama_index_glyph.compare.questions import Question


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that is put before a model.

    Attributes:
        document: The document's name.
        start: Where the stretch begins in the document's text.
        content: The stretch, or all of the document.
        score: What the retriever gave it; None where none did.
    """

    document: str
    start: int
    content: Document
    score: float | None = None

    @property
    def end(self) -> int:
        """One past the last char in the document's text."""
        return self.start + len(self.content.text)

    @classmethod
    def whole(cls, document: Document) -> Passage:
        """Returns all of a document."""
        return cls(document.name, 0, document)


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page that the model saw.

    Attributes:
        page: The page.
        config: The θ that drew it.
        document: The document's name.
        offset: What is added to the page's ``char_span`` to count in the document's text.
        cited: Whether the answer's words were found on it, or the model cited it.
    """

    page: Page
    config: RenderConfig
    document: str
    offset: int
    cited: bool

    @property
    def start(self) -> int:
        """First char of the document's text on the page."""
        return self.page.char_span[0] + self.offset

    @property
    def end(self) -> int:
        """One past the last."""
        return self.page.char_span[1] + self.offset


NO_USAGE = Usage()

Stretch = tuple[str, int, int]
"""A document's name, and chars of its text."""


@dataclass(frozen=True)
class Reading:
    """An answer and how it came about.

    Attributes:
        answer: The answer's text.
        refused: The model said that what it was shown does not hold the answer.
        retrieved: What was retrieved, best first; None where nothing is retrieved.
        shown: The stretches that the model was shown; None means all documents.
        pages: The pages it was shown, as far as they are worth keeping.
        page_count: How many there were.
        usage: What it cost, as the server counted.
        text_tokens: The text tokens of what was shown, by a text-token counter.
        tokenizer: That counter's name.
        render_s: Seconds to count and draw, pages kept from before included.
        retrieve_s: Seconds to retrieve.
        first_token_s: Seconds until the first piece of the answer; None if untold. Where pages are
            read in several requests, the answer is one piece, and this is the total.
        total_s: Seconds for all of it.
        model: The model that answered.
        note: What was left out or done to make it fit.
    """

    answer: str
    refused: bool = False
    retrieved: tuple[Passage, ...] | None = None
    shown: tuple[Stretch, ...] | None = None
    pages: tuple[ShownPage, ...] = ()
    page_count: int = 0
    usage: Usage = NO_USAGE
    text_tokens: int | None = None
    tokenizer: str | None = None
    render_s: float = 0.0
    retrieve_s: float = 0.0
    first_token_s: float | None = None
    total_s: float = 0.0
    model: str | None = None
    note: str = ""


Arm = Callable[[Question], Awaitable[Reading]]
"""Answers a question in its own way. Any coroutine function will do, of any framework."""

Values = dict[str, Any]
"""JSON values by name."""
