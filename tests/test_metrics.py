"""Scores agree with their definitions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.metrics import (
    bootstrap_mean,
    character_accuracy,
    character_error_rate,
    contains_answer,
    edit_distance,
    exact_match,
    normalise_answer,
    paired_difference,
    percentile,
    token_f1,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("prediction", "references", "score"),
    [
        ("The  Eiffel Tower!", "eiffel tower", 1.0),
        ("a theme", "theme", 1.0),
        ("panther", "panr", 0.0),
        ("Denver Broncos", ["Broncos", "denver broncos."], 1.0),
        ("", "x", 0.0),
        ("x", [], 0.0),
        ("ＡＢ１２", "ab12", 1.0),
        ("café", "cafe\u0301", 1.0),
    ],
)
def test_exact_match_ignores_what_squad_ignores(prediction, references, score):
    assert exact_match(prediction, references) == score


@pytest.mark.parametrize(
    ("prediction", "references", "score"),
    [
        ("the cat sat", "cat sat", 1.0),
        ("cat sat down", "cat sat", 0.8),
        ("cat cat", "cat", 2 / 3),
        ("dog", "cat", 0.0),
        ("", "", 1.0),
        ("", "cat", 0.0),
        ("big cat", ["dog", "cat"], 2 / 3),
        ("cat", [], 0.0),
    ],
)
def test_f1_counts_shared_words(prediction, references, score):
    assert token_f1(prediction, references) == pytest.approx(score)


def test_normalising_twice_changes_nothing():
    once = normalise_answer("The “Answer”, a — B.C.")
    assert normalise_answer(once) == once


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)],
)
def test_known_distances(first, second, distance):
    assert edit_distance(first, second) == distance


def distance_by_table(first, second):
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
            diagonal, row[j] = row[j], best
    return row[-1]


@given(st.text(alphabet="abc中", max_size=80), st.text(alphabet="abc中", max_size=80))
def test_the_distance_is_that_of_the_plain_table(first, second):
    assert edit_distance(first, second) == distance_by_table(first, second)
    assert edit_distance(second, first) == edit_distance(first, second)


def test_long_texts_are_compared_whole():
    rng = random.Random(0)
    page = "".join(rng.choice("abcdefgh ") for _ in range(20_000))
    damaged = page[:5_000] + "#" + page[5_001:12_000] + page[12_003:] + "zz"
    assert edit_distance(damaged, page) == 6


def test_error_and_accuracy_are_shares_of_the_reference():
    assert character_error_rate("abXd", "abcd") == 0.25
    assert character_accuracy("abXd", "abcd") == 0.75
    assert character_error_rate("far too long", "ab") > 1
    assert character_accuracy("far too long", "ab") == 0.0
    assert character_error_rate("", "") == 0.0
    assert character_error_rate("x", "") == 1.0


@pytest.mark.parametrize(
    ("prediction", "references", "score"),
    [
        ("The code is AB-12.", "ab-12", 1.0),
        ("The code is AB-123.", "AB-12", 0.0),
        ("It was the Eiffel Tower, in Paris", ["Louvre", "eiffel tower"], 1.0),
        ("tower Eiffel", "Eiffel Tower", 0.0),
        ("anything", "the", 0.0),
        ("x", [], 0.0),
    ],
)
def test_an_answer_contains_a_reference_only_as_whole_words_in_order(prediction, references, score):
    assert contains_answer(prediction, references) == score


def test_percentiles_lie_between_neighbours_by_proportion():
    assert percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert percentile([1.0, 2.0], 0.95) == pytest.approx(1.95)
    assert percentile([7.0], 0.95) == 7.0


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_the_wilson_interval_is_that_of_the_formula(hits, total, low, high):
    interval = wilson_interval(hits, total)
    assert interval.mean == hits / total
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)


def test_a_bootstrap_is_repeated_by_its_seed_and_holds_the_mean():
    rng = random.Random(0)
    values = [rng.random() for _ in range(30)]
    first = bootstrap_mean(values, seed=3)
    assert first == bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)
    assert min(values) < first.low < first.mean < first.high < max(values)


def test_bootstrap_bounds_hold_the_mean_of_the_whole_about_as_often_as_they_say():
    rng = random.Random(1)
    held = 0
    for trial in range(200):
        interval = bootstrap_mean([rng.random() for _ in range(40)], seed=trial, resamples=300)
        held += interval.low <= 0.5 <= interval.high
    assert 0.88 <= held / 200 <= 0.99


def test_pairs_tell_more_than_two_means():
    rng = random.Random(2)
    hard = [rng.random() for _ in range(50)]
    better = [score + 0.05 + rng.random() * 0.02 for score in hard]
    paired = paired_difference(better, hard)
    assert 0.05 < paired.low < paired.mean < paired.high < 0.07
    assert bootstrap_mean(hard).high > bootstrap_mean(better).low


def test_scores_of_different_questions_are_no_pairs():
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0, 0.0], [1.0])
