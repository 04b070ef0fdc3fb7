from __future__ import annotations

import json
from pathlib import Path

import pytest

from glyph_shared.documents import Document, read_document
from glyph_shared.errors import InputError
from glyph_shared.page_folder import LIST_NAME, page_name, write_pages
from glyph_shared.rendering import Renderer

LONG = "It rained all day and nobody went out. " * 900
SHORT = "The sun came out."


def _write(text: str, folder: Path) -> list[dict]:
    for _ in write_pages(Document.from_text(text, "story.txt"), Renderer(), folder):
        pass
    return _rows(folder)


def _rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / LIST_NAME).read_text("utf-8").splitlines()]


def test_rows_tile_the_text_and_name_their_files(tmp_path):
    rows = _write(LONG, tmp_path)
    spans = [row["char_span"] for row in rows]
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert spans[-1][1] == len(LONG)
    assert {row["file"] for row in rows} == {path.name for path in tmp_path.glob("*.png")}


def test_a_row_holds_what_the_page_does(tmp_path):
    written = write_pages(Document.from_text(SHORT, "story.txt"), Renderer(), tmp_path)
    pages = list(written)
    [row] = _rows(tmp_path)
    assert row["size_px"] == list(pages[0].size_px)
    assert row["visual_tokens"] == pages[0].visual_tokens
    assert row["theta"] == Renderer().config.theta_hash
    assert (tmp_path / row["file"]).read_bytes() == pages[0].png


def test_a_folders_pages_name_their_files(tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "a.txt").write_text("One.", encoding="utf-8")
    (sources / "b.txt").write_text("Two.\nThree.\n", encoding="utf-8")
    document = read_document(sources)
    list(write_pages(document, Renderer(), tmp_path / "pages"))
    [row] = _rows(tmp_path / "pages")
    assert row["from"].startswith("a.txt")
    assert row["to"].startswith("b.txt:2")


def test_each_row_is_on_disk_before_its_page_is_yielded(tmp_path):
    written = write_pages(Document.from_text(LONG, "story.txt"), Renderer(), tmp_path)
    for number, _ in enumerate(written, 1):
        assert len(_rows(tmp_path)) == number


def test_pages_of_an_earlier_run_are_removed_and_other_files_stay(tmp_path):
    first = _write(LONG, tmp_path)
    begun = tmp_path / page_name(len(first))
    begun.write_bytes(b"half a page")
    own = tmp_path / "page-900000.png"
    own.write_bytes(b"somebody's own")
    _write(SHORT, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {LIST_NAME, page_name(0), own.name}


def test_a_damaged_list_of_an_earlier_run_is_no_obstacle(tmp_path):
    (tmp_path / LIST_NAME).write_bytes(b'\xff{"file": "../../x"}\nnot json\n{"file": 3}\n')
    assert len(_write(SHORT, tmp_path)) == 1


def test_a_folder_that_cannot_be_made_is_an_input_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="choose another folder"):
        _write(SHORT, tmp_path / "file")


def test_nothing_to_draw_leaves_no_folder(tmp_path):
    with pytest.raises(InputError):
        _write(" \n ", tmp_path / "pages")
    assert not (tmp_path / "pages").exists()
