"""Each source page is read as suits it, and the reason is told."""

from __future__ import annotations

import pytest

from glyph_shared.documents import OBJECT_MARK, read_document
from glyph_shared.documents.page_choice import PageFacts, choose, show
from glyph_shared.errors import PdfError
from tests.documents import sheets

A4 = (595.0, 842.0)
LOOKS = {
    "prose": ("text", "text layer"),
    "two_columns": ("text", "text layer"),
    "letter": ("text", "text layer"),
    "scan": ("picture", "no text layer"),
    "ruled_table": ("picture", "table: 9 rules across, 5 down"),
    "book_table": ("picture", "table: 3 rules of one length"),
    "bare_table": ("picture", "table: 8 rows on 4 aligned columns"),
    "figure": ("picture", "figures cover 34% of the page"),
    "plot": ("picture", "figures cover 34% of the page"),
    "blank": ("left out", "blank"),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    path.write_bytes(sheets.pdf(*(getattr(sheets, name) for name in LOOKS)))
    return path


def test_auto_chooses_for_each_source_page_and_says_why(report):
    pages = read_document(report, source_pages="auto").source_pages
    assert {page.number: (page.kind, page.reason) for page in pages} == dict(
        enumerate(LOOKS.values(), start=1)
    )
    assert {page.path for page in pages} == {"report.pdf"}


def test_a_picture_stands_for_its_own_stretch_of_the_text(report):
    document = read_document(report, source_pages="auto")
    numbers = [picture.number for picture in document.pictures]
    assert numbers == [
        number for number, (kind, _) in enumerate(LOOKS.values(), 1) if kind == "picture"
    ]
    for picture in document.pictures:
        stretch = document.text[picture.start : picture.end]
        assert (stretch.strip() == OBJECT_MARK) == (not picture.has_text)
        assert {document.locate(at).source_page for at in (picture.start, picture.end - 1)} == {
            picture.number
        }
    assert document.text.count("Bergen") == 3


def test_pictures_shows_all_pages_and_text_none(report):
    shown = read_document(report, source_pages="pictures")
    assert [page.kind for page in shown.source_pages] == ["picture"] * 9 + ["left out"]
    assert shown.source_pages[0].reason == "asked for"
    read = read_document(report, source_pages="text")
    assert (read.pictures, {page.kind for page in read.source_pages}) == ((), {"text", "left out"})
    assert read == read_document(report)


@pytest.mark.parametrize(("scale", "kind"), [(4.5, "picture"), (1.0, "text")])
def test_a_figure_in_a_form_is_measured_where_it_is_drawn(tmp_path, scale, kind):
    def placed(canvas):
        sheets.prose_above(canvas)
        canvas.beginForm("chart")
        sheets.image(canvas, sheets.photograph(), 0, 0, 100, 80)
        canvas.endForm()
        canvas.translate(72, 150)
        canvas.scale(scale, scale)
        canvas.doForm("chart")

    (tmp_path / "a.pdf").write_bytes(sheets.pdf(placed))
    [page] = read_document(tmp_path / "a.pdf", source_pages="auto").source_pages
    assert page.kind == kind
    if kind == "picture":
        assert page.reason == "figures cover 33% of the page"


def test_pages_keep_their_place_in_a_folder(tmp_path):
    (tmp_path / "a.txt").write_text("Before.\n", encoding="utf-8")
    (tmp_path / "b.pdf").write_bytes(sheets.pdf(sheets.scan, sheets.prose))
    document = read_document(tmp_path, source_pages="auto")
    [picture] = document.pictures
    assert document.text[: picture.start] == "=== a.txt ===\nBefore.\n\n=== b.pdf ===\n"
    assert document.text[picture.start : picture.end] == f"{OBJECT_MARK}\n\n"
    assert str(document.locate(picture.start)) == "b.pdf p. 1"


def test_a_pdf_of_blank_pages_is_refused(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(sheets.pdf(sheets.blank, sheets.blank))
    with pytest.raises(PdfError, match="2 source pages") as caught:
        read_document(path, source_pages="auto")
    assert caught.value.reason == "no_text"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("\ue001\ue002\ue003\ue004 4711", "picture"),
        ("\ufffd\ufffd\ufffd known words", "picture"),
        ("A bullet \uf0b7 here and there is no reason to distrust the rest.", "text"),
    ],
)
def test_a_garbled_text_layer_is_not_believed(text, kind):
    chosen = choose(text, PageFacts(size_pt=A4, objects=3))
    assert chosen.kind == kind
    if kind == "picture":
        assert "garbled" in chosen.reason
        assert not chosen.keeps_text
        assert not show(text, PageFacts(size_pt=A4, objects=3)).keeps_text


def test_a_page_without_area_is_never_a_picture():
    assert choose("Words.", PageFacts(size_pt=(0.0, 842.0), objects=1)).kind == "text"
    assert choose("", PageFacts(size_pt=(0.0, 842.0), objects=1)).kind == "left out"
    assert show("Words.", PageFacts()).kind == "text"
