"""Layout with a made-up font in which every char is one unit wide: expectations are arithmetic."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.rendering.line_breaks import Measure, break_lines
from glyph_shared.rendering.normalise import NEWLINE, text_codes


def lines_of(text, width, *, first=None, shrink=0.0, continues=False):
    codes = text_codes(text)
    advances = np.where(codes == NEWLINE, 0.0, 1.0)
    measure = Measure(width, first or width, shrink)
    return break_lines(codes, advances, measure, continues=continues)


def wrapped(text, width, **options):
    edges = [*lines_of(text, width, **options).start.tolist(), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


CASES = [
    ("words", "the cat sat", 7, ["the cat ", "sat"]),
    ("an exact fit", "the cat", 7, ["the cat"]),
    ("spaces hang past the margin", "the     cat", 4, ["the     ", "cat"]),
    ("an indentation is kept", "  if x:", 9, ["  if x:"]),
    ("an indentation too wide for the word", "    word", 6, ["    ", "word"]),
    ("line breaks end lines", "a\n\nb\n", 9, ["a\n", "\n", "b\n"]),
    ("a long word is divided", "abcdefgh", 3, ["abc", "def", "gh"]),
    ("words go on behind a long one", "abcdefgh i", 5, ["abcde", "fgh i"]),
    ("a long word starts on a line of its own", "a bcdefgh", 4, ["a ", "bcde", "fgh"]),
    ("a no-break space holds words together", "a b\xa0c", 4, ["a ", "b\xa0c"]),
    ("ideographs break anywhere", "漢字漢字漢", 2, ["漢字", "漢字", "漢"]),
    ("a full stop does not begin a line", "漢字漢。字", 3, ["漢字", "漢。字"]),
    ("an opening quote does not end a line", "漢字「漢", 3, ["漢字", "「漢"]),
    ("a Latin word between ideographs stays whole", "漢word字", 5, ["漢word", "字"]),
]


@pytest.mark.parametrize(
    ("text", "width", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_lines_end_where_they_should(text, width, expected):
    assert wrapped(text, width) == expected


def test_the_first_line_has_its_own_room():
    assert wrapped("aa bb cc\naa bb", 5, first=2) == ["aa ", "bb cc\n", "aa ", "bb"]


def test_a_continued_paragraph_has_no_first_line():
    assert wrapped("aa bb cc", 5, first=2, continues=True) == ["aa bb ", "cc"]


def test_gaps_may_shrink_a_little():
    assert wrapped("a b cc", 5.8) == ["a b ", "cc"]
    assert wrapped("a b cc", 5.8, shrink=0.1) == ["a b cc"]


def test_a_lines_measures_leave_out_what_hangs():
    lines = lines_of("  a b   \nc", 20)
    assert lines.width.tolist() == [5, 1]
    assert (lines.ink_start.tolist(), lines.ink_stop.tolist()) == ([2, 9], [5, 10])
    assert lines.gaps.tolist() == [1, 0]
    assert (lines.opens.tolist(), lines.closes.tolist()) == ([True, True], [True, False])


@given(st.text(st.sampled_from("abc  \n漢。「"), min_size=1, max_size=80), st.integers(2, 12))
def test_lines_tile_the_text_and_keep_to_the_width(text, width):
    lines = lines_of(text, width)
    assert "".join(wrapped(text, width)) == text
    assert (np.diff(lines.start) > 0).all()
    assert (lines.width <= width).all()


@given(st.text(st.sampled_from("ab \n"), min_size=1, max_size=60), st.integers(2, 9))
def test_a_line_takes_all_that_fits(text, width):
    lines = wrapped(text, width)
    for line, following in pairwise(lines):
        word = following.split(" ")[0].split("\n")[0]
        if not line.endswith("\n") and word and len(word) < width:
            assert len(line) + len(word) > width
