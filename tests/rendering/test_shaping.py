"""Scripts whose chars join, stack, change places or run from right to left."""

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
import uharfbuzz
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.rendering import RenderConfig, Renderer, compose, scribe
from glyph_shared.rendering.config_values import GREY_MARKER_MARKUP
from glyph_shared.rendering.font_files import find_font, system_fonts
from glyph_shared.rendering.normalise import NEWLINE, codes_text, normalise, text_codes
from glyph_shared.rendering.scripts import TRAITS
from glyph_shared.rendering.shapes import BLANK, shape_table
from glyph_shared.rendering.shaping import shared_shaper
from glyph_shared.rendering.words import MAX_WORD, words_to_shape

LINES = RenderConfig(newline_markup="<br/>")
SMALL = RenderConfig(
    page_size=(140, 112), margin_x=3, margin_y=3, frame_padding=0, newline_markup="<br/>"
)

ARABIC = "كتب الولد رسالة طويلة إلى صديقه في المدينة البعيدة، ثم نام."
HEBREW = "הילדה קראה ספר ארוך על הים הגדול, ואחר כך נרדמה."
HINDI = "क्षत्रिय विद्यार्थी कृत्रिम हिन्दी श्रृंखला"
THAI = "ที่นี่มีน้ำและผู้ใหญ่ใจดีนั่งอยู่ใต้ต้นไม้"

families = {family for font in system_fonts() for family in font.families}


def needs(family):
    return pytest.mark.skipif(family not in families, reason=f"{family} is not installed")


def shapes_of(word, *, rightward=False):
    table = shape_table(find_font(None), None)
    table.cover(np.unique(normalise(word).codes).astype(np.int64))
    return shared_shaper(table).shape(word, rightward)


def parts_of(word, **options):
    table = shape_table(find_font(None), None)
    return [table.parts(s) for s in shapes_of(word, **options) if s != BLANK]


def drawn(pages):
    return "".join(line for page in pages for line in page.line_texts)


def inked_columns(page):
    return np.flatnonzero(page.pixels.min(axis=0) < 250)


def ink_columns(text, config=LINES):
    [page] = Renderer(config).render(text)
    return inked_columns(page)


def test_arabic_letters_have_other_shapes_at_a_words_start_middle_and_end():
    alone = shapes_of("ه", rightward=True)
    assert len({*shapes_of("ههه", rightward=True), *alone}) == 4


def test_an_arabic_word_is_no_row_of_its_letters():
    [word] = Renderer(LINES).render("محمد")
    [letters] = Renderer(LINES).render("م\u200cح\u200cم\u200cد")
    assert word.digest != letters.digest


def test_lam_and_alef_are_one_shape():
    first, second = shapes_of("لا", rightward=True)
    assert first != BLANK
    assert second == BLANK


def test_a_hebrew_line_begins_at_the_right():
    config = LINES.model_copy(update={"auto_crop_width": False})
    latin, hebrew = ink_columns("abc", config), ink_columns("אבג", config)
    assert latin.max() < 40
    assert hebrew.min() > 588 - 40


def test_a_short_page_from_right_to_left_is_as_narrow_as_one_from_left_to_right():
    [hebrew] = Renderer(LINES).render("אבג")
    [latin] = Renderer(LINES).render("abc")
    assert hebrew.size_px[0] <= latin.size_px[0]


def test_lines_of_a_page_that_is_cropped_end_below_each_other():
    text = "אבג\nאבגדהו"
    [page] = Renderer(LINES).render(text)
    first, second = (
        np.flatnonzero(page.pixels[a:b].min(axis=0) < 128) for a, b in ((8, 18), (18, 28))
    )
    assert abs(first.max() - second.max()) <= 1
    assert first.min() > second.min() + 10


def test_letters_from_right_to_left_stand_in_reverse():
    shown = ink_columns("\u202dאבג")
    reverse = ink_columns("\u202dגבא")
    [turned] = Renderer(LINES).render("אבג")
    assert not np.array_equal(shown, reverse)
    assert np.array_equal(inked_columns(turned), reverse)


def test_brackets_enclose_what_they_enclosed():
    table = shape_table(find_font(None), None)
    [opening] = shapes_of("(", rightward=True)
    assert opening == table.lookup[ord(")")]


def test_a_mark_is_drawn_on_its_letter_as_the_letter_with_the_mark_is():
    [marked] = Renderer(LINES).render("Cafe\u0301 nin\u0303o")
    [whole] = Renderer(LINES).render("Café niño")
    assert np.array_equal(marked.pixels, whole.pixels)
    assert marked.line_texts == ("Cafe\u0301 nin\u0303o",)


