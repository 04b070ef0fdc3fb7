"""What pages promise: no char lost, spans that tile, equal bytes, errors before the first page."""

import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.rendering import RenderConfig, Renderer, compose, render
from glyph_shared.rendering.normalise import NEWLINE, codes_text, normalise

LINES = "<br/>"
SMALL = RenderConfig(
    page_size=(140, 112), margin_x=3, margin_y=3, frame_padding=0, newline_markup=LINES
)
SMALL_PAGES = Renderer(SMALL)
SMALL_MARKED = Renderer(SMALL.model_copy(update={"newline_markup": RenderConfig().newline_markup}))

CHARS = st.sampled_from("abcdefgh ij  klm\t\n\r.,-\u2028\xad\u200b\x00\ud800é\u0301\u2003\u2e3a")
TEXTS = st.text(CHARS, min_size=1, max_size=600).map(lambda text: text + "x")


def drawn(pages):
    return "".join(line for page in pages for line in page.line_texts)


def assert_tiled(spans, start, end):
    assert spans[0][0] == start
    assert spans[-1][1] == end
    assert all(one[1] == following[0] for one, following in pairwise(spans))


@pytest.mark.fault(9)
@settings(deadline=None)
@given(TEXTS)
def test_the_drawn_lines_together_are_the_normalised_text(text):
    pages = list(SMALL_PAGES.render(text))
    codes = normalise(text).codes
    assert drawn(pages) == codes_text(codes[codes != NEWLINE])


@settings(deadline=None)
@given(TEXTS)
def test_with_markers_every_line_break_is_drawn(text):
    assert drawn(SMALL_MARKED.render(text)) == normalise(text, " \\n ").text


@settings(deadline=None)
@given(TEXTS)
def test_spans_tile_the_text_and_never_divide_a_line_break_of_two_chars(text):
    pages = list(SMALL_PAGES.render(text))
    assert_tiled([page.char_span for page in pages], 0, len(text))
    for page in pages:
        assert_tiled(page.lines, *page.char_span)
        for start, _ in page.lines:
            assert text[start - 1 : start + 1] != "\r\n"
    assert [page.index for page in pages] == list(range(len(pages)))


@settings(deadline=None)
@given(TEXTS, st.integers(1, 50))
def test_pieces_make_the_same_pages_as_the_whole(text, size):
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    whole = list(SMALL_PAGES.render(text))
    parts = list(SMALL_PAGES.render(iter(pieces)))
    assert [page.digest for page in parts] == [page.digest for page in whole]
    assert [page.lines for page in parts] == [page.lines for page in whole]


@pytest.mark.parametrize("changes", [{}, {"alignment": "JUSTIFY", "first_line_indent": 9}])
def test_block_edges_leave_no_trace(monkeypatch, changes):
    text = ("It was a dark and stormy night; the rain fell in torrents.\n" * 40 + "word " * 300) * 3
    renderer = Renderer(SMALL.model_copy(update=changes))
    whole = [page.digest for page in renderer.render(text)]
    for size in (200, 997, 4096):
        monkeypatch.setattr(compose, "BLOCK", size)
        assert [page.digest for page in renderer.render(text)] == whole


@pytest.mark.fault(15)
def test_the_same_text_makes_the_same_bytes_everywhere():
    text = "Whatever the weather, the same pages. " * 90
    first = [page.png for page in Renderer(SMALL).render(text)]
    shared, found = Renderer(SMALL), []

    def work():
        found.append([page.png for page in shared.render(text)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [first] * 4


@pytest.mark.fault(1)
@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\xad", "\u2800", [], ["", " ", "\n"]])
def test_text_without_ink_is_refused_before_the_first_page(text):
    with pytest.raises(InputError, match="nothing to draw"):
        Renderer().render(text)


@pytest.mark.parametrize("text", [None, 7, b"abc", bytearray(b"abc"), ["plain", None], [b"abc"]])
def test_what_is_no_text_is_refused_by_its_kind(text):
    with pytest.raises(InputError, match=r"str.*(NoneType|int|bytes|bytearray|None)"):
        render(text)


@pytest.mark.parametrize("config", [{"dpi": 72}, "en", {}, 0])
def test_a_configuration_of_another_kind_is_refused(config):
    with pytest.raises(ConfigError, match="must be a RenderConfig"):
        Renderer(config)


@pytest.mark.parametrize("missing", ["foo", None, ["error"]])
def test_an_unknown_answer_to_missing_chars_is_refused(missing):
    with pytest.raises(ConfigError, match="'error' or 'replace'"):
        Renderer(missing=missing)


@pytest.mark.fault(6, 8)
@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "https://example.org/" + "a/" * 30_000,
        "e" + "\u0301" * 5_000 + " x",
        "a" + " " * 100_000 + "b",
        "\n" * 5_000 + "x",
        "a\u200b" * 20_000,
        "漢" * 20_000,
    ],
    ids=["word", "url", "marks", "spaces", "blank lines", "zero width", "ideographs"],
)
def test_extreme_texts_lose_nothing(text):
    renderer = Renderer(SMALL, missing="replace")
    pages = list(renderer.render(text))
    codes = normalise(text).codes
    assert drawn(pages) == codes_text(codes[codes != NEWLINE])
    assert_tiled([page.char_span for page in pages], 0, len(text))


