"""PDFs are read within limits, and every way they fail has its own reason."""

from __future__ import annotations

import io
import sys
import zlib

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib import pdfencrypt
from reportlab.pdfgen import canvas

from glyph_shared.documents import PdfLimits, pdf, read_document
from glyph_shared.errors import ConfigError, PdfError


def drawn(*pages, **settings):
    """Returns a PDF with these texts, one page each; None draws a picture instead."""
    data = io.BytesIO()
    sheet = canvas.Canvas(data, **settings)
    for index, text in enumerate(pages):
        for number, line in enumerate((text or "").splitlines()):
            sheet.drawString(72, 700 - 12 * number, line)
        if text is None:
            sheet.beginForm(f"scan{index}")
            sheet.rect(0, 0, 50, 50)
            sheet.endForm()
            sheet.doForm(f"scan{index}")
        sheet.showPage()
    sheet.save()
    return data.getvalue()


def written(objects, *, trailer=b""):
    """Returns a PDF made of these object bodies, numbered from 1, with a correct xref table."""
    data = io.BytesIO(b"%PDF-1.4\n")
    data.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(data.tell())
        data.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    xref = data.tell()
    data.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    data.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    data.write(b"trailer\n<</Size %d/Root 1 0 R%s>>\n" % (size, trailer % {b"xref": xref}))
    data.write(b"startxref\n%d\n%%%%EOF\n" % xref)
    return data.getvalue()


def stream(content, extra=b""):
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), extra, content)


def one_page(content, *, kids=b"[3 0 R]", count=1, catalog=b"", form=b"(no form)", trailer=b""):
    """Returns a one-page PDF whose parts a test can spoil."""
    return written(
        [
            b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
            b"<</Type/Pages/Kids%s/Count %d>>" % (kids, count),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
            b"/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>>>",
            content,
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            form,
            b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Next 7 0 R/Title(x)>>",
        ],
        trailer=trailer,
    )


WORD = b"BT /F1 9 Tf (word) Tj ET "


def read(tmp_path, data, **limits):
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    return read_document(path, limits=PdfLimits(**limits))


def refusal(tmp_path, data, **limits):
    with pytest.raises(PdfError, match=r"^a\.pdf ") as caught:
        read(tmp_path, data, **limits)
    return caught.value


def test_each_source_page_is_known(tmp_path):
    document = read(tmp_path, drawn("First page.\nSecond line.", "Other page."))
    assert document.text == "First page.\nSecond line.\n\nOther page.\n"
    first = document.locate(document.text.index("Second"))
    assert (first.path, first.line, first.source_page) == ("a.pdf", 2, 1)
    assert str(document.locate(document.text.index("Other"))) == "a.pdf p. 2"


def test_a_pdf_is_known_by_its_first_bytes(tmp_path):
    (tmp_path / "paper").write_bytes(drawn("Words."))
    assert read_document(tmp_path / "paper").text == "Words.\n"


@pytest.mark.fault(20, 56)
def test_pdfs_in_a_folder_are_read_and_bad_ones_listed(tmp_path):
    (tmp_path / "a.pdf").write_bytes(drawn("Words."))
    (tmp_path / "b.pdf").write_bytes(b"<html>")
    document = read_document(tmp_path)
    assert document.text == "=== a.pdf ===\nWords.\n"
    assert [skipped.path for skipped in document.skipped] == ["b.pdf"]


@pytest.mark.fault(16)
@pytest.mark.parametrize(("user", "readable"), [("secret", False), ("", True)])
def test_only_a_password_needed_to_open_is_in_the_way(tmp_path, user, readable):
    lock = pdfencrypt.StandardEncryption(user, "owner", strength=128)
    data = drawn("Locked words.", encrypt=lock)
    if readable:
        assert read(tmp_path, data).text == "Locked words.\n"
    else:
        assert refusal(tmp_path, data).reason == "encrypted"


@pytest.mark.fault(17)
def test_a_scan_is_refused_and_never_an_empty_text(tmp_path):
    error = refusal(tmp_path, drawn(None, None))
    assert error.reason == "no_text"
    assert "2 source pages" in str(error)
    assert "OCR" in str(error)


@pytest.mark.fault(17)
def test_scanned_pages_among_others_are_listed(tmp_path):
    document = read(tmp_path, drawn("Words.", None, None, "", "More.", None))
    assert document.text == "Words.\n\nMore.\n\n"
    assert [skipped.reason for skipped in document.skipped] == [
        "no text layer on source pages 2-3, 6"
    ]


@pytest.mark.fault(18)
def test_a_deflate_bomb_hits_a_limit(tmp_path):
    bomb = zlib.compress(b" " * 400_000_000)
    assert len(bomb) < 400_000
    data = one_page(stream(bomb, b"/Filter/FlateDecode"))
    assert refusal(tmp_path, data).reason == "limit"


