"""Every rule of the table in ``normalise``, and that pieces make no difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.rendering.normalise import MARKER, Normaliser, is_blank, normalise

RULES = [
    ("line feed", "a\nb", "a\nb"),
    ("carriage return and line feed", "a\r\nb\r\n", "a\nb\n"),
    ("carriage return alone", "a\rb\r", "a\nb\n"),
    ("two breaks of two chars", "a\r\n\r\nb", "a\n\nb"),
    ("line and paragraph separators", "a\u2028b\u2029c", "a\nb\nc"),
    ("form feed, vertical tab, NEL", "a\fb\vc\x85d", "a\nb\nc\nd"),
    ("a tab at the start", "\tx", "    x"),
    ("a tab fills up to its stop", "ab\tx\ty", "ab  x   y"),
    ("tab stops count from the line's start", "abc\n\tx", "abc\n    x"),
    ("leading and repeated spaces", "  a   b ", "  a   b "),
    ("no-break space", "a\xa0b", "a\xa0b"),
    ("soft hyphen, zero width, BOM", "\ufeffso\xadft\u200b \u2060x", "soft x"),
    ("joiners", "a\u200cb\u200dc", "a\u200cb\u200dc"),
    ("bidirectional controls", "a\u202eb\u2066c\u061c", "a\u202eb\u2066c\u061c"),
    ("variation selector", "\u2764\ufe0f", "\u2764"),
    ("control chars", "a\x00b\x1bc\x7fd\x9fe", "a\ufffdb\ufffdc\ufffdd\ufffde"),
    ("lone surrogates", "a\ud800b\udfff", "a\ufffdb\ufffd"),
    ("noncharacters", "\uffff\ufdd0\U0010fffe", "\ufffd" * 3),
    ("eight marks in a row", "e" + "\u0301" * 20 + "x", "e" + "\u0301" * 8 + "x"),
    ("long dashes", "\u2e3a|\u2e3b", "\u2014\u2014|\u2014\u2014\u2014"),
    ("markup", "<b>&amp;{x}%s\\n</b>", "<b>&amp;{x}%s\\n</b>"),
    ("visible format char", "\u0600x", "\u0600x"),
]


@pytest.mark.fault(2, 3, 7, 8, 9)
@pytest.mark.parametrize(("text", "drawn"), [rule[1:] for rule in RULES], ids=[r[0] for r in RULES])
def test_a_char_is_drawn_by_its_rule(text, drawn):
    assert normalise(text).text == drawn


def test_source_points_at_the_char_that_each_drawn_one_stands_for():
    text = "a\r\n\tb\u200bc"
    assert normalise(text).source.tolist() == [0, 1, 3, 3, 3, 3, 4, 6]


def test_a_marker_takes_the_place_of_each_line_break():
    drawn = normalise("a\n\nb", marker=" \\n ")
    assert drawn.text == "a \\n  \\n b"
    assert (drawn.codes >= MARKER).sum() == 4
    assert drawn.source.tolist() == [0, *[1] * 4, *[2] * 4, 3]


TRICKY = st.text(st.sampled_from("ab \t\n\r\u2028\u0301\u200b\x00\u2e3a\ud800漢"), max_size=40)


@given(st.lists(TRICKY, max_size=6))
def test_pieces_are_normalised_like_the_whole(pieces):
    normaliser = Normaliser()
    parts = [normaliser.feed(piece) for piece in pieces] + [normaliser.feed("", final=True)]
    whole = normalise("".join(pieces))
    assert np.concatenate([part.codes for part in parts]).tolist() == whole.codes.tolist()
    assert np.concatenate([part.source for part in parts]).tolist() == whole.source.tolist()


@given(TRICKY)
def test_source_never_goes_back(text):
    source = normalise(text).source
    assert (np.diff(source) >= 0).all()
    assert ((source >= 0) & (source < max(len(text), 1))).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t\r\n",
        "\u200b\xad",
        "\u2003 \u3000",
        " " * 9000,
        "\u2800 \u2800\n",
        "\u200d\u2067 ",
    ],
)
def test_text_without_ink_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", " a", "\x00", " " * 9000 + "a", "\u200ba", "\u2800⠿"])
def test_text_with_ink_is_not_blank(text):
    assert not is_blank(text)
