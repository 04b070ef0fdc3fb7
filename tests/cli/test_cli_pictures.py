from __future__ import annotations

import json

import pytest

from tests.documents import sheets
from tests.scripted_server import ScriptedServer, streamed


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(sheets.pdf(sheets.prose, sheets.scan, sheets.ruled_table))
    return path


def test_a_scan_is_refused_with_the_option_that_shows_it(run, tmp_path):
    (tmp_path / "scan.pdf").write_bytes(sheets.pdf(sheets.scan))
    result = run("count", "scan.pdf")
    assert result.exit_code != 0
    assert "scan.pdf has no text layer (1 source page);" in result.stderr
    assert "--pdf auto" in result.stderr
    (tmp_path / "scan.png").write_bytes(sheets.encoded(sheets.scanned(), "PNG"))
    assert "--pdf auto" in run("count", "scan.png").stderr


def test_count_tells_which_source_pages_are_pictures_and_why(run, report):
    result = run("count", report, "--pdf", "auto", "--json")
    [row, *_] = json.loads(result.stdout)
    assert row["pages"] == 3
    assert row["visual_tokens"] > 2 * 1122
    assert (
        "report.pdf: 2 of 3 source pages as pictures: p. 2 no text layer; "
        "p. 3 table: 9 rules across, 5 down" in result.stderr
    )


def test_pictures_alone_have_no_compression_ratio(run, tmp_path):
    (tmp_path / "scan.pdf").write_bytes(sheets.pdf(sheets.scan, sheets.scan))
    told = run("count", "scan.pdf", "--pdf", "auto", "--preset", "en").stdout
    assert told.startswith("no text, only pictures: ")
    [row] = [line.split() for line in told.splitlines() if line.startswith(" --preset en")]
    assert (row[2], row[4:]) == ("2", ["-", "1", "-"])


def test_pictures_among_text_are_compared_with_it(run, report):
    told = run("count", report, "--pdf", "auto", "--preset", "en").stdout
    assert " text tokens by " in told
    assert "only pictures" not in told
    [row] = [line.split() for line in told.splitlines() if line.startswith(" --preset en")]
    assert "-" not in row


def test_render_writes_pictures_among_the_pages(run, report, tmp_path):
    result = run("render", report, "-o", tmp_path / "pages", "--pdf", "auto")
    assert result.stdout.startswith("3 pages, ")
    lines = (tmp_path / "pages" / "pages.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["picture"] for row in rows] == [False, True, True]
    assert [row["from"] for row in rows] == [f"report.pdf p. {number}" for number in (1, 2, 3)]
    assert rows[1]["size_px"] == [784, 1120]
    assert rows[1]["theta"].startswith("picture-")
    assert all((tmp_path / "pages" / row["file"]).is_file() for row in rows)


def test_ask_sends_pictures_and_cites_source_pages(run, report):
    with ScriptedServer(streamed("56-33 [page 3].")) as server:
        options = ("--base-url", server.base_url, "--pdf", "auto", "--json")
        result = run("ask", report, "Which code has Bergen?", *options)
    told = json.loads(result.stdout)
    assert told["citations"][0]["source_page"] == 3
    assert told["plan"]["pictures"] == 2
    assert "source pages as pictures" in result.stderr


def test_the_embedded_reader_is_not_sent_pictures(run, report, reader):
    result = run("ask", report, "Which code has Bergen?", "--embedded", "--pdf", "auto")
    assert result.exit_code != 0
    assert "2 source pages as pictures" in result.stderr
    assert "--pdf text" in result.stderr
