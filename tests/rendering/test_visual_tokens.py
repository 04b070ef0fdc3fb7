"""The figures are those of vLLM 0.32 and transformers for GLM-4.1V."""

import math

import pytest

from glyph_shared.errors import InputError
from glyph_shared.rendering import count_visual_tokens

MEASURED = [
    ((595, 842), 630),
    ((794, 1123), 1120),
    ((960, 540), 646),
    ((100, 30), 12),
    ((4000, 100), 572),
    ((20, 20), 9),
    ((10, 300), 30),
    ((612, 792), 616),
    ((1190, 1684), 2520),
    ((1654, 2339), 4956),
    ((2480, 3508), 6045),
    ((588, 840), 630),
    ((560, 448), 320),
]


@pytest.mark.parametrize(("size_px", "tokens"), MEASURED)
def test_counts_are_the_servers(size_px, tokens):
    assert count_visual_tokens(size_px) == tokens


def test_a_larger_limit_keeps_a_large_page_larger():
    assert count_visual_tokens((2480, 3508), longest_edge=11_760_000) > 6045


def test_an_aspect_beyond_200_is_refused():
    with pytest.raises(InputError, match="200 times"):
        count_visual_tokens((28 * 300, 28))


@pytest.mark.parametrize(
    "size_px", [(0, 100), (100, -1), (math.nan, 1), (9, math.inf), (10**400, 9)]
)
def test_sides_must_be_positive(size_px):
    with pytest.raises(InputError, match="must be positive"):
        count_visual_tokens(size_px)


@pytest.mark.parametrize("edge", [0, 1567, math.nan])
def test_a_limit_below_one_token_is_refused(edge):
    with pytest.raises(InputError, match="at least 1568"):
        count_visual_tokens((100, 100), longest_edge=edge)
