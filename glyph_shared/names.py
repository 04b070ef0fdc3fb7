"""Names of options and settings: a misspelt one is told, with the one that was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from glyph_shared.errors import ConfigError


def check_names(whose: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuses an option that there is not.

    Args:
        whose: What takes the options.
        given: The names that are to be checked.
        known: All names that there are.

    Raises:
        ConfigError: A name is not known.
    """
    allowed = sorted(known)
    if unknown := sorted(set(given).difference(allowed)):
        raise ConfigError(
            f"{whose} has no option {unknown[0]!r}{did_you_mean(unknown[0], allowed)}; "
            f"there are {allowed}"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the question for the known name nearest to this one; nothing if none is near."""
    near = get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
