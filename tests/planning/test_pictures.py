"""Source pages stand among drawn text, as large as the window allows and legibility demands."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glyph_shared.documents import Document, Picture, PictureFile, read_document
from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.documents.limits import DEFAULT_LIMITS
from glyph_shared.errors import OverLengthError
from glyph_shared.planning import (
    PICTURE_DPI,
    PICTURE_FLOOR_DPI,
    PICTURE_VISUAL_TOKENS,
    EstimateCounter,
    count_visual_tokens,
    plan,
    survey,
)
from glyph_shared.planning.passages import GAP, excerpt
from glyph_shared.planning.picture_pages import picture_cost, picture_size
from glyph_shared.planning.pieces import pieces
from glyph_shared.rendering import PICTURE_MARK, Page, PageStore, RenderConfig, png_theta_hash
from tests.documents import sheets

A4 = (595.0, 842.0)
FULL, FLOOR = 1120, 630
QUESTION = "What is the access code of the Lisbon office?"


def read(tmp_path, *pages, name="report.pdf") -> Document:
    (tmp_path / name).write_bytes(sheets.pdf(*pages))
    return read_document(tmp_path / name, source_pages="auto")


def planned(context, window=100_000, overflow="error", **options):
    return plan(
        context, window, counter=EstimateCounter(), max_tokens=100, overflow=overflow, **options
    )


def scans(count: int) -> Document:
    """A document of scans whose file is never drawn."""
    builder = DocumentBuilder()
    file = PictureFile("scans.pdf", "pdf", b"", DEFAULT_LIMITS)
    for number in range(1, count + 1):
        builder.add_picture("\ufffc\n\n", file, number, A4, has_text=False, source_page=number)
    return builder.build("scans.pdf")


# --- sizes ---------------------------------------------------------------------------------------


def test_a_page_of_a4_costs_what_the_docstrings_say():
    assert count_visual_tokens(picture_size(A4, PICTURE_DPI)) == FULL
    assert count_visual_tokens(picture_size(A4, PICTURE_FLOOR_DPI)) == FLOOR


@given(
    st.floats(0.01, 1e7), st.floats(0.01, 1e7), st.integers(PICTURE_FLOOR_DPI, PICTURE_DPI)
)  # fmt: skip
def test_a_picture_of_any_page_is_bounded_and_whole_tokens(wide, high, dpi):
    width, height = picture_size((wide, high), dpi)
    assert width % 28 == height % 28 == 0
    assert 1 <= count_visual_tokens((width, height)) <= PICTURE_VISUAL_TOKENS
    assert width * height == 784 * count_visual_tokens((width, height)) or width * height < 6272


def test_a_poster_is_drawn_below_the_floor_but_costs_no_more_than_two_pages():
    tokens = count_visual_tokens(picture_size((2384, 3370), PICTURE_DPI))
    assert 0.9 * PICTURE_VISUAL_TOKENS <= tokens <= PICTURE_VISUAL_TOKENS


# --- pages ---------------------------------------------------------------------------------------


def test_pictures_stand_among_pages_of_text_in_their_order(tmp_path):
    document = read(tmp_path, sheets.prose, sheets.scan, sheets.ruled_table, sheets.prose)
    made = planned(document)
    assert [page.is_picture for page in made.pages] == [False, True, True, False]
    assert [page.index for page in made.pages] == [0, 1, 2, 3]
    assert made.pages[0].char_span[0] == 0
    assert made.pages[-1].char_span[1] == len(document.text)
    assert all(one.char_span[1] == two.char_span[0] for one, two in pairwise(made.pages))
    places = [made.locate(start).source_page for start, _ in made.page_spans]
    assert places == [1, 2, 3, 4]
    assert made.pictures == made.summary()["pictures"] == 2
    assert "(2 of them source pages at 96 dpi)" in str(made)


def test_a_picture_is_a_page_like_any_other(tmp_path):
    [page] = planned(read(tmp_path, sheets.scan)).pages
    assert isinstance(page, Page)
    assert page.size_px == (784, 1120)
    assert page.visual_tokens == FULL
    assert png_theta_hash(page.png) == page.theta_hash
    assert page.theta_hash.startswith(PICTURE_MARK)
    assert page.data_url().startswith("data:image/png;base64,")
    image = Image.open(io.BytesIO(page.png))
    assert (image.size, image.mode) == ((784, 1120), "L")
    assert image.tobytes() == page.pixels.tobytes()
    assert "".join(page.line_texts) == ""


def test_colours_stay_and_grey_paper_is_grey(tmp_path):
    made = planned(read(tmp_path, sheets.figure, sheets.ruled_table))
    assert [Image.open(io.BytesIO(page.png)).mode for page in made.pages] == ["RGB", "L"]


def test_the_same_file_gives_the_same_bytes(tmp_path):
    one, other = (planned(read(tmp_path, sheets.figure, sheets.scan)).pages for _ in range(2))
    assert [page.png for page in one] == [page.png for page in other]
    assert [page.digest for page in one] == [page.digest for page in other]


def test_kept_pictures_are_not_drawn_again(tmp_path, monkeypatch):
    store = PageStore(tmp_path / "store")
    document = read(tmp_path, sheets.scan, sheets.prose, sheets.figure)
    first = planned(document, store=store)

    def refused(*_):
        raise AssertionError

    monkeypatch.setattr("glyph_shared.planning.picture_pages.rasterise", refused)
    again = planned(document, store=store)
    assert [page.png for page in again.pages] == [page.png for page in first.pages]
    assert [page.char_span for page in again.pages] == [page.char_span for page in first.pages]


def test_a_document_with_pictures_never_goes_along_as_text(tmp_path):
    made = planned(read(tmp_path, sheets.scan))
    assert (made.mode, made.report.text_tokens < made.visual_tokens) == ("pages", True)


def test_exact_strings_of_a_table_go_along_as_text(tmp_path):
    def account(canvas):
        sheets.ruled_table(canvas)
        canvas.drawString(72, 300, "Account DE89 3704 0044 0532 0130 00")

    made = planned(read(tmp_path, account))
    assert made.pictures == 1
    assert "page 1: DE89 3704 0044 0532 0130 00" in made.sidecars[0].text


def test_pictures_keep_their_place_where_each_kind_of_file_has_its_own_look(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.py").write_text("def code():\n    return 4711\n" * 30, encoding="utf-8")
    (folder / "b.pdf").write_bytes(sheets.pdf(sheets.prose, sheets.scan, sheets.prose))
    made = planned(read_document(folder, source_pages="auto"), config="auto")
    assert len(made.configs) == 2
    assert [page.is_picture for page in made.pages] == [False, False, True, False]
    places = [made.locate(start) for start, _ in made.page_spans]
    assert [(place.path, place.source_page) for place in places] == [
        ("a.py", None),
        ("b.pdf", 1),
        ("b.pdf", 2),
        ("b.pdf", 3),
    ]


# --- the window ----------------------------------------------------------------------------------


def test_pictures_get_the_highest_resolution_that_fits(tmp_path):
    document = read(tmp_path, sheets.scan, sheets.prose, sheets.scan)
    whole = planned(document)
    tight = planned(document, whole.visual_tokens + whole.reserve - 1)
    assert (whole.overflow_note, whole.picture_dpi) == ("", PICTURE_DPI)
    assert PICTURE_FLOOR_DPI < tight.picture_dpi < PICTURE_DPI
    assert f"at {tight.picture_dpi} dpi instead of 96 to fit" in tight.overflow_note
    assert len(tight.windows) == 1
    larger = [picture_cost(picture, tight.picture_dpi + 1) for picture in document.pictures]
    text = whole.visual_tokens - 2 * (FULL + 2)
    assert sum(larger) + text > tight.budget.context


def test_below_the_floor_nothing_fits_and_the_error_says_so():
    with pytest.raises(OverLengthError, match="72 dpi, the least that is legible") as caught:
        planned(scans(10), 10 * FLOOR)
    assert caught.value.needed == 10 * (FLOOR + 2)
    assert caught.value.needed > caught.value.limit


def test_the_image_limit_counts_pictures():
    with pytest.raises(OverLengthError, match="10 pages and a request may have max_pages=9"):
        planned(scans(10), max_pages=9)


def test_map_reduce_divides_between_pages_and_draws_them_in_full(tmp_path):
    made = planned(read(tmp_path, *[sheets.scan] * 5), 2 * (FULL + 2) + 200, "map_reduce")
    assert [(part.start_page, part.stop_page) for part in made.windows] == [(0, 2), (2, 4), (4, 5)]
    assert {page.size_px for page in made.pages} == {(784, 1120)}


def test_a_window_smaller_than_a_page_shrinks_the_page(tmp_path):
    made = planned(read(tmp_path, sheets.scan, sheets.scan), 1000, "map_reduce")
    assert len(made.windows) == 2
    assert all(part.visual_tokens <= made.budget.context for part in made.windows)


def test_denser_lowers_pictures_to_their_floor_and_then_the_text(tmp_path):
    document = read(tmp_path, *[sheets.prose] * 8, sheets.scan, sheets.ruled_table)
    config = RenderConfig()
    whole = planned(document, config=config)
    text = whole.visual_tokens - 2 * (FULL + 2)
    window = text * 4 // 5 + 2 * (FLOOR + 2) + whole.reserve
    with pytest.raises(OverLengthError):
        planned(document, window, config=config)
    made = planned(document, window, "denser", config=config)
    assert made.config.dpi < config.dpi
    assert made.pictures == 2
    assert "nothing was left out; source pages drawn at" in made.overflow_note


def test_denser_names_both_floors():
    with pytest.raises(OverLengthError, match="that of source pages at 72 dpi"):
        planned(scans(10), 10 * FLOOR, "denser")


def rainy(canvas):
    canvas.setFont("Times-Roman", 6)
    for number in range(90):
        canvas.drawString(40, 800 - 8 * number, f"On day {number} it rained. " * 6)


def test_hybrid_sends_the_picture_whose_words_are_asked_for(tmp_path):
    document = read(tmp_path, rainy, sheets.scan, rainy, sheets.ruled_table, rainy)
    made = planned(document, 1200, "hybrid", question=QUESTION)
    assert [page.is_picture for page in made.pages] == [True]
    assert made.locate(0).source_page == 4
    [left] = [part for part in made.left_out if "picture without text" in part.reason]
    assert left.source_page == 2


def test_hybrid_fills_the_room_that_is_left_with_pictures_without_words(tmp_path):
    document = read(tmp_path, rainy, sheets.scan, rainy, sheets.ruled_table, rainy)
    made = planned(document, 2500, "hybrid", question="Lisbon")
    assert [made.locate(start).source_page for start, _ in made.page_spans] == [2, 4]
    assert GAP not in made.text


def test_hybrid_sends_scans_in_order_where_there_is_no_word_at_all(tmp_path):
    document = read(tmp_path, *[sheets.scan] * 6)
    made = planned(document, 3 * (FLOOR + 2) + 200, "hybrid", question="Lisbon")
    assert [made.locate(start).source_page for start, _ in made.page_spans] == [1, 2, 3]
    assert len(made.left_out) == 1
    assert made.left_out[0].source_page == 4


def test_what_a_scan_costs_is_counted_without_drawing_it():
    [row] = survey(scans(4), {"--preset en": RenderConfig()}, counter=EstimateCounter())
    assert (row.pages, row.report.visual_tokens) == (4, 4 * (FULL + 2))


# --- pieces --------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["word ", "\n", " \n\n", None]), min_size=1, max_size=12))
def test_pieces_tile_a_document_and_none_is_blank(parts):
    builder = DocumentBuilder()
    file = PictureFile("a.pdf", "pdf", b"", DEFAULT_LIMITS)
    for part in parts:
        if part is None:
            builder.add_picture("\ufffc", file, 1, A4, has_text=False, source_page=1)
        else:
            builder.add(part, path="a.pdf", line=1)
    document = builder.build("a.pdf")
    made = list(pieces(document))
    assert "".join(document.text[piece.start : piece.end] for piece in made) == document.text
    assert [piece.picture for piece in made if piece.picture] == list(document.pictures)
    if document.text.strip():
        assert all(document.text[piece.start : piece.end].strip() for piece in made)


def test_an_excerpt_keeps_the_pictures_that_are_whole_in_it():
    document = scans(3)
    part = excerpt(document, [(0, 3), (6, 9)])
    assert part.text == "\ufffc\n\n\ufffc\n\n"
    assert [(one.start, one.end, one.number) for one in part.pictures] == [(0, 3, 1), (3, 6, 3)]
    assert isinstance(part.pictures[0], Picture)
