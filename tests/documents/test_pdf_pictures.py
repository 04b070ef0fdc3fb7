"""Source pages are drawn within limits, upright, undistorted, and alike every time."""

from __future__ import annotations

import io
import zlib

import pytest
from PIL import Image, ImageChops
from pypdf import PdfReader, PdfWriter
from reportlab.lib import pdfencrypt

from glyph_shared.documents import (
    PdfLimits,
    PictureFile,
    Raster,
    pictures,
    rasterise,
    read_document,
)
from glyph_shared.errors import ConfigError, InputError, PdfError
from tests.documents import sheets
from tests.documents.test_pdf import WORD, one_page, stream, written

WHITE = (255, 255, 255)


def read(tmp_path, data, name="a.pdf", how="pictures", **limits):
    path = tmp_path / name
    path.write_bytes(data)
    return read_document(path, source_pages=how, limits=PdfLimits(**limits))


def drawn(document, size_px=(280, 392)) -> list[Image.Image]:
    asked = [(picture.number, size_px) for picture in document.pictures]
    return [_image(raster) for raster in rasterise(document.pictures[0].file, asked)]


def _image(raster: Raster) -> Image.Image:
    return Image.frombytes("RGB", raster.size_px, raster.rgb)


def ink(image: Image.Image):
    """Returns the box of all that is not white."""
    return ImageChops.difference(image, Image.new("RGB", image.size, WHITE)).getbbox()


def corner(canvas):
    """A black square at the upper left of the page."""
    canvas.rect(0, 642, 200, 200, stroke=0, fill=1)


def boxed(box: bytes, content: bytes = b"0 0 99 99 re f", extra: bytes = b"") -> bytes:
    return written(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R%s>>" % (box, extra),
            stream(content),
        ]
    )


@pytest.mark.fault(17)
def test_a_scan_is_drawn_as_it_looks(tmp_path):
    [image] = drawn(read(tmp_path, sheets.pdf(sheets.scan)), (840, 1176))
    expected = sheets.scanned().resize((831, 1176)).convert("L")
    difference = ImageChops.difference(image.convert("L").crop((0, 0, 831, 1176)), expected)
    assert sum(difference.histogram()[64:]) < 0.02 * 831 * 1176


def test_the_same_page_is_the_same_pixels_in_every_process(tmp_path):
    document = read(tmp_path, sheets.pdf(sheets.plot, sheets.figure))
    assert [one.tobytes() for one in drawn(document)] == [one.tobytes() for one in drawn(document)]


def test_pages_come_in_the_order_asked_for_and_only_those(tmp_path):
    document = read(tmp_path, sheets.pdf(sheets.prose, corner, sheets.prose))
    rasters = list(rasterise(document.pictures[0].file, [(2, (28, 28)), (1, (56, 28))]))
    assert [(one.number, one.size_px) for one in rasters] == [(2, (28, 28)), (1, (56, 28))]


def test_a_long_file_is_drawn_by_one_child_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_PAGES_PER_CHILD", 2)
    document = read(tmp_path, sheets.pdf(*[sheets.prose, corner] * 2, corner))
    drawings = drawn(document)
    assert len(drawings) == 5
    assert drawings[1].tobytes() == drawings[4].tobytes() != drawings[0].tobytes()


def test_a_generator_that_is_left_ends_its_child(tmp_path):
    document = read(tmp_path, sheets.pdf(*[sheets.prose] * 5))
    rasters = rasterise(document.pictures[0].file, [(1, (980, 1400))] * 500)
    next(rasters)
    rasters.close()


def test_a_turned_page_is_drawn_upright(tmp_path):
    writer = PdfWriter(PdfReader(io.BytesIO(sheets.pdf(corner))))
    writer.pages[0].rotate(90)
    data = io.BytesIO()
    writer.write(data)
    document = read(tmp_path, data.getvalue())
    assert document.pictures[0].size_pt == (842, 595)
    [image] = drawn(document, (842, 595))
    assert ink(image) == (642, 0, 842, 200)


def test_only_the_crop_box_is_shown(tmp_path):
    writer = PdfWriter(PdfReader(io.BytesIO(sheets.pdf(corner))))
    writer.pages[0].cropbox.lower_left = (100, 442)
    writer.pages[0].cropbox.upper_right = (500, 742)
    data = io.BytesIO()
    writer.write(data)
    document = read(tmp_path, data.getvalue())
    assert document.pictures[0].size_pt == (400, 300)
    assert ink(drawn(document, (400, 300))[0]) == (0, 0, 100, 100)


