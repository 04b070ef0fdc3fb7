"""How messages are drawn for models that see images and know nothing of pages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TypedDict

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyph_shared import ConfigError, RenderConfig, pages_of_history
from glyph_shared.asking.history import DEFAULT_KEEP_LAST, DEFAULT_THRESHOLD_TOKENS
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS
from glyph_shared.asking.material import warn_replaced
from glyph_shared.names import check_names
from glyph_shared.planning import DEFAULT_EXACT_TEXT_TOKENS, DEFAULT_MAX_TOKENS
from glyph_shared.rendering import default_store
from langchain_glyph.counting import chat_tokens
from langchain_glyph.errors import told_to_langchain
from langchain_glyph.settings import Limits
from langchain_glyph.wire_messages import WireMessages


class DrawingOptions(TypedDict, total=False):
    """What may be said of how messages are drawn; all may be left out."""

    config: RenderConfig | None
    """θ; preset ``en`` by default."""
    long_text_tokens: int
    """From how many text tokens on a single text is drawn; 4096 by default."""
    threshold_tokens: int
    """Older turns are drawn once they have so many text tokens together; 8192 by default."""
    keep_last: int
    """How many turns at the end stay text; 4 by default."""
    exact_text_tokens: int
    """The most text tokens that exact strings of the pages may take as text; 2048 by default."""
    context_window: int
    """Tokens a request may have, as GLM-4.1V counts them; 0, the default, leaves it to the model.
    """


class Drawing(BaseModel):
    """How messages are drawn: checked options, and what is done by them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: RenderConfig | None = None
    long_text_tokens: int = Field(default=DEFAULT_LONG_TEXT_TOKENS, ge=1)
    threshold_tokens: int = Field(default=DEFAULT_THRESHOLD_TOKENS, ge=1)
    keep_last: int = Field(default=DEFAULT_KEEP_LAST, ge=1)
    exact_text_tokens: int = Field(default=DEFAULT_EXACT_TEXT_TOKENS, ge=0)
    context_window: int = Field(default=0, ge=0)

    @classmethod
    def of(cls, options: DrawingOptions) -> Drawing:
        """Checks options.

        Raises:
            ConfigError: A name is unknown, or a value impossible.
        """
        check_names("a drawing", options, cls.model_fields)
        try:
            return cls(**options)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
        name = ".".join(map(str, problem["loc"]))
        raise ConfigError(f"{name}: {problem['msg']}; got {problem['input']!r}")

    def drawn(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Returns messages with pages in place of what is long; those given are not changed.

        Raises:
            ContextOverflowError: They need more than ``context_window``.
            InputError: There is nothing to answer, or a page that is named is gone.
        """
        wire, window = WireMessages(messages), self.context_window
        with told_to_langchain():
            paged = pages_of_history(
                wire.mappings,
                config=self.config,
                window=window or sys.maxsize,
                max_tokens=min(DEFAULT_MAX_TOKENS, window // 8 or DEFAULT_MAX_TOKENS),
                store=default_store(),
                **self._limits,
            )
        warn_replaced(paged.replaced)
        return wire.came_back(paged.messages)

    def tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Returns what messages take of GLM-4.1V's window once they are drawn."""
        return chat_tokens(WireMessages(messages).mappings, self.config, self._limits)

    def key(self) -> dict[str, Any]:
        """Returns what pages depend on beside the messages, for the key of a cached answer."""
        return {**self._limits, "theta": self.config.theta_hash if self.config else None}

    @property
    def _limits(self) -> Limits:
        return {
            "threshold_tokens": self.threshold_tokens,
            "long_text_tokens": self.long_text_tokens,
            "keep_last": self.keep_last,
            "exact_text_tokens": self.exact_text_tokens,
        }