@pytest.mark.fault(8)
def test_thousands_of_marks_are_drawn_on_one_letter_and_end():
    [page] = Renderer(LINES).render("a" + "\u0301" * 5000 + "b")
    assert page.char_span == (0, 5002)
    assert len(page.line_texts[0]) == 10


def test_letters_beside_marked_ones_are_drawn_as_ever():
    [plain] = Renderer(LINES).render("fi AV xx")
    [marked] = Renderer(LINES).render("fi AV xx\u0323")
    columns = ink_columns("fi AV").max()
    assert np.array_equal(plain.pixels[:19, :columns], marked.pixels[:19, :columns])


@needs("Noto Sans Devanagari")
def test_consonants_of_devanagari_join_to_one_shape():
    shapes = shapes_of("क्ष")
    assert shapes[0] != BLANK
    assert shapes[1:] == (BLANK, BLANK)


@needs("Noto Sans Devanagari")
def test_a_short_i_of_devanagari_stands_before_its_consonant():
    [[vowel, consonant]] = parts_of("कि")
    [[alone]] = parts_of("क")
    assert consonant.number == alone.number
    assert vowel.x < consonant.x


@needs("Noto Sans Thai")
def test_a_tone_mark_of_thai_stands_above_the_vowel_above_its_consonant():
    heights = []
    for word in ("ท", "ที", "ที่"):
        [page] = Renderer(LINES.model_copy(update={"dpi": 288.0})).render(word)
        heights.append(int(np.flatnonzero(page.pixels.min(axis=1) < 128)[0]))
    assert heights[0] > heights[1] > heights[2]


@needs("Noto Sans Thai")
def test_no_line_begins_with_a_mark_or_ends_with_a_leading_vowel():
    lines = [line for page in Renderer(SMALL).render(THAI * 9) for line in page.line_texts]
    assert len(lines) > 5
    assert not any(line[0] in "ะัาำิีึืุู็่้๊๋์ๆ" for line in lines)
    assert not any(line[-1] in "เแโใไ" for line in lines)


def test_long_stretches_without_spaces_are_divided_between_clusters():
    codes = text_codes("ကျွန်းပြီးမြန်မာ္မ" * 90)
    words = words_to_shape(codes, TRAITS[codes], None)
    assert words.start[0] == 0
    assert words.stop[-1] == len(codes)
    assert (words.start[1:] == words.stop[:-1]).all()
    assert (words.stop - words.start).max() < MAX_WORD + 10
    firsts = {chr(codes[start]) for start in words.start}
    assert not any(unicodedata.category(char).startswith("M") for char in firsts)


def test_emoji_joined_to_one_stay_on_one_line_and_keep_their_chars():
    text = "\U0001f469\u200d\U0001f4bb"
    [page] = Renderer(LINES, missing="replace").render(text + " \u2764\ufe0f")
    assert page.line_texts == (text + " \u2764",)


@pytest.mark.fault(4)
def test_a_char_that_no_font_has_is_replaced_inside_a_word_too():
    [page] = Renderer(LINES, missing="replace").render("e\u0301\U000105ff\u0301e")
    assert page.replaced == 1


MIXED = "\n".join(
    [f"The ship {HEBREW} left on 12.5. {ARABIC}", f"{ARABIC} (page 7) left. {HEBREW}"] * 4
)


def test_a_paragraph_of_both_directions_wraps_in_reading_order():
    pages = list(Renderer(SMALL).render(MIXED))
    codes = normalise(MIXED).codes
    assert drawn(pages) == codes_text(codes[codes != NEWLINE])
    assert len(pages) > 1
    lines = [span for page in pages for span in page.lines]
    assert (lines[0][0], lines[-1][1]) == (0, len(MIXED))
    assert all(one[1] == following[0] for one, following in pairwise(lines))


CHARS = st.sampled_from(
    "ab (1) \u0301\n\u05d0\u05d1\u05b0\u0627\u0644\u0645\u200d\u2067\u2069\u202b"
)


@settings(deadline=None)
@given(st.text(CHARS, min_size=1, max_size=300).map(lambda text: text + "x"))
def test_any_text_is_kept_and_its_spans_tile(text):
    for config in (SMALL, SMALL.model_copy(update={"newline_markup": "", "alignment": "JUSTIFY"})):
        pages = list(Renderer(config).render(text))
        codes = normalise(text).codes
        assert drawn(pages) == codes_text(codes[codes != NEWLINE])
        spans = [page.char_span for page in pages]
        assert (spans[0][0], spans[-1][1]) == (0, len(text))
        assert all(one[1] == following[0] for one, following in pairwise(spans))


