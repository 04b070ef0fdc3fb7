"""Visual tokens follow GLM-4.1V's resize rule, as a live server counted them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.errors import InputError
from glyph_shared.planning import count_visual_tokens

# Width, height, visual tokens: chat usage and /tokenize of vLLM 0.32, and transformers 5, agree.
COUNTED = [
    (595, 842, 630),
    (794, 1123, 1120),
    (960, 540, 646),
    (100, 30, 12),
    (4000, 100, 572),
    (20, 20, 9),
    (10, 300, 30),
    (612, 792, 616),
    (1190, 1684, 2520),
    (1654, 2339, 4956),
    (2480, 3508, 6045),
    (560, 448, 320),
    (588, 840, 630),
]


@pytest.mark.parametrize(("width", "height", "tokens"), COUNTED)
def test_counts_are_those_of_the_server(width, height, tokens):
    assert count_visual_tokens((width, height)) == tokens


@pytest.mark.parametrize(("width", "height"), [(10_000, 49), (30, 6001), (5600, 27)])
def test_what_the_model_refuses_is_refused(width, height):
    with pytest.raises(InputError, match="200 times"):
        count_visual_tokens((width, height))


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (-1, 10)])
def test_an_image_has_two_sides(width, height):
    with pytest.raises(InputError, match="must be positive"):
        count_visual_tokens((width, height))


@given(st.integers(28, 4000), st.integers(28, 4000))
def test_no_image_costs_more_than_the_cap(width, height):
    if max(width, height) <= 200 * min(width, height):
        assert 8 <= count_visual_tokens((width, height)) <= 9_633_792 // (2 * 28 * 28)


def test_a_lower_cap_is_a_lower_cost():
    assert count_visual_tokens((2480, 3508), longest_edge=1_000_000) <= 637