def test_a_page_keeps_its_shape_and_the_rest_of_the_size_is_white(tmp_path):
    document = read(tmp_path, boxed(b"0 0 100 200", b"0 0 100 200 re f"))
    assert ink(drawn(document, (280, 280))[0]) == (0, 0, 140, 280)


@pytest.mark.fault(12, 18)
@pytest.mark.parametrize("side", [14_400, 200_000, 9_999_999])
def test_a_huge_page_is_drawn_small_and_never_allocated(tmp_path, side):
    data = boxed(b"0 0 %d %d" % (side, side), b"0 0 %d %d re f" % (side, side))
    document = read(tmp_path, data, memory_bytes=300_000_000)
    assert drawn(document, (280, 280))[0].getpixel((140, 140)) == (0, 0, 0)


@pytest.mark.parametrize("box", [b"0 0 0 0", b"0 0 0 500", b"9 9 9 9", b"a b c d", b"0 0 1e30 5"])
def test_a_page_box_without_sense_is_shown_as_letter_paper(tmp_path, box):
    document = read(tmp_path, boxed(box))
    assert document.pictures[0].size_pt == (612, 792)
    assert ink(drawn(document)[0])


def test_a_page_that_is_a_mere_line_is_drawn_as_one(tmp_path):
    document = read(tmp_path, boxed(b"0 0 1 14400"))
    assert document.pictures[0].size_pt == (1, 14_400)
    assert ink(drawn(document)[0]) == (0, 389, 1, 392)


@pytest.mark.fault(19)
def test_a_million_operators_end_at_the_cpu_limit():
    heavy = boxed(b"0 0 99 99", b"0 0 m 50 99 l 99 0 l f " * 1_500_000)
    file = PictureFile("a.pdf", "pdf", heavy, PdfLimits(cpu_seconds=1))
    with pytest.raises(PdfError, match="cpu_seconds=1") as caught:
        list(rasterise(file, [(1, (1400, 1400))] * 50))
    assert caught.value.reason == "limit"


def test_time_on_the_clock_is_limited():
    file = PictureFile("a.pdf", "pdf", boxed(b"0 0 99 99"), PdfLimits(wall_seconds=0.001))
    with pytest.raises(PdfError, match=r"wall_seconds=0\.001"):
        list(rasterise(file, [(1, (28, 28))]))


@pytest.mark.fault(18, 70)
def test_an_image_bomb_within_a_pdf_is_drawn_without_being_unpacked_whole(tmp_path):
    bomb = zlib.compress(b"\0" * 300_000_000, 9)
    image = b"/Type/XObject/Subtype/Image/Width 100000/Height 3000/BitsPerComponent 8"
    form = stream(bomb, image + b"/ColorSpace/DeviceGray/Filter/FlateDecode")
    data = one_page(stream(b"99 0 0 99 0 0 cm /X Do"), form=form)
    assert ink(drawn(read(tmp_path, data, memory_bytes=256 << 20))[0]) == (0, 0, 280, 280)


@pytest.mark.fault(18)
def test_a_deflate_bomb_hits_the_memory_limit():
    bomb = stream(zlib.compress(WORD + b" " * 400_000_000), b"/Filter/FlateDecode")
    limits = PdfLimits(memory_bytes=300_000_000)
    file = PictureFile("a.pdf", "pdf", one_page(bomb), limits)
    with pytest.raises(PdfError, match="memory_bytes=300000000") as caught:
        list(rasterise(file, [(1, (280, 280))]))
    assert caught.value.reason == "limit"


@pytest.mark.fault(21)
def test_loops_of_forms_are_bounded(tmp_path):
    loop = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>"
    data = one_page(stream(WORD + b"/X Do"), form=stream(WORD + b"/X Do", loop))
    document = read(tmp_path, data, cpu_seconds=20)
    assert ink(drawn(document)[0])


@pytest.mark.fault(22)
def test_one_page_referenced_again_and_again_is_counted(tmp_path):
    data = one_page(stream(WORD), kids=b"[" + b"3 0 R " * 2001 + b"]", count=2001)
    with pytest.raises(PdfError, match="max_pages=2000"):
        read(tmp_path, data)


