"""The command compares, reports, and tells every failure in one line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from glyph_shared.reader import Reader
from llama_index_glyph.compare.__main__ import app

FACT = "The manager of the Riga mill is Nina Silva."


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text(f"It rained. {FACT} It was cold.", encoding="utf-8")
    (folder / "b.txt").write_text("Nothing of note was written down here.", encoding="utf-8")
    asked = {
        "question": "What is the manager of the Riga mill?",
        "answers": ["Nina Silva"],
        "gold": [{"document": "a.txt", "text": FACT}],
    }
    (tmp_path / "questions.jsonl").write_text(json.dumps(asked), encoding="utf-8")
    return tmp_path


def command(corpus, reader_url, *options):
    named = ["--base-url", reader_url, "--model", Reader.name, "--output", str(corpus / "out")]
    asked = ["--questions", str(corpus / "questions.jsonl")]
    return CliRunner().invoke(app, [str(corpus / "corpus"), *asked, *named, *options])


def test_a_comparison_leaves_a_report_and_all_figures(corpus, reader_url):
    prices = corpus / "prices.json"
    prices.write_text('{"prompt": 1, "completion": 2, "currency": "EUR"}', encoding="utf-8")
    arms = ["--arm", "glyph", "--arm", "rag-bm25", "--arm", "hybrid"]
    done = command(corpus, reader_url, *arms, "--prices", str(prices))
    assert done.exit_code == 0, done.output
    out = corpus / "out"
    assert {"report.html", "results.jsonl", "results.csv", "summary.json"} <= {
        file.name for file in out.iterdir()
    }
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert [*summary["arms"]] == ["glyph", "rag-bm25", "hybrid"]
    assert summary["arms"]["glyph"]["right"]["mean"] == 1.0
    assert summary["arms"]["glyph"]["cost"] > 0
    assert summary["currency"] == "EUR"
    # Another model's answers may not be mixed in.
    claimed = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert claimed["settings"]["model"] == Reader.name
    assert "glyph: right 100.0 %" in done.output
    again = command(corpus, reader_url, *arms, "--prices", str(prices))
    assert again.exit_code == 0
    assert len((out / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--arm", "magic"], 2, "an arm must be one of glyph, rag-bm25"),
        (["--arm", "rag-embedding"], 2, "needs an embedding"),
        (["--arm", "text"], 2, "the embedded reader reads no text"),
        (["--prices", "none.json"], 2, "no price table"),
        (["--concurrency", "0"], 2, "concurrency must be at least 1; got 0"),
        (["--questions", "none.jsonl"], 1, "the questions cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(corpus, reader_url, options, code, told):
    done = command(corpus, reader_url, *options)
    assert done.exit_code == code
    assert told in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (corpus / "out" / "report.html").exists()


def test_a_server_that_is_away_is_told_and_can_be_asked_later(corpus, reader_url):
    away = command(corpus, "http://127.0.0.1:9/v1")
    assert away.exit_code == 3
    assert command(corpus, reader_url).exit_code == 0