def test_time_is_linear_even_where_no_page_ends():
    def seconds(length):
        start = time.process_time()
        list(SMALL_PAGES.render("a" + " " * length + "b"))
        return time.process_time() - start

    seconds(1000)
    # Quadratic time would be 64 times as long; large arrays leave the cache, hence the room.
    assert seconds(3_200_000) < 40 * max(seconds(400_000), 0.02)


@pytest.mark.fault(10, 11)
def test_markup_is_drawn_as_it_stands():
    text = "<b>bold</b> &amp; {x} %s \\frac{a}{b} <|image|> </think>"
    assert drawn(Renderer().render(text)) == text


@pytest.mark.fault(2, 3)
def test_control_chars_are_replaced_and_counted():
    [page] = Renderer().render("a\x00b\ud800c")
    assert page.replaced == 2
    assert page.line_texts == ("a\ufffdb\ufffdc",)


@pytest.mark.parametrize("preset", ["en", "zh", "code"])
def test_default_pages_have_sides_of_whole_visual_tokens(preset):
    text = "Some prose that fills a page.\n" * 3000
    for page in Renderer(RenderConfig.preset(preset)).render(text):
        assert [side % 28 for side in page.size_px] == [0, 0]
        assert page.visual_tokens == page.size_px[0] * page.size_px[1] // 28**2


@pytest.mark.parametrize("text", ["a short line", "two\nlines", "word " * 7000, "x = 1\n" * 900])
def test_default_pages_cost_no_more_than_the_references(text):
    cost = sum(page.visual_tokens for page in render(text))
    theirs = Renderer(RenderConfig.preset("reference"), compat=True).render(text)
    assert cost <= sum(page.visual_tokens for page in theirs)


def test_the_readers_chars_stand_on_a_grid_of_7_by_28_pixels():
    line = "".join(chr(33 + place % 94) for place in range(79))
    [page] = Renderer(RenderConfig.preset("reader")).render("\n".join([line] * 16))
    assert (page.size_px, page.visual_tokens, len(page.lines)) == ((560, 448), 320, 16)
    assert [stop - start for start, stop in page.lines] == [80] * 15 + [79]
    rows = page.pixels.reshape(16, 28, 560)
    assert (rows == rows[0]).all()
    for place in range(0, 79, 13):
        [alone] = Renderer(RenderConfig.preset("reader")).render(line[place])
        # A shape may reach one pixel into its neighbours' cells, so only its core is compared.
        core = slice(7 * place + 2, 7 * place + 5)
        assert (page.pixels[:28, core] == alone.pixels[:28, 2:5]).all()


def test_the_readers_text_starts_anew_on_the_17th_line_and_wraps_after_79_chars():
    text = "\n".join("0123456789" * 8 for _ in range(9))
    pages = list(Renderer(RenderConfig.preset("reader")).render(text))
    assert [len(page.lines) for page in pages] == [16, 2]
    assert [len(one) for one in pages[0].line_texts[:2]] == [79, 1]


def inked_columns(page):
    return np.flatnonzero((page.pixels < 250).any(axis=0))


