from __future__ import annotations

import json
from pathlib import Path

import pytest

import glyph_shared.cli.render as render_command
from glyph_shared.planning import PAGE_MARKS
from glyph_shared.rendering import RenderConfig, shapes
from tests.scripted_server import ScriptedServer, streamed

TEXT = "It rained all day and nobody went out. " * 400


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def _rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "pages.jsonl").read_text("utf-8").splitlines()]


def test_pages_and_their_list_are_written(run, book, tmp_path):
    result = run("render", book, "-o", tmp_path / "pages")
    rows = _rows(tmp_path / "pages")
    assert result.exit_code == 0
    assert result.stderr == ""
    tokens = sum(row["visual_tokens"] + PAGE_MARKS for row in rows)
    assert f"{len(rows)} pages, {tokens:,} visual tokens" in result.stdout
    assert all((tmp_path / "pages" / row["file"]).is_file() for row in rows)


def test_more_workers_write_the_same_files(run, book, tmp_path):
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        assert run("render", book, "-o", folder, "--workers", workers).exit_code == 0
    written = [[file.read_bytes() for file in sorted((tmp_path / one).iterdir())] for one in "12"]
    assert written[0] == written[1]


def test_single_options_change_the_preset(run, book, tmp_path):
    wanted = RenderConfig.preset("code").model_copy(update={"dpi": 96, "margin_x": 20})
    result = run(
        "render",
        book,
        "-o",
        tmp_path / "p",
        "--preset",
        "code",
        "--dpi",
        96,
        "--set",
        "margin-x=20",
    )
    assert result.exit_code == 0
    assert _rows(tmp_path / "p")[0]["theta"] == wanted.theta_hash


def test_a_font_size_brings_its_own_line_height(run, book, tmp_path):
    wanted = RenderConfig.preset("en").model_copy(update={"font_size": 12, "line_height": None})
    run("render", book, "-o", tmp_path / "p", "--font-size", 12)
    assert _rows(tmp_path / "p")[0]["theta"] == wanted.theta_hash


def test_theta_may_be_a_file(run, book, tmp_path):
    (tmp_path / "theta.json").write_text('{"dpi": 120}', encoding="utf-8")
    assert run("render", book, "-o", tmp_path / "p", "--config", "theta.json").exit_code == 0


def test_standard_input_is_read(run, tmp_path):
    result = run("render", "-", "-o", tmp_path / "p", input="Call me Ishmael.")
    assert result.stdout.startswith("1 page, ")
    assert _rows(tmp_path / "p")[0]["from"] == "standard input:1"


def test_chars_without_a_shape_are_counted_once(run, tmp_path):
    result = run("render", "-", "-o", tmp_path / "p", input="\U000e1234 unassigned \U000e1234")
    assert result.exit_code == 0
    assert result.stderr.count("2 chars have no shape") == 1
    result = run("render", "-", "-o", tmp_path / "p", input="\U000e1234 unassigned")
    assert "1 char has no shape" in result.stderr


@pytest.fixture
def no_system_fonts(monkeypatch):
    monkeypatch.setattr(shapes, "system_fonts", lambda: ())
    shapes.shape_table.cache_clear()
    yield
    shapes.shape_table.cache_clear()


def test_chars_without_a_shape_are_named_with_their_package(run, tmp_path, no_system_fonts):
    text = "中 and 国 and 北 and 京 and 中."
    replaced = (
        "glyph: 5 chars have no shape in any installed font, so a visible replacement was drawn: "
        "U+4E2D 中, U+4EAC 京, U+5317 北 and 1 more; install a font (Debian: apt-get install "
        "fonts-noto-cjk; fonts-wqy-zenhei is smaller and has most of CJK)"
    )
    (tmp_path / "city.txt").write_text(text, encoding="utf-8")
    with ScriptedServer(streamed("Beijing.")) as server:
        for arguments in (
            ("render", "city.txt", "-o", "p"),
            ("count", "city.txt", "--preset", "en"),
        ):
            assert replaced in run(*arguments).stderr.splitlines()
        (tmp_path / "city.txt").write_text(f"{text} {TEXT}", encoding="utf-8")
        asked = run("ask", "city.txt", "Where?", "--base-url", server.base_url)
        assert replaced in asked.stderr.splitlines()


def test_chars_of_private_use_are_called_so_and_no_package_is_named(run, tmp_path, no_system_fonts):
    told = run("render", "-", "-o", tmp_path / "p", input="one \ue123 two").stderr
    assert told == (
        "glyph: 1 char has no shape in any installed font, so a visible replacement was drawn: "
        "U+E123 (private use); install a font that has them\n"
    )


def test_control_characters_are_no_matter_of_fonts(run, tmp_path):
    told = run("render", "-", "-o", tmp_path / "p", input="one \x01 two").stderr
    assert told == ("glyph: 1 control character has no shape, so a visible replacement was drawn\n")


def test_unreadable_files_of_a_folder_are_named(run, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("words", encoding="utf-8")
    (folder / "b.bin").write_bytes(b"\0\1\2")
    result = run("render", folder, "-o", tmp_path / "p")
    assert result.exit_code == 0
    assert "left out b.bin" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("nowhere.txt",), 1, "cannot read nowhere.txt"),
        (("empty.txt",), 1, "holds no text"),
        (("binary.txt",), 1, "is not text"),
        (("book.txt", "--dpi", "0"), 2, "dpi"),
        (("book.txt", "--dpi", "many"), 2, "--dpi"),
        (("book.txt", "--dpi", "nan"), 2, "dpi"),
        (("book.txt", "--preset", "red"), 2, "'red'"),
        (("book.txt", "--set", "colour=1"), 2, "'colour'"),
        (("book.txt", "--set", "margin_x"), 2, "key=value"),
        (("book.txt", "--page-size", "huge"), 2, "huge"),
        (("book.txt", "--config", "nowhere.json"), 2, "nowhere.json"),
        (("book.txt", "--config", "theta.json", "--preset", "en"), 2, "--preset"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(run, book, tmp_path, arguments, code, told):
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "binary.txt").write_bytes(b"\0\1\2")
    (tmp_path / "theta.json").write_text('{"dpi": 120}', encoding="utf-8")
    result = run("render", *arguments, "-o", tmp_path / "pages")
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "pages").exists()


def test_a_folder_that_cannot_be_written_is_named(run, book):
    result = run("render", book, "-o", book)
    assert result.exit_code == 1
    assert "--output" in result.stderr


def test_an_interruption_leaves_a_valid_list(run, book, tmp_path, monkeypatch):
    drawn = render_command.write_pages

    def interrupted(*arguments):
        yield next(drawn(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(render_command, "write_pages", interrupted)
    result = run("render", book, "-o", tmp_path / "p")
    assert result.exit_code == 130
    assert result.stderr == "glyph: interrupted\n"
    assert [row["file"] for row in _rows(tmp_path / "p")] == ["page-000001.png"]
