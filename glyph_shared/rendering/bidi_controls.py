"""Rules P2 to X9 of UAX #9: paragraph directions, embeddings, overrides and isolates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Int8s, Int64s
from glyph_shared.rendering.bidi_types import (
    AL,
    BN,
    EMBEDDINGS,
    FSI,
    LRE,
    LRI,
    LRO,
    PDF,
    PDI,
    RLE,
    RLI,
    RLO,
    L,
    R,
)

MAX_DEPTH = 125


@dataclass(frozen=True, eq=False)
class Explicit:
    """What directions, controls included, say before the chars themselves are looked at.

    Attributes:
        types: Types with overrides applied; BN for what is removed.
        level: Level of each char so far.
        bases: Level of each paragraph.
        partner: The end of each isolate that has one, by its beginning.
    """

    types: Bytes
    level: Int8s
    bases: Int8s
    partner: dict[int, int]


def resolve_controls(
    types: Bytes, starts: Int64s, paragraph: Int64s, continues: Bools, first_base: int | None
) -> Explicit:
    """Finds paragraph directions and applies explicit controls."""
    controls = np.flatnonzero(types >= LRE)
    partner = _matched(types, controls, paragraph) if len(controls) else {}
    inside = _inside_isolates(types, controls, partner, starts) if len(controls) else None
    strong = (types == L) | (types == R) | (types == AL)
    if inside is not None:
        strong &= ~inside
    places = np.flatnonzero(strong)
    found = np.searchsorted(places, starts)
    ends = np.append(starts[1:], len(types))
    first = np.append(places, len(types))[found]
    has = first < ends
    bases = np.zeros(len(starts), np.int8)
    bases[has] = types[first[has]] != L
    if first_base is not None:
        bases[0] = first_base
    if continues.any():
        heads = np.where(continues, 0, np.arange(len(starts)))
        bases = bases[np.maximum.accumulate(heads)]
    if not len(controls):
        return Explicit(types, bases[paragraph], bases, partner)
    resolved, level = _Walk(types, starts, bases, partner).run(controls)
    return Explicit(resolved, level, bases, partner)


def _matched(types: Bytes, controls: Int64s, paragraph: Int64s) -> dict[int, int]:
    """Pairs each isolate's beginning with its end in the same paragraph (BD9)."""
    partner: dict[int, int] = {}
    open_isolates: list[int] = []
    for place in controls.tolist():
        kind = types[place]
        if open_isolates and paragraph[open_isolates[-1]] != paragraph[place]:
            open_isolates.clear()
        if kind in (LRI, RLI, FSI):
            open_isolates.append(place)
        elif kind == PDI and open_isolates:
            partner[open_isolates.pop()] = place
    return partner


def _inside_isolates(
    types: Bytes, controls: Int64s, partner: dict[int, int], starts: Int64s
) -> Bools:
    """Tells which chars are inside an isolate, one that does not end included."""
    depth = np.zeros(len(types) + 1, np.int32)
    ends = np.append(starts[1:], len(types))
    for place in controls[np.isin(types[controls], (LRI, RLI, FSI))].tolist():
        depth[place + 1] += 1
        end = ends[np.searchsorted(starts, place, side="right") - 1]
        depth[partner.get(place, end)] -= 1
    return np.cumsum(depth[:-1]) > 0


class _Walk:
    """Goes from control to control with the stack of X1 to X8."""

    def __init__(self, types: Bytes, starts: Int64s, bases: Int8s, partner: dict[int, int]) -> None:
        self._given = types
        self._types = types.copy()
        self._level = np.zeros(len(types), np.int8)
        self._starts, self._bases = starts, bases
        self._partner, self._ends = partner, set(partner.values())

    def run(self, controls: Int64s) -> tuple[Bytes, Int8s]:
        """Returns types and levels with all controls applied."""
        kept = set(controls.tolist())
        stops = sorted(kept | set(self._starts.tolist()))
        bases = dict(zip(self._starts.tolist(), self._bases.tolist(), strict=True))
        for place, following in zip(stops, [*stops[1:], len(self._given)], strict=True):
            if place in bases:
                self._reset(bases[place])
            self._fill(place, following)
            if place in kept:
                self._apply(place, int(self._given[place]))
                self._fill(place + 1, following)
        self._types[np.isin(self._types, (*EMBEDDINGS, PDF))] = BN
        return self._types, self._level

    def _reset(self, base: int) -> None:
        # Level, override (None, L or R) and whether an isolate began here.
        self._stack: list[tuple[int, int | None, bool]] = [(base, None, False)]
        self._isolates_over = self._embeddings_over = self._isolates = 0

    def _fill(self, start: int, stop: int) -> None:
        level, override, _ = self._stack[-1]
        self._level[start:stop] = level
        span = self._types[start:stop]
        given = self._given[start:stop]
        span[:] = given
        if override is not None:
            span[(given != BN) & (given < LRE)] = override

    def _apply(self, place: int, kind: int) -> None:
        if kind in EMBEDDINGS:
            self._embed(kind)
        elif kind in (LRI, RLI, FSI):
            self._set_own(place)
            self._isolate(place, kind)
        elif kind == PDI:
            self._end_isolate()
            self._set_own(place)
        elif kind == PDF and not self._isolates_over:
            if self._embeddings_over:
                self._embeddings_over -= 1
            elif len(self._stack) > 1 and not self._stack[-1][2]:
                self._stack.pop()

    def _set_own(self, place: int) -> None:
        """Gives an isolate's mark the level, and the override, of its surroundings."""
        level, override, _ = self._stack[-1]
        self._level[place] = level
        if override is not None:
            self._types[place] = override

    def _next_level(self, *, odd: bool) -> int:
        level = self._stack[-1][0]
        return (level + 1) | 1 if odd else (level + 2) & ~1

    def _embed(self, kind: int) -> None:
        level = self._next_level(odd=kind in (RLE, RLO))
        if level <= MAX_DEPTH and not self._isolates_over and not self._embeddings_over:
            override = {LRO: L, RLO: R}.get(kind)
            self._stack.append((level, override, False))
        elif not self._isolates_over:
            self._embeddings_over += 1

    def _isolate(self, place: int, kind: int) -> None:
        level = self._next_level(odd=kind == RLI or (kind == FSI and self._leads_right(place)))
        if level <= MAX_DEPTH and not self._isolates_over and not self._embeddings_over:
            self._isolates += 1
            self._stack.append((level, None, True))
        else:
            self._isolates_over += 1

    def _leads_right(self, place: int) -> bool:
        """Tells whether the first letter in an isolate runs from right to left."""
        end = self._partner.get(place, len(self._given))
        at = place + 1
        while at < end:
            kind = int(self._given[at])
            if kind in (L, R, AL):
                return kind != L
            # What an isolate inside encloses, to the end if it has none, does not count.
            at = self._partner.get(at, end if kind in (LRI, RLI, FSI) else at) + 1
        return False

    def _end_isolate(self) -> None:
        if self._isolates_over:
            self._isolates_over -= 1
        elif self._isolates:
            self._embeddings_over = 0
            while not self._stack[-1][2]:
                self._stack.pop()
            self._stack.pop()
            self._isolates -= 1