@pytest.mark.parametrize(("alignment", "left", "right"), [("LEFT", 3, 80), ("RIGHT", 80, 137)])
def test_lines_are_aligned(alignment, left, right):
    config = SMALL.model_copy(update={"alignment": alignment, "auto_crop_width": False})
    [page] = Renderer(config).render("Hello, hello")
    columns = inked_columns(page)
    assert abs(columns[0] - left) <= 9 if alignment == "LEFT" else columns[0] >= 60
    assert columns[-1] <= right


def test_centred_lines_have_equal_space_on_both_sides():
    config = SMALL.model_copy(update={"alignment": "CENTER", "auto_crop_width": False})
    columns = inked_columns(Renderer(config).render("Hello").__next__())
    assert abs(columns[0] - (139 - columns[-1])) <= 2


def test_justified_lines_reach_both_margins_but_the_last():
    config = SMALL.model_copy(update={"alignment": "JUSTIFY", "auto_crop_width": False})
    [page] = Renderer(config).render("men in many mines and more men in many more mines")
    first, last = page.pixels[3:13] < 250, page.pixels[23:33] < 250
    assert np.flatnonzero(first.any(axis=0))[-1] >= 133
    assert np.flatnonzero(last.any(axis=0))[-1] < 133


def test_paragraph_spaces_move_lines_but_not_the_first_of_a_page():
    plain = SMALL.model_copy(update={"auto_crop_last_page": False})
    spaced = plain.model_copy(update={"space_before": 4, "space_after": 6})
    close, wide = (list(Renderer(one).render("a\n" * 9)) for one in (plain, spaced))
    assert [len(page.lines) for page in close] == [9]
    assert [len(page.lines) for page in wide] == [7, 2]
    assert (close[0].pixels[:12] == wide[1].pixels[:12]).all()


def test_dark_pages_are_the_light_ones_with_colors_swapped():
    light = SMALL.model_copy(update={"auto_crop_width": False})
    dark = light.model_copy(
        update={"font_color": "#FFFFFF", "page_bg_color": "#000000", "para_bg_color": "#000000"}
    )
    [one], [other] = (list(Renderer(config).render("night and day")) for config in (light, dark))
    assert (one.pixels == 255 - other.pixels).all()


def test_colored_pages_have_three_channels_and_their_colors():
    config = SMALL.model_copy(
        update={
            "font_color": "#003366",
            "page_bg_color": "#FFF8E0",
            "para_bg_color": "#E0F0FF",
            "para_border_color": "#AA0000",
            "border_width": 1,
            "border_padding": 2,
        }
    )
    [page] = Renderer(config).render("boxed\ntwice")
    colors = {tuple(color) for color in page.pixels.reshape(-1, 3).tolist()}
    assert page.pixels.shape[2] == 3
    assert {(0xFF, 0xF8, 0xE0), (0xE0, 0xF0, 0xFF), (0xAA, 0, 0)} <= colors


def test_a_red_marker_is_red_and_counts_as_text():
    red = SMALL.model_copy(update={"newline_markup": '<font color="#FF0000"> \\n </font>'})
    [page] = Renderer(red).render("one\ntwo")
    pixels = page.pixels.astype(int)
    assert ((pixels[:, :, 0] == 255) & (pixels[:, :, 1] < 80)).any()
    assert page.line_texts == ("one \\n two",)


def test_a_narrower_scale_narrows_the_whole_page():
    config = SMALL.model_copy(update={"auto_crop_width": False})
    narrow = config.model_copy(update={"horizontal_scale": 0.75})
    text = "the same lines on narrower pages " * 5
    [wide], [slim] = (list(Renderer(one).render(text)) for one in (config, narrow))
    assert (wide.size_px, slim.size_px) == ((140, 84), (105, 84))
    assert wide.lines == slim.lines


def test_a_page_without_crops_keeps_its_size():
    config = SMALL.model_copy(update={"auto_crop_width": False, "auto_crop_last_page": False})
    assert [page.size_px for page in Renderer(config).render("x")] == [(140, 112)]


def test_digests_differ_with_pixels_and_with_size():
    [one] = render("a")
    [same] = render("a")
    [other] = render("b")
    assert one.digest == same.digest != other.digest
    [large] = Renderer(RenderConfig(auto_crop_width=False)).render("a")
    assert large.digest != one.digest
