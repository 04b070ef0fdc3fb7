from __future__ import annotations

import json
import shlex

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from glyph_shared.planning import default_configs, survey
from glyph_shared.rendering import RenderConfig

TEXT = "It rained all day and nobody went out. " * 400


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_the_table_has_a_row_for_each_theta_and_names_the_counter(run, book):
    result = run("count", book)
    assert result.exit_code == 0
    assert all(name in result.stdout for name in default_configs())
    assert f"{len(TEXT):,} chars" in result.stdout
    assert " text tokens by " in result.stdout


def test_json_holds_what_survey_says(run, book):
    [row] = survey(TEXT, {"code": RenderConfig.preset("code")})
    [told] = json.loads(run("count", book, "--json", "--preset", "code").stdout)
    assert told["options"] == "--preset code"
    assert told["theta"] == row.config.theta_hash
    assert told["visual_tokens"] == row.report.visual_tokens
    assert told["compression_ratio"] == round(row.report.ratio, 3)
    assert told["tokenizer"] == row.report.tokenizer


def test_auto_tells_the_kind_and_look_of_each_document(run, book, tmp_path):
    code = tmp_path / "code.py"
    code.write_text("def day(number):\n    return {number: True}\n" * 50, encoding="utf-8")
    [told] = json.loads(run("count", book, code, "--json", "--preset", "auto").stdout)
    assert (told["options"], told["theta"]) == ("--preset auto", "auto")
    parts = [(part["document"], part["kind"], part["preset"]) for part in told["documents"]]
    assert parts == [("book.txt", "prose", "en"), ("code.py", "code", "code")]
    assert sum(part["visual_tokens"] for part in told["documents"]) == told["visual_tokens"]
    assert told["documents"][1]["theta"] == RenderConfig.preset("code").theta_hash
    shown = " ".join(run("count", book, code, "--preset", "auto", "--preset", "en").stdout.split())
    assert "book.txt prose en" in shown
    assert "code.py code code" in shown


def test_auto_takes_no_other_option_of_theta(run, book):
    for options in (("--dpi", 96), ("--set", "margin_x=20")):
        result = run("count", book, "--preset", "auto", *options)
        assert result.exit_code == 2
        assert "whole looks" in result.stderr


def test_each_row_of_the_table_can_be_typed_back(run, book):
    rows = json.loads(run("count", book, "--json").stdout)
    assert [row["options"] for row in rows] == list(default_configs())
    for row in rows:
        typed = shlex.split(row["options"])
        assert json.loads(run("count", book, "--json", *typed).stdout) == [row]


def test_options_change_each_look_that_is_named(run, book, tmp_path):
    (tmp_path / "my theta.json").write_text('{"dpi": 120}', encoding="utf-8")
    looks = ("--preset", "code", "--preset", "zh", "--config", "my theta.json")
    changes = ("--dpi", 96, "--set", "margin_x=20")
    rows = json.loads(run("count", book, "--json", *looks, *changes).stdout)
    assert [row["options"] for row in rows] == [
        f"{look} --dpi 96 --set margin_x=20"
        for look in ("--preset code", "--preset zh", "--config 'my theta.json'")
    ]
    code = RenderConfig.preset("code").model_copy(update={"dpi": 96, "margin_x": 20})
    assert rows[0]["theta"] == code.theta_hash


def test_a_look_stands_on_one_line_in_eighty_columns(run, book, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("count", book).stdout.splitlines()
    for name in default_configs():
        assert any(line.startswith(f" {name} ") for line in lines)


def test_the_table_says_what_theta_is(run, book):
    told = " ".join(run("count", book).stdout.split())
    assert "θ the rendering configuration (page size, dpi, font, …)" in told


def test_a_window_without_room_speaks_of_no_question(run, book):
    told = run("count", book, "--window", 4096).stderr
    assert "max_tokens (8,192, kept for the answer) leaves no room" in told
    assert "question" not in told


def test_several_files_count_together(run, book):
    once, twice = (
        json.loads(run("count", *[book] * n, "--json", "--preset", "en").stdout)[0]["chars"]
        for n in (1, 2)
    )
    assert twice == 2 * once


def test_a_small_window_needs_more_requests(run, book):
    arguments = ("--json", "--preset", "en", "--window", 800, "--max-tokens", 100)
    [told] = json.loads(run("count", book, *arguments).stdout)
    assert told["requests"] > 1
    assert told["text_tokens_that_fit"] < told["text_tokens"]


def test_what_can_be_done_beyond_the_window_is_told_only_there(run, book):
    small = ("--preset", "en", "--window", 800, "--max-tokens", 100)
    assert "--overflow hybrid" in run("count", book, *small).stdout
    assert "--overflow" not in run("count", book).stdout


def test_a_tokenizer_file_counts(run, book, tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "words.json"))
    [told] = json.loads(
        run("count", book, "--json", "--preset", "en", "--tokenizer", "words.json").stdout
    )
    assert told["text_tokens"] == len(TEXT.split())
    assert "words.json" in told["tokenizer"]


def test_a_narrow_terminal_keeps_every_digit(run, book, monkeypatch):
    wide = run("count", book).stdout
    monkeypatch.setenv("COLUMNS", "40")
    narrow = run("count", book).stdout
    assert sorted(filter(str.isdigit, narrow)) == sorted(filter(str.isdigit, wide))


@pytest.mark.parametrize("variable", ["GLYPH_BASE_URL", "GLYPH_MODEL", "GLYPH_API_KEY"])
def test_an_empty_variable_counts_as_absent(run, book, monkeypatch, variable):
    monkeypatch.setenv(variable, "")
    assert run("count", book, "--preset", "en").exit_code == 0


def test_a_named_server_that_does_not_answer_is_told(run, book):
    result = run("count", book, "--preset", "en", "--base-url", "http://127.0.0.1:9/v1")
    assert result.exit_code == 0
    assert "--base-url counts no text tokens; counted by " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nowhere.txt",), 1),
        (("book.txt", "--window", 10), 1),
        (("book.txt", "--window", -1), 2),
        (("book.txt", "--tokenizer", "book.txt"), 2),
        (("book.txt", "--preset", "none"), 2),
        (("book.txt", "--base-url", "server"), 2),
    ],
)
def test_what_is_wrong_is_told_in_one_line(run, book, arguments, code):
    result = run("count", *arguments)
    assert result.exit_code == code
    assert result.stderr.startswith("glyph: ")
    assert result.stderr.count("\n") == 1
