"""Fronts, crowding and hypervolume by hand, and what the search reaches on published functions."""

from __future__ import annotations

import math
import random

import pytest

from training.search.breeding import Breeder, Scored
from training.search.functions import DTLZ2, REFERENCE, ZDT1, drawn, searched, space
from training.search.genome import Genome
from training.search.pareto import crowding, front_of, fronts, hypervolume, ranking


def test_fronts_are_peeled_one_by_one():
    points = [(1.0, 1.0), (3.0, 1.0), (2.0, 2.0), (1.0, 3.0), (2.0, 1.0), (2.0, 2.0)]
    assert fronts(points) == [[1, 2, 3, 5], [4], [0]]
    assert fronts([]) == []


def test_ends_stand_apart_and_a_crowd_does_not():
    distances = crowding([(0.0, 4.0), (1.0, 3.0), (1.5, 2.5), (4.0, 0.0)])
    assert distances[0] == distances[3] == math.inf
    assert distances[1] == pytest.approx(1.5 / 4 + 1.5 / 4)
    assert distances[2] == pytest.approx(3 / 4 + 3 / 4)


def test_the_best_come_first_and_copies_last():
    points = [(1.0, 1.0), (2.0, 2.0), (3.0, 0.0), (2.0, 2.0)]
    assert ranking(points) == [1, 2, 0, 3]
    assert front_of(points) == [1, 2]


@pytest.mark.parametrize(
    ("points", "area"),
    [
        ([], 0.0),
        ([(1.0, 1.0)], 1.0),
        ([(2.0, 1.0), (1.0, 2.0)], 3.0),
        ([(2.0, 1.0), (1.0, 2.0), (0.5, 0.5), (2.0, 1.0)], 3.0),
        ([(-1.0, 5.0), (5.0, -1.0)], 0.0),
        ([(2.0, 1.0), (2.0, 3.0)], 6.0),
    ],
)
def test_the_hypervolume_is_the_area_below_the_front(points, area):
    assert hypervolume(points, (0.0, 0.0)) == area


def test_the_published_fronts_have_the_stated_hypervolumes():
    steps = [step / 5000 for step in range(5001)]
    zdt1 = [(-x, math.sqrt(x) - 1) for x in steps]
    dtlz2 = [(-math.cos(x * math.pi / 2), -math.sin(x * math.pi / 2)) for x in steps]
    assert hypervolume(zdt1, REFERENCE) == pytest.approx(ZDT1.best, abs=1e-3)
    assert hypervolume(dtlz2, REFERENCE) == pytest.approx(DTLZ2.best, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_300_evaluations_reach_95_percent_of_zdt1_and_leave_random_search_behind(seed):
    found = ZDT1.share(searched(ZDT1, 300, seed))
    assert found >= 0.95
    assert found > ZDT1.share(drawn(ZDT1, 300, seed))


def test_dtlz2_too_is_searched_better_than_by_chance():
    assert DTLZ2.share(searched(DTLZ2, 300, 0)) > 1.2 * DTLZ2.share(drawn(DTLZ2, 300, 0))


def test_the_same_seed_breeds_the_same_children():
    assert searched(ZDT1, 40, 5) == searched(ZDT1, 40, 5)
    assert searched(ZDT1, 40, 5) != searched(ZDT1, 40, 6)


def test_scalar_selection_breeds_from_the_best_fifth_alone():
    breeder = Breeder(space(), selection="scalar")
    rng = random.Random(0)
    scored = [
        Scored(number, breeder.space.sample(rng), (float(number), -float(number)))
        for number in range(50)
    ]
    assert [one.number for one in breeder.parents(scored)] == list(range(49, 39, -1))
    child = breeder.child(50, scored, {one.genome for one in scored})
    assert child.parents
    assert min(child.parents) >= 40


def test_a_child_that_is_known_does_not_come_again():
    first = {name: values[:1] for name, values in space().genes.items()}
    small = space().with_values(**{**first, "leading": [0.0, 1.0, 2.0]})
    breeder = Breeder(small, population=2)
    scored: list[Scored] = []
    known: set[Genome] = set()
    for number in range(3):
        genome = breeder.child(number, scored, known).genome
        known.add(genome)
        scored.append(Scored(number, genome, (float(number), 0.0)))
    assert len(known) == 3
