"""What only a real process shows: signals, pipes, and that nothing is a terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GLYPH = (sys.executable, "-m", "glyph_shared.cli")
PROSE = "It rained all day and nobody went out. " * 40_000


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


def test_ctrl_c_ends_a_render_with_a_valid_list_of_whole_pages(book, tmp_path):
    listing = tmp_path / "pages" / "pages.jsonl"
    command = (*GLYPH, "render", book, "-o", listing.parent, "--preset", "reader")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (listing.exists() and listing.stat().st_size) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1]
    rows = [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines()]
    assert process.returncode == 130
    assert stderr == "glyph: interrupted\n"
    assert 0 < len(rows) < len(PROSE) / 1300
    assert all((listing.parent / row["file"]).stat().st_size for row in rows)


def test_a_reader_that_leaves_early_is_no_error_to_tell(book):
    with subprocess.Popen(
        (*GLYPH, "count", book, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert b"Traceback" not in stderr
    assert b"Exception" not in stderr


def test_without_a_terminal_neither_colours_nor_bars_are_written(tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("Call me Ishmael.", encoding="utf-8")
    command = (*GLYPH, "render", note, "-o", tmp_path / "pages")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 page, ")
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == ""
