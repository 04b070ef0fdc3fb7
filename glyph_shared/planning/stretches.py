"""Parts of texts, found one by one, as stretches: what adjoins in a text is one again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic, TypeVar

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Placed(Generic[Part]):
    """A part of a text.

    Attributes:
        part: What a framework calls it.
        text: What it holds.
        start: Where it begins in the text it is from; None if that is not known.
    """

    part: Part
    text: str
    start: int | None


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Part]):
    """A stretch of one text, of one part or of several that adjoin.

    Attributes:
        text: The stretch.
        start: Where it begins in the text it is from; None if that is not known.
        parts: What it is made of, each with its place in ``text``; sorted.
    """

    text: str
    start: int | None
    parts: tuple[tuple[int, Part], ...]

    def part_at(self, offset: int) -> Part:
        """Returns the part that the char at ``offset`` belongs to, the last that begins there."""
        return self.parts[max(0, bisect_right(self.parts, offset, key=itemgetter(0)) - 1)][1]


def join_parts(parts: Iterable[Placed[Part]]) -> list[Stretch[Part]]:
    """Returns parts of one text as stretches, in reading order.

    A part that begins where the one before ends, or overlaps its end and agrees with it, goes on
    with its stretch. Those without a place come last, each on its own, in their order.
    """
    given = list(parts)
    placed = [(one.start, one) for one in given if one.start is not None]
    placed.sort(key=itemgetter(0))
    alone = [Stretch(one.text, None, ((0, one.part),)) for one in given if one.start is None]
    return [*_joined(placed), *alone]


def _joined(placed: list[tuple[int, Placed[Part]]]) -> Iterator[Stretch[Part]]:
    growing: _Growing[Part] | None = None
    for start, one in placed:
        if growing is not None and growing.takes(start, one):
            continue
        if growing is not None:
            yield growing.stretch()
        growing = _Growing(start, one)
    if growing is not None:
        yield growing.stretch()


class _Growing(Generic[Part]):
    """A stretch to which parts are added.

    Its end is held apart: what comes begins no earlier than what came, so nothing else is compared.
    """

    def __init__(self, start: int, first: Placed[Part]) -> None:
        self._start, self._end_start = start, start
        self._end = first.text
        self._pieces = [first.text]
        self._parts = [(0, first.part)]

    def takes(self, start: int, one: Placed[Part]) -> bool:
        """Adds a part; False if there is a gap before it, or they disagree in what they share."""
        at = start - self._end_start
        shared = self._end[at : at + len(one.text)]
        if at > len(self._end) or not one.text.startswith(shared):
            return False
        self._parts.append((start - self._start, one.part))
        if new := one.text[len(shared) :]:
            self._pieces.append(new)
            self._end, self._end_start = self._end[at:] + new, start
        return True

    def stretch(self) -> Stretch[Part]:
        return Stretch("".join(self._pieces), self._start, tuple(self._parts))
