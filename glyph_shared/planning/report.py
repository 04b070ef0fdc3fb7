"""What pages save: text tokens against visual tokens, never without the tokenizer's name."""

from __future__ import annotations

from dataclasses import dataclass

from glyph_shared.errors import ConfigError
from glyph_shared.planning.wording import counted


@dataclass(frozen=True, slots=True)
class CompressionReport:
    """Tokens of a context as text and as pages.

        print(plan.report)      # 239,002 text tokens (cl100k_base) / 71,928 visual tokens = 3.32

    Attributes:
        text_tokens: What the context costs as text.
        visual_tokens: What its pages cost, with the two marks around each.
        tokenizer: Who counted the text tokens.
    """

    text_tokens: int
    visual_tokens: int
    tokenizer: str

    def __post_init__(self) -> None:
        if self.visual_tokens < 1 or self.text_tokens < 0:
            raise ConfigError(
                "a report needs at least one visual token and no negative count; got "
                f"{self.text_tokens} text tokens and {self.visual_tokens} visual tokens"
            )

    @property
    def ratio(self) -> float:
        """The compression ratio ρ: text tokens per visual token."""
        return self.text_tokens / self.visual_tokens

    def __str__(self) -> str:
        """Writes both counts, the tokenizer and the ratio on one line."""
        return (
            f"{counted(self.text_tokens, 'text token')} ({self.tokenizer}) / "
            f"{counted(self.visual_tokens, 'visual token')} = {self.ratio:.2f}"
        )
