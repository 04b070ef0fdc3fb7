"""What the embedded reader, which reads pages and one question, cannot be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ConfigError
from glyph_shared.planning import ConfigChoice

_BEYOND = ("tools", "response_format", "stop")


def asks_reader(
    entry: ModelEntry, config: ConfigChoice, fields: Mapping[str, Any], *, draws_pages: bool
) -> bool:
    """Tells whether a chat must go as pages and one question, as the embedded reader needs it.

    Args:
        entry: What the server says of the model.
        config: The caller's θ.
        fields: The request's further fields, among which may be what takes a larger model.
        draws_pages: Whether long text may be drawn.

    Raises:
        ConfigError: It is the reader, and is asked for what it cannot do.
    """
    if not entry.reads_chars(config):
        return False
    wanted = [name for name in _BEYOND if fields.get(name)]
    if (fields.get("n") or 1) > 1:
        wanted.append("n above 1")
    if wanted:
        command = "glyph serve --tools" if wanted[0] == "tools" else "glyph serve"
        raise ConfigError(
            f"the embedded reader looks facts up and takes no {wanted[0]}; ask zai-org/Glyph "
            f"on vLLM ({command})"
        )
    if not draws_pages:
        raise ConfigError(
            "draws_pages must be True for the embedded reader, which reads no text; got False"
        )
    return True
