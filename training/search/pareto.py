"""NSGA-II's orders and the hypervolume, for points whose objectives are to be as large as possible.

Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002: fronts of points
that nothing dominates, and within a front those first that stand apart. The hypervolume is exact,
for two objectives.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Point = tuple[float, ...]
Bools = npt.NDArray[np.bool_]


def fronts(points: Sequence[Point]) -> list[list[int]]:
    """Sorts points into fronts: nothing dominates the first, only the first the second, and so on.

    A point dominates another if it is nowhere worse and somewhere better.

    Returns:
        The places of each front's points, in order; none without points.
    """
    values = np.array(points, np.float64).reshape(len(points), len(points[0]) if points else 1)
    one, other = values[:, None], values[None]
    dominates: Bools = np.all(one >= other, axis=2) & np.any(one > other, axis=2)
    left = np.ones(len(points), bool)
    found = []
    while left.any():
        front = np.flatnonzero(left & ~dominates[left].any(axis=0))
        found.append([int(place) for place in front])
        left[front] = False
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """Returns how far each point of one front stands from its neighbours; the ends infinitely."""
    distances = [0.0] * len(points)
    for axis in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda place: points[place][axis])
        first, last = points[order[0]][axis], points[order[-1]][axis]
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, place, behind in zip(order, order[1:], order[2:], strict=False):
            gap = points[behind][axis] - points[before][axis]
            distances[place] += gap / (last - first) if last > first else 0.0
    return distances


def ranking(points: Sequence[Point]) -> list[int]:
    """Returns the places of all points, best first: by front, then by how far they stand apart.

    Of equal points one counts; the others come last, so that a population does not fill with them.
    """
    first_of = {point: place for place, point in reversed(list(enumerate(points)))}
    unique = sorted(first_of.values())
    order = []
    for front in fronts([points[place] for place in unique]):
        places = [unique[one] for one in front]
        apart = crowding([points[place] for place in places])
        ranked = sorted(range(len(places)), key=lambda one: -apart[one])
        order += [places[one] for one in ranked]
    return order + sorted(set(range(len(points))) - set(order))


def front_of(points: Sequence[Point]) -> list[int]:
    """Returns the places of the first front's points, each point once, by the first objective."""
    if not points:
        return []
    first_of = {points[place]: place for place in reversed(fronts(points)[0])}
    return [first_of[point] for point in sorted(first_of)]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Returns the area that points of two objectives dominate, down to a reference point.

    >>> hypervolume([(1.0, 2.0), (2.0, 1.0)], (0.0, 0.0))
    3.0
    """
    inside = {(x, y) for x, y in points if x > reference[0] and y > reference[1]}
    area, height = 0.0, reference[1]
    for x, y in sorted(inside, reverse=True):
        if y > height:
            area += (x - reference[0]) * (y - height)
            height = y
    return area


def tournament(ranked: Sequence[int], rng: random.Random) -> int:
    """Returns the better of two places that chance picks from a ranking."""
    return ranked[min(rng.randrange(len(ranked)), rng.randrange(len(ranked)))]