@pytest.mark.fault(18)
def test_memory_is_limited_by_the_system_too(tmp_path):
    data = one_page(stream(zlib.compress(WORD + b" " * 70_000_000), b"/Filter/FlateDecode"))
    error = refusal(tmp_path, data, memory_bytes=150_000_000)
    assert error.reason == "limit"
    assert "memory_bytes=150000000" in str(error)


@pytest.mark.fault(19)
def test_a_million_operators_end_at_the_cpu_limit(tmp_path):
    error = refusal(tmp_path, one_page(stream(WORD * 300_000)), cpu_seconds=1)
    assert error.reason == "limit"
    assert "cpu_seconds=1" in str(error)


def test_time_on_the_clock_is_limited(tmp_path):
    error = refusal(tmp_path, drawn("Words."), wall_seconds=0.001)
    assert error.reason == "limit"
    assert "wall_seconds=0.001" in str(error)


@pytest.mark.fault(20)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><body>Not found",
        drawn("Words.")[:700],
        b"%PDF-1.7\n",
        b"%PDF-1.4\n" + b"[" * 9999,
    ],
    ids=["empty", "html", "truncated", "header", "brackets"],
)
def test_what_is_no_pdf_is_named(tmp_path, data):
    error = refusal(tmp_path, data)
    assert error.reason == "broken"
    assert "0x" not in str(error)


LOOPS = {
    "outlines": {"catalog": b"/Outlines 7 0 R"},
    "xref": {"trailer": b"/Prev %(xref)d"},
    "form": {
        "form": stream(
            WORD + b"/X Do",
            b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>",
        )
    },
}


def test_a_pdf_of_no_bytes_is_called_empty(tmp_path):
    (tmp_path / "empty.pdf").write_bytes(b"")
    with pytest.raises(PdfError, match=r"^empty.pdf is empty \(0 bytes\); ") as caught:
        read_document(tmp_path / "empty.pdf")
    assert caught.value.reason == "broken"


@pytest.mark.fault(21)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_in_the_structure_is_bounded(tmp_path, loop):
    text = read(tmp_path, one_page(stream(WORD + b"/X Do"), **LOOPS[loop]), cpu_seconds=20).text
    assert text.startswith("word")
    assert text.count("word") <= 2


@pytest.mark.fault(21)
def test_a_loop_in_the_page_tree_is_refused(tmp_path):
    data = one_page(stream(WORD), kids=b"[3 0 R 2 0 R]", count=2)
    assert refusal(tmp_path, data).reason == "broken"


@pytest.mark.fault(22)
def test_one_page_referenced_again_and_again_is_counted(tmp_path):
    data = one_page(stream(WORD), kids=b"[" + b"3 0 R " * 2001 + b"]", count=2001)
    error = refusal(tmp_path, data)
    assert error.reason == "limit"
    assert "2001 pages" in str(error)
    assert "max_pages=2000" in str(error)


def test_text_is_limited(tmp_path):
    error = refusal(tmp_path, drawn("Words.", "More words."), max_chars=10)
    assert error.reason == "limit"
    assert "max_chars=10" in str(error)


@pytest.mark.fault(23)
def test_scripts_launches_and_attachments_are_ignored(tmp_path):
    action = (
        b"/OpenAction<</S/Launch/F(touch)/Win<</F(calc.exe)>>>>/AA<</WC<</S/JavaScript/JS(x())>>>>"
    )
    writer = PdfWriter(PdfReader(io.BytesIO(one_page(stream(WORD), catalog=action))))
    writer.add_attachment("evil.txt", b"attached secret")
    data = io.BytesIO()
    writer.write(data)
    assert b"attached secret" in data.getvalue()
    assert read(tmp_path, data.getvalue()).text == "word\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]


@pytest.mark.fault(24)
def test_markup_in_a_pdf_is_plain_text(tmp_path):
    payload = "<script>alert(1)</script> =cmd|' /C calc'!A0"
    assert read(tmp_path, drawn(payload)).text == payload + "\n"


@pytest.mark.fault(56, 61)
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_a_child_process_that_is_killed_costs_its_own_file_alone(tmp_path, monkeypatch, name):
    program = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    monkeypatch.setattr(pdf, "command", lambda *_: [sys.executable, "-c", program])
    (tmp_path / "a.pdf").write_bytes(drawn("Words."))
    (tmp_path / "b.txt").write_text("Other words.", encoding="utf-8")
    document = read_document(tmp_path)
    assert document.text == "=== b.txt ===\nOther words.\n"
    assert [skipped.path for skipped in document.skipped] == ["a.pdf"]
    with pytest.raises(PdfError, match=r"^a\.pdf "):
        read_document(tmp_path / "a.pdf")


@pytest.mark.parametrize("field", ["max_pages", "max_chars", "memory_bytes", "cpu_seconds"])
@pytest.mark.parametrize("value", [0, -1])
def test_limits_must_be_positive(field, value):
    with pytest.raises(ConfigError, match=f"{field} must be positive; got {value}"):
        PdfLimits(**{field: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_the_clock_limit_must_be_a_time(value):
    with pytest.raises(ConfigError, match="wall_seconds must be"):
        PdfLimits(wall_seconds=value)
