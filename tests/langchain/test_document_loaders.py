"""Files, folders and blobs become documents; what cannot be read is told and costs no other."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from langchain_core.document_loaders import Blob, BlobLoader
from samples import LINES, SMALL

from glyph_shared import InputError, LeftOutWarning, PdfError, PdfLimits
from langchain_glyph import GlyphBlobParser, GlyphLoader, GlyphPageTransformer
from tests.documents.sheets import pdf, prose, scan

PAGES = GlyphPageTransformer(config=SMALL)


def folder(path, **files):
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (path / name.replace("_", ".")).write_bytes(data)
    return path


def told(documents):
    return [(one.page_content, Path(one.metadata["source"]).name) for one in documents]


def test_a_file_is_one_document_named_as_it_was(tmp_path):
    folder(tmp_path, diary_txt=LINES)
    [document] = GlyphLoader(tmp_path / "diary.txt").load()
    assert document.page_content == LINES
    assert document.metadata == {"source": str(tmp_path / "diary.txt")}


def test_each_file_of_a_folder_is_a_document_in_a_stable_order(tmp_path):
    folder(tmp_path, b_py="x = 1\n", a_html="<p>Hello</p>", c_csv="a,b\n1,2\n", d_pdf=pdf(prose))
    documents = GlyphLoader(str(tmp_path)).load()
    assert [Path(one.metadata["source"]).name for one in documents] == [
        "a.html", "b.py", "c.csv", "d.pdf",
    ]  # fmt: skip
    assert [one.page_content for one in documents][:3] == ["Hello", "x = 1\n", "a | b\n1 | 2\n"]
    assert all(Path(one.metadata["source"]).is_file() for one in documents)


def test_files_are_read_one_by_one(tmp_path):
    folder(tmp_path, a_txt="a", b_txt="b")
    documents = GlyphLoader(tmp_path).lazy_load()
    assert next(documents).page_content == "a"
    (tmp_path / "b.txt").write_text("changed")
    assert next(documents).page_content == "changed"


def test_an_event_loop_loads_the_same(tmp_path):
    folder(tmp_path, a_txt="a", b_txt="b")
    loader = GlyphLoader(tmp_path)
    assert asyncio.run(loader.aload()) == loader.load()


@pytest.mark.fault(20)
def test_bad_files_cost_no_other_and_are_told(tmp_path):
    folder(tmp_path, a_txt="a", b_pdf=b"%PDF-1.4 torn", c_bin=b"\0", d_txt="", e_txt="e")
    loader = GlyphLoader(tmp_path)
    with pytest.warns(LeftOutWarning, match=r"read: b\.pdf.*; c\.bin") as caught:
        documents = loader.load()
    assert len(caught) == 1
    assert told(documents) == [("a", "a.txt"), ("e", "e.txt")]
    assert [one.path for one in loader.skipped] == ["b.pdf", "c.bin"]


def test_many_bad_files_are_told_in_one_warning(tmp_path):
    folder(tmp_path, a_txt="a", **{f"{name}_bin": b"\0" for name in "bcdef"})
    with pytest.warns(LeftOutWarning, match=r"read: b\.bin.*; and 2 more$"):
        GlyphLoader(tmp_path).load()


def test_source_pages_without_text_are_told(tmp_path):
    folder(tmp_path, a_pdf=pdf(prose, scan))
    with pytest.warns(LeftOutWarning, match="no text layer on source pages 2"):
        [document] = GlyphLoader(tmp_path / "a.pdf").load()
    assert "It rained all day" in document.page_content


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", InputError), (b" \n", InputError), (b"\0", InputError), (b"%PDF-1.4", PdfError)],
)
def test_a_single_bad_file_is_an_error(tmp_path, content, error):
    folder(tmp_path, a_txt=content)
    with pytest.raises(error, match=r"a\.txt"):
        GlyphLoader(tmp_path / "a.txt").load()


def test_a_path_that_is_not_there_is_an_error_once_it_is_read(tmp_path):
    loader = GlyphLoader(tmp_path / "none")
    with pytest.raises(InputError, match="none"):
        loader.load()


def test_an_encoding_can_be_named(tmp_path):
    folder(tmp_path, a_txt="Привет".encode("koi8-r"))
    assert told(GlyphLoader(tmp_path, encoding="koi8-r").load()) == [("Привет", "a.txt")]
    with pytest.raises(InputError, match="no encoding is named 'none-such'"):
        GlyphLoader(tmp_path, encoding="none-such").load()


def test_an_encoding_that_nobody_named_loses_no_byte(tmp_path):
    folder(tmp_path, a_txt="naïve café".encode("cp1252"))
    assert told(GlyphLoader(tmp_path).load()) == [("naïve café", "a.txt")]


def test_limits_hold_for_pdfs(tmp_path):
    folder(tmp_path, a_pdf=pdf(prose, prose))
    with pytest.raises(PdfError, match="max_pages=1"):
        GlyphLoader(tmp_path / "a.pdf", limits=PdfLimits(max_pages=1)).load()


def test_standard_input_is_named_by_a_dash(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hello"), encoding="utf-8"))
    assert told(GlyphLoader("-").load()) == [("Hello", "standard input")]


def test_pages_tell_where_they_begin_in_a_pdf(tmp_path):
    folder(tmp_path, a_pdf=pdf(*[prose] * 6), b_txt=LINES)
    pages = GlyphLoader(tmp_path, pages=PAGES).load()
    of_pdf = [page.metadata for page in pages if page.metadata["source"].endswith("a.pdf")]
    assert [page["page"] for page in of_pdf] == list(range(1, len(of_pdf) + 1))
    numbers = [page["source_page"] for page in of_pdf]
    assert numbers[0] == 1
    assert numbers == sorted(numbers)
    assert numbers[-1] > 1
    whole = GlyphLoader(tmp_path / "b.txt").load()[0].page_content
    of_text = [page for page in pages if page.metadata["source"].endswith("b.txt")]
    assert "".join(page.page_content for page in of_text) == whole
    assert not any("source_page" in page.metadata for page in of_text)


@pytest.mark.parametrize(
    ("blob", "text"),
    [
        (Blob.from_data("x = 1"), "x = 1"),
        (Blob.from_data(b"x = 1"), "x = 1"),
        (Blob.from_data("<p>é</p>", mime_type="text/html"), "é"),
        (Blob.from_data(b"<p>\xe9</p>", path="a.html"), "é"),
        (Blob.from_data("Привет".encode("koi8-r"), encoding="koi8-r"), "Привет"),
        (Blob.from_data("Привет", encoding="ascii"), "Привет"),
    ],
)
def test_blobs_in_memory_are_read_as_what_they_are(blob, text):
    [document] = GlyphBlobParser().parse(blob)
    assert document.page_content == text


def test_a_blob_of_a_path_is_read_as_the_file(tmp_path):
    folder(tmp_path, a_html="<p>Hello</p>")
    blob = Blob.from_path(tmp_path / "a.html", metadata={"shelf": 3})
    [document] = GlyphBlobParser().parse(blob)
    assert document.page_content == "Hello"
    assert document.metadata == {"shelf": 3, "source": str(tmp_path / "a.html")}


def test_a_blob_without_a_name_has_no_source():
    [document] = GlyphBlobParser().parse(Blob.from_data("text"))
    assert document.metadata == {}


def test_a_pdf_in_memory_becomes_pages():
    blob = Blob.from_data(pdf(prose), mime_type="application/pdf", metadata={"source": "a"})
    pages = GlyphBlobParser(pages=PAGES).parse(blob)
    assert "It rained all day" in pages[0].page_content
    assert (pages[0].metadata["source"], pages[0].metadata["source_page"]) == ("a", 1)


def test_a_blob_that_is_a_part_of_a_source_keeps_its_place():
    blob = Blob.from_data(LINES, metadata={"source": "a", "start_index": 10_000_000})
    first, second, *_ = GlyphBlobParser(pages=PAGES).parse(blob)
    assert first.metadata["char_span"][0] == 10_000_000
    assert first.metadata["char_span"][1] == second.metadata["start_index"]


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (Blob.from_data(b""), InputError),
        (Blob.from_data(b"\0"), InputError),
        (Blob.from_data(b"%PDF-1.4 torn"), PdfError),
        (Blob.from_data(b"\xff", encoding="ascii"), InputError),
        (Blob.from_data(b"text", encoding="none-such"), InputError),
        (Blob.from_path("none"), InputError),
    ],
)
def test_a_blob_that_cannot_be_read_is_an_error(blob, error):
    with pytest.raises(error):
        GlyphBlobParser().parse(blob)


def test_a_parser_works_behind_any_loader_of_blobs(tmp_path):
    class Files(BlobLoader):
        def yield_blobs(self) -> Iterable[Blob]:
            return map(Blob.from_path, sorted(tmp_path.iterdir()))

    folder(tmp_path, a_txt="a", b_html="<p>b</p>")
    parser = GlyphBlobParser()
    documents = [one for blob in Files().yield_blobs() for one in parser.lazy_parse(blob)]
    assert told(documents) == [("a", "a.txt"), ("b", "b.html")]
