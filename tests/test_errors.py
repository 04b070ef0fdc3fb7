"""What no message may hold: the places of objects, bytes of pages, keys."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image

from glyph_shared import (
    GlyphClient,
    GlyphError,
    RenderConfig,
    Renderer,
    plan,
    render,
)
from glyph_shared.errors import BadResponse, InputError

ODD = object()
PNG = render("a page")[0].png

WRONG: dict[str, Callable[[], object]] = {
    "text": lambda: Renderer().render(ODD),
    "piece": lambda: list(Renderer().render([ODD])),
    "config": lambda: Renderer(ODD),
    "preset": lambda: RenderConfig.preset(ODD),
    "number": lambda: RenderConfig(dpi=ODD),
    "colour": lambda: RenderConfig(font_color=ODD),
    "font": lambda: RenderConfig(font_path=ODD),
    "context": lambda: plan(ODD),
    "part": lambda: plan([ODD]),
    "window": lambda: plan("text", ODD),
    "overflow": lambda: plan("text", overflow=ODD),
    "timeout": lambda: GlyphClient(timeout=ODD),
    "question": lambda: GlyphClient("http://127.0.0.1:1/v1").ask_many([ODD], "text"),
    "option": lambda: GlyphClient("http://127.0.0.1:1/v1").ask("?", "text", max_tokens=ODD),
}


@pytest.mark.fault(71)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_message_names_what_it_got_and_not_where_it_lies_in_memory(wrong):
    with pytest.raises(GlyphError, match="got") as caught:
        wrong()
    assert not re.search("0x[0-9a-f]{6}", str(caught.value))


@pytest.mark.fault(71)
def test_another_librarys_message_loses_its_address_too():
    with pytest.raises(OSError, match=" at 0x") as caught:
        Image.open(io.BytesIO(b"no picture"))
    assert str(BadResponse(str(caught.value))) == (
        "cannot identify image file <_io.BytesIO object>"
    )


def test_a_number_in_hexadecimal_stays():
    assert str(InputError("byte 0x80 at 0x1234 <b>")) == "byte 0x80 at 0x1234 <b>"


@pytest.mark.parametrize(
    "wrong",
    [lambda: list(Renderer().render([PNG])), lambda: RenderConfig(font_path=PNG)],
    ids=["text", "setting"],
)
def test_a_message_tells_how_many_bytes_it_got_and_not_which(wrong):
    with pytest.raises(GlyphError, match=f"bytes of length {len(PNG)}") as caught:
        wrong()
    assert "IHDR" not in str(caught.value)
