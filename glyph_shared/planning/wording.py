"""How numbers of things are written for people."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Returns ``1 page``, ``2 pages``.

    >>> counted(1, "page"), counted(1200, "page")
    ('1 page', '1,200 pages')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
