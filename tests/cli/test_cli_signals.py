"""What only a real process shows: signals, pipes, closed and full files, and no terminal."""

from __future__ import annotations

import json
import os
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
    book.write_text(PROSE * 8, encoding="utf-8")  # seconds of drawing, however busy this process
    command = (*GLYPH, "render", book, "-o", listing.parent, "--preset", "reader")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (listing.exists() and listing.stat().st_size) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1]
    rows = [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines()]
    assert process.returncode == 130
    assert stderr == "glyph: interrupted\n"
    assert 0 < len(rows) < 8 * len(PROSE) / 1300
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


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("Call me Ishmael.", encoding="utf-8")
    return path


def test_a_full_disk_is_told_in_one_line(note):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            (*GLYPH, "count", note, "--json"), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr.startswith("glyph: the system refused: No space left")
    assert done.stderr.count("\n") == 1


def test_a_closed_standard_input_is_told_in_one_line():
    done = subprocess.run(
        (*GLYPH, "count", "-"), capture_output=True, text=True, preexec_fn=lambda: os.close(0)
    )
    assert done.returncode == 1
    assert done.stderr == "glyph: standard input is closed; name a file or a folder\n"


def test_an_encoding_without_greek_letters_is_no_failure(note):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run((*GLYPH, "count", note), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "visual tokens" in done.stdout
