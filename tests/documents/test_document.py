"""Documents know the origin of every char."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.documents import Document, Location
from glyph_shared.documents.document import DocumentBuilder


def test_a_char_is_located_by_file_and_line():
    builder = DocumentBuilder()
    builder.add("one\ntwo\n", path="a.txt", line=1)
    builder.add("three\r\nfour\rfive", path="b.txt", line=1)
    document = builder.build("both")
    assert document.locate(0) == Location("a.txt", 1)
    assert document.locate(4) == Location("a.txt", 2)
    assert document.locate(document.text.index("three")) == Location("b.txt", 1)
    assert document.locate(document.text.index("four")) == Location("b.txt", 2)
    assert document.locate(document.text.index("five")) == Location("b.txt", 3)


def test_a_line_break_belongs_to_the_line_it_ends():
    document = Document.from_text("one\r\ntwo")
    assert document.locate(3).line == 1
    assert document.locate(4).line == 1
    assert document.locate(5).line == 2


def test_text_from_one_source_line_stays_on_it():
    builder = DocumentBuilder()
    builder.add("laid\nout\nwide", path="a.json", line=7, follows_lines=False)
    assert {builder.build("a").locate(offset).line for offset in (0, 6, 12)} == {7}


def test_a_source_page_is_named():
    builder = DocumentBuilder()
    builder.add("first\n", path="a.pdf", line=1, source_page=1)
    builder.add("second\n", path="a.pdf", line=1, source_page=2)
    assert str(builder.build("a.pdf").locate(8)) == "a.pdf p. 2"


def test_pieces_that_continue_a_file_are_one_segment():
    builder = DocumentBuilder()
    for line in range(1, 1001):
        builder.add("row\n", path="a.csv", line=line)
    assert len(builder.build("a.csv").origins) == 1


@pytest.mark.parametrize("offset", [-1, 3])
def test_an_offset_outside_the_text_is_refused(offset):
    with pytest.raises(IndexError, match=r"0\.\.2"):
        Document.from_text("abc").locate(offset)


def test_an_empty_text_has_no_segments():
    assert Document.from_text("").origins == ()


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="a\r\n", max_size=6),
            st.sampled_from(["x", "y"]),
            st.integers(1, 3),
            st.booleans(),
        )
    )
)
def test_segments_tile_the_text(pieces):
    builder = DocumentBuilder()
    for text, path, line, follows_lines in pieces:
        builder.add(text, path=path, line=line, follows_lines=follows_lines)
    document = builder.build("any")
    assert document.text == "".join(text for text, *_ in pieces)
    ends = [0, *(origin.end for origin in document.origins)]
    assert [origin.start for origin in document.origins] == ends[:-1]
    assert ends[-1] == len(document.text)
    assert all(origin.start < origin.end for origin in document.origins)
