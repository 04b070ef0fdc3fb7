import struct
import subprocess
import sys
from importlib.metadata import requires, version

import numpy as np
import pytest
from fontTools.ttLib import TTCollection, TTFont

from glyph_shared.errors import FontError
from glyph_shared.rendering import RenderConfig, Renderer, font_files, shapes
from glyph_shared.rendering.font_files import FontFile, SystemFont, bundled_folder, find_font
from glyph_shared.rendering.fonts import _char_groups, load_font, pdf_number
from glyph_shared.rendering.page_key import page_key
from glyph_shared.rendering.shapes import MISSING, ShapeTable, covers

SANS = find_font(None)


@pytest.fixture
def no_system_fonts(monkeypatch):
    monkeypatch.setattr(shapes, "system_fonts", lambda: ())
    shapes.shape_table.cache_clear()
    yield
    shapes.shape_table.cache_clear()


def test_a_first_page_imports_neither_matplotlib_nor_masked_arrays():
    program = (
        "import sys; from glyph_shared.rendering import render; render('\u201ca\u201d \u4dc0');"
        "print('matplotlib' in sys.modules, 'numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


@pytest.mark.parametrize(
    "name", ["DejaVuSansMono.ttf", "DejaVu Sans Mono", "/gone/DejaVuSansMono.ttf"]
)
def test_a_font_is_found_by_file_or_family_name(name):
    assert find_font(name).path.name == "DejaVuSansMono.ttf"


@pytest.mark.fault(25, 26)
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a TrueType"),
        (b"root:x:0:0::/root:/bin/sh\n", "not a TrueType"),
        (b"wOF2" + bytes(64), "web font"),
        (b"\0\1\0\0" + bytes(64), "cannot read font"),
        (SANS.path.read_bytes()[:3000], "cannot read font"),
        (SANS.path.read_bytes()[:300_000], "cannot read font"),
    ],
    ids=["empty", "text", "woff2", "junk", "cut-short", "cut-in-half"],
)
def test_a_file_that_is_no_font_is_refused(tmp_path, content, complaint):
    path = tmp_path / "font.ttf"
    path.write_bytes(content)
    with pytest.raises(FontError, match=complaint) as caught:
        list(Renderer(RenderConfig(font_path=str(path))).render("text"))
    assert caught.value.codepoints == ()


@pytest.mark.fault(28)
def test_a_font_that_is_replaced_at_its_path_is_drawn_and_hashed_anew(tmp_path):
    path = tmp_path / "font.ttf"
    path.write_bytes(SANS.path.read_bytes())
    config = RenderConfig(font_path=str(path))
    before, hash_before = Renderer(config), config.theta_hash
    path.write_bytes((SANS.path.parent / "DejaVuSerif.ttf").read_bytes())
    serif = Renderer(RenderConfig(font_path="DejaVuSerif.ttf"))
    assert config.theta_hash == serif.theta_hash != hash_before
    [page], [expected] = Renderer(config).render("word"), serif.render("word")
    assert (page.digest, page.theta_hash) == (expected.digest, expected.theta_hash)
    assert page_key(Renderer(config), "word") == page_key(serif, "word")
    # Whoever began with the old file goes on with it, shapes not drawn so far included.
    [old], [sans] = before.render("word"), Renderer().render("word")
    assert (old.digest, old.theta_hash) == (sans.digest, hash_before)
    assert page_key(before, "word") == page_key(Renderer(), "word")


@pytest.mark.fault(28)
def test_a_font_that_is_emptied_while_it_is_drawn_with_ends_nothing(tmp_path):
    path = tmp_path / "font.ttf"
    path.write_bytes(SANS.path.read_bytes())
    renderer = Renderer(RenderConfig(font_path=str(path), font_size=11, line_height=12))
    [first] = renderer.render("a")
    path.write_bytes(b"")
    [second] = renderer.render("a")
    assert second.digest == first.digest
    list(renderer.render("shapes that were not drawn before"))
    with pytest.raises(FontError, match="not a TrueType"):
        Renderer(renderer.config)


