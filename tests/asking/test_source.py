"""What pages alone tell of the text they were drawn from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.asking.source import Source
from glyph_shared.rendering import RenderConfig, Renderer

SMALL = RenderConfig(page_size=(100, 60), margin_x=3, margin_y=3, frame_padding=0)
MARKERS = {
    "drawn": SMALL.newline_markup,
    "kept": "<br/>",
    "spaced": '<font color="#FF0000">  ab</font>',
}
RENDERERS = {
    name: Renderer(SMALL.model_copy(update={"newline_markup": markup}))
    for name, markup in MARKERS.items()
}


def source_of(text: str, name: str) -> Source:
    return Source.of_pages(list(RENDERERS[name].render(text)))


@pytest.mark.parametrize("name", MARKERS)
@settings(deadline=None)
@given(text=st.text(st.sampled_from("ab \\n\n"), max_size=200).map(lambda text: text + "x"))
def test_pages_alone_tell_their_text_line_breaks_included(name, text):
    assert source_of(text, name).text == text


@pytest.mark.parametrize("name", MARKERS)
@pytest.mark.parametrize(
    "text",
    [
        "\tindented\nnext\tword\nend",
        "a\r\nb\r\nthe end",
        "\u2e3b he said\n\u2e3a again",
        "so\xadft end",
    ],
    ids=["tabs", "breaks of two chars", "long dashes", "soft hyphen"],
)
def test_no_word_is_lost_where_chars_are_drawn_as_more_or_fewer(name, text):
    found = source_of(text, name)
    assert len(found.text) == len(text)
    words = text.replace("\xad", "").replace("\u2e3b", " ").replace("\u2e3a", " ").split()
    assert found.text.replace("\u2014", " ").split() == words
