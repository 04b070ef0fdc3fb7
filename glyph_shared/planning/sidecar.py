"""The sidecar: a request's exact strings as text, page by page, under a cap of text tokens."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from glyph_shared.errors import ConfigError
from glyph_shared.planning.budget import Budget, Window, divide, page_cost
from glyph_shared.planning.counters import TextTokenCounter
from glyph_shared.planning.exact import ExactKind, ExactString, find_exact_strings
from glyph_shared.rendering import Page

DEFAULT_EXACT_TEXT_TOKENS = 2048
"""Some 80 UUIDs, and 1.6 % of the paper's window."""

LONGEST_EXACT_STRING = 512
"""Chars. What is longer is data in the shape of a string; nobody asks for it char by char."""

# Of a small window pages may lose so much to strings.
_SHARE = 8
# What a reader cannot guess comes first: a URL is half words, an account number is not.
_RANK: dict[ExactKind, int] = {"uuid": 0, "iban": 0, "hex": 0, "number": 1, "email": 2, "url": 3}
_BETWEEN = " | "
_ALL = "Exact strings on the pages above, as text:"
_SOME = "Some of the exact strings on the pages above, as text:"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What goes along as text with the pages of one request.

    Attributes:
        text: A line for each page that has exact strings; empty where nothing goes along.
        sent: How many strings it holds, each once.
        left_out: How many did not fit.
        text_tokens: What it costs, by the plan's counter.
    """

    text: str = ""
    sent: int = 0
    left_out: int = 0
    text_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Placed:
    """An exact string and the position of the page on which it begins first."""

    page: int
    found: ExactString


class SidecarMaker:
    """Makes the sidecars of the windows of one context.

    The sidecar depends on the pages alone, never on the question: standing between the two, it
    is part of the prefix that a server's cache serves.

    Args:
        text: The context.
        page_spans: The chars of each page, in order.
        counter: Who counts text tokens; asked a few times for each window.
    """

    def __init__(
        self, text: str, page_spans: Sequence[tuple[int, int]], counter: TextTokenCounter
    ) -> None:
        # Pages that a caller chose may stand in any order.
        order = sorted(range(len(page_spans)), key=lambda page: page_spans[page])
        starts = [page_spans[page][0] for page in order]
        self._by_page: dict[int, list[_Placed]] = {}
        for found in find_exact_strings(text):
            position = bisect_right(starts, found.char_span[0]) - 1
            if position >= 0 and found.char_span[0] < page_spans[order[position]][1]:
                page = order[position]
                self._by_page.setdefault(page, []).append(_Placed(page, found))
        self._counter = counter

    def make(self, window: tuple[int, int], most: int) -> Sidecar:
        """Returns the sidecar of a half-open range of pages, of at most so many text tokens.

        Where not all fit, UUIDs, hexadecimal numbers and IBANs go first, then numbers, e-mail
        addresses and URLs, in the order of the text.
        """
        return self.make_for(range(*window), most)

    def make_for(self, pages: Iterable[int], most: int) -> Sidecar:
        """Returns the sidecar of single pages; see ``make``."""
        placed = self._each_once(pages)
        short = [one for one in placed if len(one.found.text) <= LONGEST_EXACT_STRING]
        short.sort(key=lambda one: _RANK[one.found.kind])
        # A string takes a token at least, so more of them than tokens need not be counted.
        sent, cost = self._fitting(short[: max(0, most)], len(placed), most)
        return Sidecar(
            text=_written(short[:sent], complete=sent == len(placed)),
            sent=sent,
            left_out=len(placed) - sent,
            text_tokens=cost,
        )

    def _each_once(self, pages: Iterable[int]) -> list[_Placed]:
        """Returns the strings of some pages, each where it stands first."""
        first: dict[str, _Placed] = {}
        for page in sorted(pages):
            for one in self._by_page.get(page, ()):
                first.setdefault(one.found.text, one)
        return list(first.values())

    def _fitting(self, ranked: Sequence[_Placed], total: int, most: int) -> tuple[int, int]:
        """Returns how many of the first strings fit, and what they cost."""
        fits, cost, beyond = 0, 0, len(ranked) + 1
        tried = len(ranked)
        while fits + 1 < beyond:
            needed = self._counter.count(_written(ranked[:tried], complete=tried == total))
            if needed <= most:
                fits, cost = tried, needed
            else:
                beyond = tried
            tried = (fits + beyond) // 2
        return fits, cost


def divide_with_sidecars(
    pages: Sequence[Page], budget: Budget, maker: SidecarMaker, most: int
) -> tuple[tuple[Window, ...], tuple[Sidecar, ...]]:
    """Divides pages into windows and makes the sidecar of each.

    Strings take the room that pages leave, so pages that fit one request still do. Where they need
    several, room is kept for the strings in each.

    Raises:
        OverLengthError: One page alone is more than a window holds.
    """
    windows = divide(pages, budget)
    if len(windows) > 1:
        whole = maker.make((0, len(pages)), most).text_tokens
        spare = budget.context - max(page_cost(page) for page in pages)
        kept = min(whole, budget.context // _SHARE, spare)
        windows = divide(
            pages, replace(budget, question_tokens=budget.question_tokens + max(0, kept))
        )
    sidecars = (
        maker.make(
            (window.start_page, window.stop_page), min(most, budget.context - window.visual_tokens)
        )
        for window in windows
    )
    return windows, tuple(sidecars)


def checked_exact_text_tokens(value: int) -> int:
    """Returns a cap that is 0 or more.

    Raises:
        ConfigError: It is not a whole number, or negative.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(
            "exact_text_tokens must be a whole number, 0 to send no exact strings as text; "
            f"got {value!r}"
        )
    return value


def _written(placed: Sequence[_Placed], *, complete: bool) -> str:
    if not placed:
        return ""
    by_page: dict[int, list[ExactString]] = {}
    for one in sorted(placed, key=lambda one: (one.page, one.found.char_span)):
        by_page.setdefault(one.page, []).append(one.found)
    lines = (
        f"page {page + 1}: {_BETWEEN.join(found.text for found in strings)}"
        for page, strings in by_page.items()
    )
    return "\n".join([_ALL if complete else _SOME, *lines])
