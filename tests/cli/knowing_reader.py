"""A reader that knows which page answers which question, and refuses on all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from tokenizers import Tokenizer, models

from glyph_shared.rendering import Page, RenderConfig


@dataclass(frozen=True)
class SpokenToken:
    id: int
    text: str
    logprob: float
    finish_reason: str | None = None


@dataclass
class KnowingReader:
    name: str = "glyph-reader"
    max_model_len: int = 4096
    max_pages: int = 4
    refusal: str = "Not on these pages."
    render_config: RenderConfig = field(default_factory=lambda: RenderConfig.preset("reader"))
    tokenizer: Tokenizer = field(default_factory=lambda: Tokenizer(models.WordLevel({"a": 0}, "a")))
    known: dict[tuple[bytes, str], str] = field(default_factory=dict)
    pages_seen: list[int] = field(default_factory=list)

    @property
    def accepted_thetas(self) -> tuple[str, ...]:
        return (self.render_config.theta_hash,)

    def learn(self, page: Page, question: str, answer: str) -> None:
        self.known[page.pixels.tobytes(), question] = answer

    def prompt_tokens(self, pages: Sequence[np.ndarray], question: str) -> int:
        return 6 + 322 * len(pages) + len(question)

    def cached_tokens(self, pages: Sequence[np.ndarray]) -> int:
        return 0

    def count_tokens(self, text: str) -> int:
        return len(text)

    def generate(
        self, pages: Sequence[np.ndarray], question: str, *, max_tokens: int
    ) -> Iterator[SpokenToken]:
        self.pages_seen.append(len(pages))
        keys = [(page.tobytes(), question) for page in pages]
        answers = [self.known[key] for key in keys if key in self.known]
        yield SpokenToken(7, answers[0] if answers else self.refusal, -0.1)
        yield SpokenToken(8, "", -0.1, "stop")
