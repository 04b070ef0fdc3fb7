"""What the embedded reader, which reads pages and one question, cannot be asked for."""

from __future__ import annotations

from collections.abc import Sequence

from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ConfigError
from glyph_shared.planning import ConfigChoice


def asks_reader(
    entry: ModelEntry, config: ConfigChoice, *, wanted: Sequence[str], draws_pages: bool
) -> bool:
    """Tells whether a chat must go through ``GlyphClient.chat``, as the embedded reader needs it.

    Args:
        entry: What the server says of the model.
        config: The caller's θ.
        wanted: What the caller asks for that takes a larger model, as ``tools``.
        draws_pages: Whether long text may be drawn.

    Raises:
        ConfigError: It is the reader, and is asked for what it cannot do.
    """
    if not entry.reads_chars(config):
        return False
    if wanted:
        raise ConfigError(
            f"the embedded reader looks facts up and takes no {wanted[0]}; ask zai-org/Glyph "
            "on vLLM (glyph serve)"
        )
    if not draws_pages:
        raise ConfigError(
            "draws_pages must be True for the embedded reader, which reads no text; got False"
        )
    return True
