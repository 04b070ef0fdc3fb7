"""What follows from the options of a call and from what the server says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from glyph_shared.asking.options import Combine, Options
from glyph_shared.asking.prompts import NOT_ON_PAGES
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.wire import GlyphEntry, ModelEntry
from glyph_shared.errors import ConfigError
from glyph_shared.planning import DEFAULT_EXACT_TEXT_TOKENS, Overflow, TextTokenCounter

UNTOLD_WINDOW = 131_072
"""The window of zai-org/Glyph, for servers that do not tell theirs."""
_PAGE_NUMBER_CHARS = 10
_NOT_WORD = re.compile(r"\W+")


@dataclass(frozen=True)
class Setting:
    """Options and server together; what neither of them says is decided here.

    Attributes:
        options: What the caller asks for.
        card: What the server says of the model.
        sampling: How the model chooses its tokens.
        counter: The server's own count of text tokens, which it may turn out not to have.
    """

    options: Options
    card: ModelEntry
    sampling: Sampling
    counter: TextTokenCounter

    @property
    def glyph(self) -> GlyphEntry:
        """What the server says of itself; the defaults where it says nothing."""
        return self.card.glyph or GlyphEntry()

    @property
    def combine(self) -> Combine:
        """How windows' answers become one."""
        named = self.options.combine
        if named is None and (self.glyph.combine == "best_supported" or self.reads_chars):
            named = "best_supported"
        return named or "summarise"

    @property
    def cite(self) -> bool:
        """Whether the prompt asks for page citations."""
        if self.options.cite is not None:
            return self.options.cite
        if self.options.answer_schema is not None:
            return False
        return self.combine == "summarise" or self.options.refine is not None

    @property
    def overflow(self) -> Overflow:
        """What happens to text beyond the window."""
        by_model: Overflow = "map_reduce" if self.combine == "best_supported" else "error"
        return self.options.overflow or by_model

    @property
    def max_pages(self) -> int | None:
        """The most pages one request may have, by caller and by server; None without a limit."""
        limits = (self.options.max_pages, self.glyph.max_pages)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def reads_chars(self) -> bool:
        """Whether the model has a token per char, which no counter of text tokens counts by.

        The embedded reader does. It reads pages and one question, and no other text.
        """
        return self.card.reads_chars(self.options.config)

    @property
    def text_gate(self) -> bool:
        """Whether text that costs no more than its pages may go along as text."""
        return self.glyph.text_gate and not self.reads_chars

    @property
    def exact_text_tokens(self) -> int:
        """The most text tokens that a request's exact strings may take."""
        if self.reads_chars:
            return 0
        asked = self.options.exact_text_tokens
        return DEFAULT_EXACT_TEXT_TOKENS if asked is None else asked

    def check(self) -> None:
        """Refuses what this model or its server cannot do.

        Raises:
            ConfigError: It cannot.
        """
        if self.options.answer_schema is not None and self.reads_chars:
            raise ConfigError(
                "answer_schema is not for the embedded reader, which copies a fact off a page as "
                "it stands there; ask zai-org/Glyph on vLLM (glyph serve)"
            )
        self._check_refine()

    def _check_refine(self) -> None:
        how = self.options.refine
        if how is not None and self.reads_chars:
            raise ConfigError(
                f"refine={how!r} is not for the embedded reader: it reads pages of its own θ "
                "alone, none at a higher dpi, and no text but the question; leave refine out"
            )
        if how == "hidpi" and self.glyph.theta:
            raise ConfigError(
                "refine='hidpi' draws pages at a higher dpi, and this server reads pages of its "
                f"own θ only ({' '.join(self.glyph.theta)}); use refine='text' or leave it out"
            )

    @property
    def told_window(self) -> int | None:
        """All tokens a request may have, by caller and by server; None if neither says."""
        limits = (self.options.window, self.card.max_model_len)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def window(self) -> int:
        """All tokens a request may have."""
        return self.told_window or UNTOLD_WINDOW

    @property
    def max_tokens(self) -> int:
        """The longest reply; unless it was asked for, most of a small window is left to pages."""
        if self.options.max_tokens is not None:
            return self.options.max_tokens
        if self.told_window is None:
            return self.sampling.max_tokens
        return min(self.sampling.max_tokens, max(1, self.told_window // 8))

    @property
    def refusal(self) -> str:
        """The sentence by which the model says that the answer is not there."""
        return self.glyph.refusal or NOT_ON_PAGES

    def is_refusal(self, text: str) -> bool:
        """Tells whether a reply is that sentence, or the one a prompt asked for.

        Punctuation does not count, nor does a page number that a model puts behind it.
        """
        plain = _plain(text)
        return any(
            plain.startswith(refusal) and len(plain) <= len(refusal) + _PAGE_NUMBER_CHARS
            for refusal in (_plain(self.refusal), _plain(NOT_ON_PAGES))
        )


def _plain(text: str) -> str:
    return _NOT_WORD.sub(" ", text).strip().casefold()
