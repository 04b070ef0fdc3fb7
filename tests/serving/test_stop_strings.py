from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.serving.stop_strings import StopStrings


def shown(pieces, *stops):
    gate = StopStrings(stops)
    parts = []
    for piece in pieces:
        parts.append(gate.push(piece))
        if gate.stopped:
            break
    return "".join([*parts, gate.flush()])


def test_a_stop_string_split_over_pieces_is_never_shown():
    gate = StopStrings(("END",))
    assert [gate.push(piece) for piece in ("4 E", "N", "D more")] == ["4 ", "", ""]
    assert gate.stopped


def test_a_beginning_that_comes_to_nothing_is_shown():
    gate = StopStrings(("END",))
    assert [gate.push(piece) for piece in ("E", "N", "E")] == ["", "", "EN"]
    assert gate.flush() == "E"


def test_the_stop_that_is_complete_first_ends_the_text():
    assert shown(["one two three"], "three", "two") == "one "
    assert shown(["one two three"], "two three", "two") == "one "


@given(
    st.lists(st.text("ab\n", max_size=4), max_size=12),
    st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3),
)
def test_text_up_to_the_first_stop_is_shown_however_it_is_cut(pieces, stops):
    text = "".join(pieces)
    complete = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = text[: min(complete)[1]] if complete else text
    assert shown(pieces, *stops) == expected