@pytest.mark.fault(16)
@pytest.mark.parametrize(("user", "readable"), [("secret", False), ("", True)])
def test_only_a_password_needed_to_open_is_in_the_way(tmp_path, user, readable):
    data = sheets.pdf(corner, encrypt=pdfencrypt.StandardEncryption(user, "owner", strength=128))
    if readable:
        assert ink(drawn(read(tmp_path, data))[0])
    else:
        with pytest.raises(PdfError, match="is encrypted"):
            read(tmp_path, data)


@pytest.mark.fault(23)
def test_scripts_and_launches_are_ignored(tmp_path):
    action = b"/OpenAction<</S/Launch/F(touch)>>/AA<</WC<</S/JavaScript/JS(x())>>>>"
    document = read(tmp_path, one_page(stream(WORD), catalog=action))
    assert ink(drawn(document)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]


def test_what_was_made_a_picture_of_is_the_file_as_it_was_read(tmp_path):
    document = read(tmp_path, sheets.pdf(corner))
    before = drawn(document)[0].tobytes()
    (tmp_path / "a.pdf").write_bytes(b"another file by now")
    assert drawn(document)[0].tobytes() == before


def test_an_unknown_way_to_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'text', 'auto', 'pictures'; got 'images'"):
        read(tmp_path, sheets.pdf(sheets.prose), how="images")


# --- image files -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_image_file_is_a_picture(tmp_path, form):
    document = read(tmp_path, sheets.encoded(sheets.scanned(), form), "scan", "auto")
    [page] = document.source_pages
    assert (page.kind, page.reason) == ("picture", "an image has no text layer")
    assert str(document.locate(0)) == "scan:1"
    assert ink(drawn(document)[0])


def test_an_image_file_is_no_text(tmp_path):
    with pytest.raises(InputError, match="--pdf auto"):
        read(tmp_path, sheets.encoded(sheets.scanned(), "PNG"), "scan.png", "text")


def test_each_image_of_a_tiff_file_is_a_source_page(tmp_path):
    frames = [sheets.scanned(), sheets.photograph()]
    data = sheets.encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    document = read(tmp_path, data, "fax.tif")
    assert [page.number for page in document.source_pages] == [1, 2]
    assert str(document.locate(len(document.text) - 1)) == "fax.tif p. 2"


def test_dots_per_inch_give_a_scan_its_size(tmp_path):
    data = sheets.encoded(sheets.scanned((2480, 3508)), "PNG", dpi=(300, 300))
    [picture] = read(tmp_path, data, "scan.png").pictures
    assert picture.size_pt == pytest.approx((595, 842), abs=1)
    [picture] = read(tmp_path, sheets.encoded(sheets.photograph(), "PNG"), "b.png").pictures
    assert picture.size_pt == (192, 192)


@pytest.mark.fault(70)
def test_a_photograph_is_turned_upright(tmp_path):
    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    document = read(tmp_path, sheets.encoded(image, "PNG", exif=exif), "a.png")
    assert document.pictures[0].size_pt == (15, 30)
    assert ink(drawn(document, (20, 40))[0]) == (10, 0, 20, 10)


@pytest.mark.fault(70)
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16", "CMYK"])
def test_transparency_is_white_paper_and_every_mode_is_read(tmp_path, mode):
    image = Image.new("RGBA", (56, 56), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 28, 28))
    if mode not in ("RGBA", "LA"):
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if mode == "I;16":
        image = image.convert("L").point(lambda level: level * 257, "I").convert("I;16")
    else:
        image = image.convert("RGB").convert(mode) if mode == "CMYK" else image.convert(mode)
    document = read(tmp_path, sheets.encoded(image, "TIFF" if mode == "CMYK" else "PNG"), "a")
    assert ink(drawn(document, (56, 56))[0].point(lambda level: 255 * (level > 128))) == (
        0, 0, 28, 28,
    )  # fmt: skip


@pytest.mark.fault(70)
def test_an_image_bomb_is_refused_without_being_unpacked(tmp_path):
    bomb = sheets.encoded(Image.new("1", (12_000, 12_000)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(InputError, match=r"a\.png .*more than 100,000,000 pixels"):
        read(tmp_path, bomb, "a.png", memory_bytes=300_000_000)


@pytest.mark.fault(71)
@pytest.mark.parametrize("cut", [30, 400])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_broken_image_is_named_without_an_address(tmp_path, form, cut):
    data = sheets.encoded(sheets.scanned((200, 200)), form)[:cut]
    with pytest.raises(InputError, match=r"^a\.img cannot be shown") as caught:
        drawn(read(tmp_path, data, "a.img"))
    assert "0x" not in str(caught.value)
