"""Numbers as the report writes them; what is unknown is a dash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "–"


def count(value: float | None) -> str:
    """Returns a number of things: a fraction, as of a mean, has one digit below 100."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value >= 100 or float(value).is_integer() else f"{value:,.1f}"


def share(value: float | None) -> str:
    """Returns a score from 0 to 1 with two digits."""
    return UNKNOWN if value is None else f"{value:.2f}"


def seconds(value: float | None) -> str:
    """Returns seconds with two digits behind the point."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def milliseconds(value: float | None) -> str:
    """Returns seconds with three digits behind the point."""
    return UNKNOWN if value is None else f"{value:,.3f}"


def money(value: float | None) -> str:
    """Returns an amount with two digits, or with two that are not zero if it is small."""
    if value is None:
        return UNKNOWN
    return f"{value:,.2f}" if value == 0 or value >= 1 else f"{value:.2g}"


def signed(value: float) -> str:
    """Returns a difference with its sign; the minus is as wide as the plus."""
    shown = f"{value:+.2f}"
    return "±0.00" if float(shown) == 0 else shown.replace("-", "−")


def plain(value: Any) -> str:
    """Returns a setting or a fact of the corpus as words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{words(str(key))} {plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else str(value)


def words(key: str) -> str:
    """Returns a key of the summary as words."""
    return key.replace("_", " ")