@pytest.mark.fault(27)
@pytest.mark.parametrize("face", [2, 99, 65536, 99999])
def test_a_face_or_instance_that_a_collection_does_not_have_is_refused(tmp_path, face):
    collection = TTCollection()
    names = ("cmr10.ttf", "cmsy10.ttf")
    collection.fonts = [TTFont(SANS.path.parent / name) for name in names]
    collection.save(tmp_path / "two.ttc")
    name = str(tmp_path / "two.ttc")
    for known in (0, 1):
        Renderer(RenderConfig(font_path=f"{name}#{known}"))
    with pytest.raises(FontError, match=f"face {face}"):
        Renderer(RenderConfig(font_path=f"{name}#{face}"))


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("designspace", b"<?xml version='1.0'?><designspace format='5.0'></designspace>"),
        ("ttx", b"<?xml version='1.0'?><ttFont sfntVersion='OTTO'></ttFont>"),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'><font/></svg>"),
    ],
)
def test_a_font_written_as_xml_is_refused_unparsed(tmp_path, suffix, content):
    path = tmp_path / f"font.{suffix}"
    path.write_bytes(content)
    with pytest.raises(FontError, match="not a TrueType"):
        RenderConfig(font_path=str(path))


@pytest.mark.fault(29)
def test_no_reader_of_xml_fonts_is_ever_loaded():
    program = (
        "import sys; from glyph_shared.rendering import render; render('a \u4dc0');"
        "parts = 'ttx designspaceLib varLib svgLib misc.xmlReader ufoLib'.split();"
        "print([part for part in parts if f'fontTools.{part}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.fault(29)
def test_fonttools_is_new_enough_to_write_no_files_unasked():
    installed = tuple(int(part) for part in version("fonttools").split(".")[:3])
    [declared] = [one for one in requires("glyph-context") or () if one.startswith("fonttools")]
    assert declared == "fonttools>=4.60.2"
    assert installed >= (4, 60, 2)


@pytest.mark.fault(27)
def test_a_font_of_pictures_is_refused(tmp_path):
    font = TTFont(SANS.path)
    del font["glyf"], font["loca"]
    font.save(path := tmp_path / "pictures.ttf")
    with pytest.raises(FontError, match="no outlines, only pictures"):
        load_font(FontFile(path))


def test_a_face_that_a_file_does_not_have_is_refused():
    with pytest.raises(FontError, match="face 3"):
        load_font(FontFile(SANS.path, 3))


def test_a_face_number_may_follow_the_file_name():
    assert find_font("DejaVuSans.ttf#2") == SANS._replace(face=2)


def test_advances_are_the_fonts():
    font = load_font(find_font("DejaVuSansMono.ttf"))
    place = int(np.searchsorted(font.codepoints, ord("m")))
    assert font.advances[font.shapes[place]] == 1233 / 2048
    assert font.pdf_advances[font.shapes[place]] == pytest.approx(0.6020508, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "read"), [(602.05078, 602.0508), (0.12345678, 0.123457), (-2.5, -2.5), (1e-8, 0)]
)
def test_numbers_are_rounded_as_in_a_pdf(value, read):
    assert pdf_number(value) == pytest.approx(read, abs=1e-12)


@pytest.mark.fault(4)
def test_a_char_outside_the_font_comes_from_another_font(no_system_fonts):
    table = ShapeTable(find_font("DejaVuSansMono.ttf"))
    assert table.lookup[0x4DC0] == MISSING
    assert table.cover(np.array([0x4DC0])).tolist() == []
    number, _ = table.font_of(int(table.lookup[0x4DC0]))
    assert table.fonts[number].path.name == "DejaVuSans.ttf"


@pytest.mark.fault(4)
def test_a_char_that_no_font_has_is_named_with_its_package(no_system_fonts):
    with pytest.raises(FontError, match=r"U\+4E2D 中.*fonts-noto-cjk") as caught:
        Renderer().render("abc 中")
    assert caught.value.codepoints == (0x4E2D,)


def test_a_char_that_cannot_be_printed_is_named_by_its_number(no_system_fonts):
    with pytest.raises(FontError, match=r"has U\+E123 \(private use\); install a font that has"):
        Renderer().render("abc \ue123")
    with pytest.raises(FontError, match=r"has U\+3097; install a font that has"):
        Renderer().render("abc \u3097")


def test_a_char_that_no_font_has_is_replaced_and_counted_on_request(no_system_fonts):
    [page] = Renderer(missing="replace").render("中 abc 中\x00")
    assert page.replaced == 3
    [marked] = Renderer().render("\ufffd abc \ufffd\ufffd")
    assert (page.pixels == marked.pixels).all()
    assert marked.replaced == 0


def test_a_marker_that_no_font_has_is_refused_or_replaced(no_system_fonts):
    config = RenderConfig(newline_markup='<font color="#FF0000">中</font>')
    with pytest.raises(FontError, match=r"U\+4E2D") as caught:
        Renderer(config)
    assert caught.value.codepoints == (0x4E2D,)
    [page] = Renderer(config, missing="replace").render("one\ntwo")
    assert page.replaced == 1


