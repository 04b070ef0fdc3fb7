"""Directions: examples whose answer is known, and any text held against a peer's answer."""

from itertools import groupby

import numpy as np
import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.rendering.bidi import resolve_levels
from glyph_shared.rendering.line_breaks import Measure, break_lines
from glyph_shared.rendering.normalise import BIDI_CONTROLS, text_codes
from glyph_shared.rendering.visual_order import visual_order

CONTROLS = "".join(map(chr, BIDI_CONTROLS))
LETTERS = "ab\u05d0\u05d1\u0627\u0628"
CHARS = LETTERS + "12\u0661+-,.:$%()[]\u3008\u3009! \u0301"


def levels_of(text, *, base=None):
    start = np.zeros(1, np.int64)
    return resolve_levels(text_codes(text), start, np.zeros(1, np.bool_), base)


def displayed(text, *, base=None):
    codes = text_codes(text)
    levels = levels_of(text, base=base)
    lines = break_lines(codes, np.ones(len(codes)), Measure(1e9, 1e9))
    order, _ = visual_order(levels, lines)
    return "".join(text[place] for place in order.tolist())


def without_controls(text):
    return "".join(char for char in text if char not in CONTROLS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc אבג def", "abc גבא def"),
        ("אבג abc דהו", "והד abc גבא"),
        ("אבג 12,345 דהו", "והד 12,345 גבא"),
        ("אבג (abc) דהו", "והד )abc( גבא"),
        ("abc (אבג) def", "abc (גבא) def"),
        ("اب ١٢٣ جد", "دج ١٢٣ با"),
        ("a \u2067אב!\u2069 b", "a !בא b"),
        ("a \u202e123\u202c b", "a 321 b"),
        ("אב\u200f!", "!בא"),
        ("no letter from the right", "no letter from the right"),
    ],
)
def test_a_line_is_shown_in_its_order(text, shown):
    # Which way brackets look is the shapes' affair.
    assert without_controls(displayed(text)) == shown


@pytest.mark.fault(7)
@given(st.text(st.sampled_from(CHARS), min_size=1, max_size=16), st.sampled_from([None, 0, 1]))
def test_any_text_is_ordered_as_a_peer_orders_it(text, base):
    text = text.rstrip() + LETTERS[2]
    expected = get_display(text, base_dir=None if base is None else "LR"[base])
    assert displayed(text, base=base) == expected


@given(st.text(st.sampled_from(CHARS + CONTROLS), min_size=1, max_size=16))
def test_any_controls_are_understood_as_a_peer_understands_them(text):
    text = "\u05d0" + text + "\u2069\u2069\u202c\u202c\u05d0"
    expected = get_display(text)
    assert without_controls(displayed(text)) == without_controls(expected)


def test_a_paragraph_has_the_direction_of_its_first_letter():
    text = "12 אב cd\n(ab) גד\n\u2067אב\u2069 cd\n...\n"
    starts = np.array([0, *(place + 1 for place, char in enumerate(text[:-1]) if char == "\n")])
    levels = resolve_levels(text_codes(text), starts, np.zeros(len(starts), np.bool_))
    assert [base for base, _ in groupby(levels.base[starts].tolist())] == [1, 0]


@pytest.mark.fault(7)
def test_embeddings_deeper_than_allowed_are_ignored():
    text = "\u202b" * 500 + "a" + "\u202c" * 500 + "b"
    assert levels_of(text).level.max() <= 126
    assert without_controls(displayed(text)) == "ab"
