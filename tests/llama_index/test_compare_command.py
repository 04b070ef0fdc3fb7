"""The command compares, reports, and tells every failure in one line."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glyph_shared.reader.card import ReaderCard
from glyph_shared.reader.engine import WEIGHTS
from llama_index_glyph.compare.__main__ import app
from tests.scripted_server import ScriptedServer, failure, streamed

NAME = ReaderCard.load(WEIGHTS).name
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


def arguments(corpus, url):
    asked = ["--questions", str(corpus / "questions.jsonl")]
    named = ["--base-url", url, "--model", NAME, "--output", str(corpus / "out")]
    return [str(corpus / "corpus"), *asked, *named]


def command(corpus, url, *options):
    return CliRunner().invoke(app, [*arguments(corpus, url), *options])


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
    assert claimed["settings"]["model"] == NAME
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
        (["--questions", "none.jsonl"], 1, "cannot be read from 'none.jsonl': No such file"),
        (["--top-k", "0"], 2, "top_k must be at least 1; got 0"),
        (["--max-pages", "0"], 2, "max_pages must be a whole number of at least 1; got 0"),
        (["--window", "-1"], 2, "window must be a whole number of at least 1; got -1"),
        (["--chunk-overlap", "2000"], 2, "chunk_overlap must be from 0 to below chunk_size"),
        (["--timeout", "0"], 2, "timeout must be a positive number of seconds; got 0.0"),
        (
            ["--arm", "rag-embedding", "--embedding", "magic"],
            2,
            "cannot make the embedding 'magic'",
        ),
        (["--overflow", "hybrid"], 2, "compared as an arm of its own"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(corpus, reader_url, options, code, told):
    done = command(corpus, reader_url, *options)
    assert done.exit_code == code
    assert told in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (corpus / "out" / "report.html").exists()


GOOD = json.dumps({"id": "q", "question": "Who?", "answers": ["Nina Silva"]})


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("", "questions.jsonl holds no question; give one JSON object a line"),
        (f'{GOOD}\n\n{{"question": ', "line 3 of questions.jsonl: Invalid JSON"),
        (f'{GOOD}\n{{"question": "Who?"}}', "line 2 of questions.jsonl: answers: Field required"),
        (f"{GOOD}\n{GOOD}", "questions.jsonl has the id 'q' more than once; ids must differ"),
    ],
)
def test_questions_that_cannot_be_used_are_told_by_their_line(corpus, reader_url, lines, told):
    (corpus / "questions.jsonl").write_text(lines, encoding="utf-8")
    done = command(corpus, reader_url)
    assert done.exit_code == 1
    assert told in " ".join(done.output.split())
    assert not (corpus / "out").exists()


def test_documents_that_are_not_there_are_told(corpus, reader_url):
    (corpus / "corpus").rename(corpus / "elsewhere")
    done = command(corpus, reader_url)
    assert (done.exit_code, "No such file or directory" in done.output) == (1, True)


@pytest.mark.parametrize("name", ["", "run.json", "results.jsonl", "summary.json", "results.csv"])
def test_what_cannot_be_written_is_told_and_answers_are_kept(corpus, reader_url, name):
    out = corpus / "out"
    if name:
        (out / name / "full").mkdir(parents=True)
    else:
        out.write_text("a file", encoding="utf-8")
    done = command(corpus, reader_url)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    told = "run.json" if name == "results.jsonl" else name
    assert f"{out}" in "".join(done.output.split())
    assert told in done.output
    if name in {"summary.json", "results.csv"}:
        assert (out / "results.jsonl").read_text(encoding="utf-8").count("\n") == 2
        shutil.rmtree(out / name)
        assert command(corpus, reader_url).exit_code == 0
        assert (out / "results.jsonl").read_text(encoding="utf-8").count("\n") == 2


def test_results_of_an_unknown_run_are_left_alone(corpus, reader_url):
    assert command(corpus, reader_url).exit_code == 0
    (corpus / "out" / "run.json").unlink()
    done = command(corpus, reader_url)
    assert done.exit_code == 1
    assert "choose another output folder" in " ".join(done.output.split())


def test_failures_are_told_with_their_reason(corpus):
    with ScriptedServer(failure(400, "the model is asleep")) as server:
        done = command(corpus, server.base_url)
    told = " ".join(done.output.split())
    assert done.exit_code == 0
    assert "failed 1 times with" in told
    assert "the model is asleep" in told
    assert "--repeat-failed" in told


@pytest.mark.fault(60)
@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_comparison_goes_on_where_it_stopped(corpus, sign):
    asked = [{"id": f"q{n}", "question": f"Who is {n}?", "answers": ["Nina"]} for n in range(6)]
    lines = "".join(json.dumps(line) + "\n" for line in asked)
    (corpus / "questions.jsonl").write_text(lines, encoding="utf-8")
    results = corpus / "out" / "results.jsonl"

    answered, go_on = itertools.count(), threading.Event()

    def hold_the_fourth(request):
        if next(answered) >= 3:
            go_on.wait(60)
        return streamed("Nina")

    with ScriptedServer(hold_the_fourth) as server:
        stopped = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "llama_index_glyph.compare",
                *arguments(corpus, server.base_url),
            ],
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        while not results.exists() or results.read_bytes().count(b"\n") < 3:
            assert stopped.poll() is None
            time.sleep(0.01)
        stopped.send_signal(sign)
        said = stopped.communicate()[1].decode()
        go_on.set()
        whole = results.read_bytes().rpartition(b"\n")[0].splitlines()
        assert not (corpus / "out" / "report.html").exists()
        done = command(corpus, server.base_url)
    assert stopped.returncode == (130 if sign == signal.SIGINT else -signal.SIGKILL)
    assert ("goes on where this one stopped" in " ".join(said.split())) == (sign == signal.SIGINT)
    assert done.exit_code == 0, done.output
    rows = results.read_bytes().splitlines()
    assert rows[: len(whole)] == whole
    assert len({(row["arm"], row["question_id"]) for row in map(json.loads, rows)}) == len(rows)
    assert (len(whole), len(rows)) == (3, 12)
    assert (corpus / "out" / "report.html").exists()


def test_a_server_that_is_away_is_told_and_can_be_asked_later(corpus, reader_url):
    away = command(corpus, "http://127.0.0.1:9/v1")
    assert away.exit_code == 3
    assert command(corpus, reader_url).exit_code == 0
