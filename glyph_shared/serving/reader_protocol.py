"""What the server asks of a reader; ``glyph_shared.reader.Reader`` is the one that ships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from glyph_shared.rendering import RenderConfig


class Token(Protocol):
    """One piece of an answer."""

    @property
    def id(self) -> int:
        """Its number in the vocabulary."""

    @property
    def text(self) -> str:
        """What it adds to the answer; empty for the end of the turn."""

    @property
    def logprob(self) -> float:
        """The natural logarithm of its probability."""

    @property
    def finish_reason(self) -> str | None:
        """``stop`` or ``length`` on the last token, else None."""


class PageReader(Protocol):
    """A model that reads pages of a fixed look and answers one question on them."""

    @property
    def name(self) -> str:
        """What clients call it."""

    @property
    def render_config(self) -> RenderConfig:
        """The look that a client should draw."""

    @property
    def accepted_thetas(self) -> tuple[str, ...]:
        """The hashes of every look it can read."""

    @property
    def max_model_len(self) -> int:
        """Its window in tokens, prompt and answer together."""

    @property
    def refusal(self) -> str:
        """What it answers when the pages do not hold the answer."""

    def generate(
        self, pages: Sequence[NDArray[np.uint8]], question: str, *, max_tokens: int
    ) -> Iterator[Token]:
        """Yields the answer's tokens; safe to call from several threads."""

    @property
    def max_pages(self) -> int:
        """How many pages it reads at a time."""

    def prompt_tokens(self, pages: Sequence[NDArray[np.uint8]], question: str) -> int:
        """Counts what a prompt costs, chat frame included."""

    def cached_tokens(self, pages: Sequence[NDArray[np.uint8]]) -> int:
        """Counts the tokens of a prompt on these pages that it need not read again."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, one token per char."""