def test_pieces_are_checked_when_they_are_reached(no_system_fonts):
    pages = Renderer().render(iter(["plain ", "中"]))
    with pytest.raises(FontError, match="4E2D"):
        list(pages)


def test_spaces_that_no_font_has_are_drawn_as_spaces(no_system_fonts):
    [wide] = Renderer().render("a\u3000b")
    [plain] = Renderer().render("a b")
    assert (wide.pixels == plain.pixels).all()


def test_without_fontconfig_there_are_no_system_fonts(monkeypatch):
    monkeypatch.setattr(font_files.shutil, "which", lambda _: None)
    assert font_files.system_fonts.__wrapped__() == ()


def test_installed_fonts_come_upright_regular_sans_first(monkeypatch, tmp_path):
    script = tmp_path / "fc-list"
    lines = [
        "/f/Serif.ttf\t0\t80\t0\tTrue\tFalse\t20-7e\tSome Serif",
        "/f/Bold.ttf\t0\t200\t0\tTrue\tFalse\t20-7e\tSome Sans",
        "/f/Italic.ttf\t0\t80\t100\tTrue\tFalse\t20-7e\tSome Sans",
        "/f/Sans.ttc\t1\t80\t0\tTrue\tFalse\t20-7e 4e00-4e02\tSome Sans,Eine Sans",
        "/f/NotoColorEmoji.ttf\t0\t80\t0\tTrue\tFalse\t1f600\tNoto Color Emoji",
        "/f/Pictures.ttf\t0\t80\t0\tTrue\tTrue\t1f600\tSome Pictures",
        "/f/Bitmap.pcf\t0\t80\t0\tFalse\tFalse\t20-7e\tBitmap",
        "/f/Variable.ttf\t65536\t80\t0\tTrue\tFalse\t20-7e\tVariable",
        "nonsense",
    ]
    script.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(font_files.shutil, "which", lambda _: str(script))
    found = font_files.system_fonts.__wrapped__()
    assert [font.file.path.stem for font in found] == ["Sans", "Serif", "Bold", "Italic"]
    assert (found[0].file.face, found[0].families) == (1, ("Some Sans", "Eine Sans"))


def test_coverage_is_read_from_fontconfigs_ranges():
    listed = SystemFont(SANS, ("x",), (0, 0, 0, ""), "20-7e 4e00 4e10-4e12")
    codes = np.array([0x1F, 0x20, 0x7E, 0x7F, 0x4E00, 0x4E01, 0x4E12])
    assert covers(listed, codes).tolist() == [False, True, True, False, True, False, True]


def test_which_font_draws_a_char_does_not_depend_on_the_order_of_need(monkeypatch):
    fonts = [
        SystemFont(FontFile(bundled_folder() / name), ("x",), (rank, 0, 0, ""), ranges)
        for rank, (name, ranges) in enumerate([("cmsy10.ttf", "21"), ("cmr10.ttf", "21 23")])
    ]
    monkeypatch.setattr(shapes, "system_fonts", lambda: tuple(fonts))

    def chosen(order):
        table = ShapeTable(SANS)
        table.lookup[[0x21, 0x23]] = MISSING
        table._searched[[0x21, 0x23]] = False
        for code in order:
            table.cover(np.array([code]))
        return [table.fonts[table.font_of(int(table.lookup[c]))[0]].path for c in (0x21, 0x23)]

    assert chosen([0x21, 0x23]) == chosen([0x23, 0x21])


@pytest.mark.parametrize("name", ["DejaVuSans.ttf", "DejaVuSansMono.ttf", "STIXGeneral.ttf"])
def test_a_fonts_chars_are_those_that_fonttools_reads(name):
    font = load_font(FontFile(bundled_folder() / name))
    tables = TTFont(bundled_folder() / name)
    expected = {code: tables.getGlyphID(shape) for code, shape in tables.getBestCmap().items()}
    assert dict(zip(font.codepoints.tolist(), font.shapes.tolist(), strict=True)) == expected
    assert (np.diff(font.codepoints) > 0).all()


@pytest.mark.parametrize("group", [(0x41, 0x40, 3), (0x41, 0x7FFFFFFF, 3), (0x41, 0x42, 9_999)])
def test_groups_of_chars_that_cannot_be_are_not_unpacked(group):
    header = struct.pack(">HHHHI", 0, 1, 3, 10, 12)
    table = header + struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, *group)
    assert _char_groups(table, 100) is None
    sound = header + struct.pack(">HHIIIIII", 12, 0, 28, 0, 1, 0x41, 0x42, 3)
    assert _char_groups(sound, 100).tolist() == [[0x41, 0x42, 3]]