@pytest.mark.parametrize("markup", ["<br/>", RenderConfig().newline_markup])
@pytest.mark.parametrize("alignment", ["LEFT", "JUSTIFY", "RIGHT"])
def test_block_edges_leave_no_trace(monkeypatch, markup, alignment):
    config = SMALL.model_copy(update={"newline_markup": markup, "alignment": alignment})
    text = (MIXED + " A plain line.\n«» (12)\nאבג e\u0301\n" + "wordé " * 30 + ARABIC) * 4
    renderer = Renderer(config)
    whole = [page.digest for page in renderer.render(text)]
    for size in (61, 200, 997):
        monkeypatch.setattr(compose, "BLOCK", size)
        assert [page.digest for page in renderer.render(text)] == whole


EDGES = st.text(
    st.sampled_from("a1( \n\u0301\u05d0\u0627\u0644\u0e17\u0e48\u200d\u2067\u2069\u202e\u202c漢"),
    min_size=1,
    max_size=200,
)


@settings(deadline=None)
@given(EDGES.map(lambda text: text + "x"), st.sampled_from([7, 61]))
def test_any_text_makes_the_same_pages_whatever_its_blocks(text, size):
    for config in (SMALL, SMALL.model_copy(update={"newline_markup": GREY_MARKER_MARKUP})):
        renderer = Renderer(config, missing="replace")
        whole = [page.digest for page in renderer.render(text)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compose, "BLOCK", size)
            assert [page.digest for page in renderer.render(text)] == whole


def test_plain_text_is_not_shaped(monkeypatch):
    def refuse(*_):
        raise AssertionError("shaped")

    monkeypatch.setattr(uharfbuzz, "shape", refuse)
    renderer = Renderer(LINES, missing="replace")
    assert list(renderer.render("Café “naïve” – Ελληνικά, Кириллица ½ → ∑ 漢字かな 한글\n"))
    with pytest.raises(AssertionError):
        list(renderer.render("a\u0323\u0331"))


def test_brackets_of_a_plain_piece_look_the_other_way_from_right_to_left(monkeypatch):
    text = "אבג " + "(12) " * 40
    whole = [page.digest for page in Renderer(LINES).render(text)]
    monkeypatch.setattr(compose, "BLOCK", 20)
    monkeypatch.setattr(scribe, "MAX_PART", 20)
    assert [page.digest for page in Renderer(LINES).render(text)] == whole


def test_marks_and_words_may_be_cut_between_pieces():
    text = f"Cafe\u0301 {ARABIC} {HEBREW}"
    whole = [page.digest for page in Renderer(LINES).render(text)]
    assert [page.digest for page in Renderer(LINES).render(iter(text))] == whole


def test_a_very_long_paragraph_is_ordered_in_parts_that_pieces_do_not_change(monkeypatch):
    text = (ARABIC + " ") * 700
    whole = [page.digest for page in Renderer(LINES).render(text)]
    monkeypatch.setattr(compose, "BLOCK", 5000)
    assert [page.digest for page in Renderer(LINES).render(text)] == whole


def test_the_order_of_texts_does_not_change_pages():
    first = [page.digest for page in Renderer(LINES).render(MIXED)]
    shape_table.cache_clear()
    renderer = Renderer(LINES)
    list(renderer.render("e\u0301 " + HEBREW[::-1]))
    assert [page.digest for page in renderer.render(MIXED)] == first


def test_a_marker_is_spelled_from_left_to_right_in_a_line_from_right_to_left():
    config = RenderConfig(newline_markup='<font color="#808080">ab</font>')
    [marked] = Renderer(config).render("אבג\nדהו")
    [spelled] = Renderer(LINES).render("אבג\u2066ab\u2069דהו")
    assert np.array_equal(inked_columns(marked), inked_columns(spelled))


@pytest.mark.fault(28)
def test_the_digest_of_fonts_follows_the_fonts_that_shape_a_text():
    sans, mono = (Renderer(RenderConfig(font_path=name)) for name in (None, "DejaVuSansMono.ttf"))
    assert sans.font_digest(ARABIC) != mono.font_digest(ARABIC)
    assert sans.font_digest(ARABIC) != sans.font_digest(HEBREW)
