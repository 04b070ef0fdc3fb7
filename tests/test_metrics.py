"""Scores agree with their definitions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.metrics import (
    character_accuracy,
    character_error_rate,
    edit_distance,
    exact_match,
    normalise_answer,
    token_f1,
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
