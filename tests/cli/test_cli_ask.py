from __future__ import annotations

import json

import pytest

from glyph_shared.asking import Answer
from glyph_shared.asking.prompts import NOT_ON_PAGES
from glyph_shared.rendering import RenderConfig, render
from tests.scripted_server import ScriptedServer, answer, failure, streamed

FACT = "The access code of the Lisbon office is 4711."
QUESTION = "What is the access code of the Lisbon office?"


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(f"Prologue.\n{FACT}\nEpilogue.\n", encoding="utf-8")
    return path


@pytest.fixture
def knowing(reader, book):
    [page] = render(book.read_text("utf-8"), reader.render_config)
    reader.learn(page, QUESTION, "4711")
    return reader


def test_the_embedded_reader_answers_and_the_place_is_told(run, book, knowing):
    result = run("ask", "--embedded", book, QUESTION)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["4711", "  page 1 (book.txt:2) [found in the text]"]
    assert "trust" not in result.stderr
    assert "Latin" not in result.stderr
    assert "reading 1 page, 322 visual tokens (with the 2 marks around each)" in result.stderr
    assert result.stderr.endswith(", in 1 request\n")


def test_a_place_that_the_model_cites_is_told_apart(run, tmp_path):
    (tmp_path / "long.txt").write_text(f"{FACT}\n" * 200, encoding="utf-8")
    with ScriptedServer(streamed("The code is 4711 [page 1].")) as server:
        result = run("ask", "long.txt", QUESTION, "--base-url", server.base_url)
    assert "  page 1 (long.txt:1) [cited by the model]\n" in result.stdout
    assert "[not cited by the model" not in result.stdout


def test_words_found_on_a_page_that_the_model_cited_are_not_called_uncited(run, tmp_path):
    (tmp_path / "long.txt").write_text(f"{FACT}\n{'It rained all day. ' * 500}", encoding="utf-8")
    with ScriptedServer(streamed(f"{FACT[:-1]} [page 1].")) as server:
        result = run("ask", "long.txt", QUESTION, "--base-url", server.base_url)
    cited, found = result.stdout.splitlines()[1:]
    assert cited.endswith(" page 1 (long.txt:1) [cited by the model]")
    assert found.endswith("[the answer's words were found here, on a page that the model cited]")


def test_what_the_environment_says_of_another_server_is_not_the_embedded_ones(
    run, book, knowing, monkeypatch
):
    monkeypatch.setenv("GLYPH_MODEL", "other")
    monkeypatch.setenv("GLYPH_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("GLYPH_API_KEY", "key")
    assert run("ask", "--embedded", book, QUESTION).stdout.startswith("4711\n")


def test_a_refusal_is_told_apart_from_an_answer(run, book, reader):
    result = run("ask", "--embedded", book, "Who?")
    assert result.stdout == "Not on these pages.\n"
    assert "the pages do not hold the answer" in result.stderr


def test_a_small_readers_refusal_names_the_model_that_answers_open_questions(run, book, reader):
    told = run("ask", "--embedded", book, "Who?").stderr
    assert "; the small reader looks up plainly written facts only, open questions need " in told
    assert "zai-org/Glyph (glyph serve)" in told
    assert "trust" not in told


def test_a_large_models_refusal_says_nothing_of_a_small_reader(run, tmp_path):
    (tmp_path / "long.txt").write_text(f"{FACT}\n" * 200, encoding="utf-8")
    with ScriptedServer(streamed(NOT_ON_PAGES)) as server:
        told = run("ask", "long.txt", QUESTION, "--base-url", server.base_url).stderr
    assert "the pages do not hold the answer" in told
    assert "small reader" not in told


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_words_of_the_embedded_reader_that_stand_nowhere_are_not_to_be_trusted(
    run, book, reader, options
):
    [page] = render(book.read_text("utf-8"), reader.render_config)
    reader.learn(page, QUESTION, "isbo")
    result = run("ask", "--embedded", book, QUESTION, *options)
    assert result.exit_code == 0
    assert "glyph: these words were found on none of the pages; do not trust them" in result.stderr


def test_words_that_stand_only_elsewhere_are_not_called_absent(run, tmp_path, reader):
    text = "It rained. It rained. " * 8
    (tmp_path / "rain.txt").write_text(text, encoding="utf-8")
    for page in render(text, reader.render_config):
        reader.learn(page, "Who is she?", "it")
    told = run("ask", "--embedded", "rain.txt", "Who is she?").stderr
    assert "no place where these words stand speaks of what was asked; do not trust them" in told


def test_letters_that_the_embedded_reader_never_learned_are_told_before_it_reads(
    run, tmp_path, reader
):
    (tmp_path / "city.txt").write_text("北京在中国。 Ok, Paul.\n", encoding="utf-8")
    told = run("ask", "--embedded", "city.txt", "Who?").stderr
    first, second, *_ = told.splitlines()
    assert first == (
        "glyph: the embedded reader reads English in Latin letters; 45 % of this text's letters "
        "are others"
    )
    assert second.startswith("glyph: reading ")


def test_a_question_in_other_letters_is_told_too(run, book, reader):
    told = run("ask", "--embedded", book, "北京在哪里?").stderr
    assert "100 % of this question's letters are others" in told


def test_json_holds_every_field_of_the_answer_and_the_plan(run, book, knowing):
    told = json.loads(run("ask", "--embedded", book, QUESTION, "--json").stdout)
    assert set(told) == {*Answer.model_fields, "plan"}
    assert (told["text"], told["refused"]) == ("4711", False)
    assert told["citations"][0]["line"] == 2


def test_json_tells_visual_tokens_with_and_without_marks(run, book, knowing):
    told = json.loads(run("ask", "--embedded", book, QUESTION, "--json").stdout)
    planned = told["plan"]
    assert (planned["pages"], planned["page_marks"]) == (1, 2)
    assert planned["visual_tokens"] == told["usage"]["visual_tokens"] + planned["page_marks"]


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (("--dpi", "120"), {"dpi": 120}),
        (("--set", "newline_markup="), {"newline_markup": ""}),
    ],
)
def test_a_look_of_counts_table_can_be_typed(run, book, reader, options, changes):
    wanted = RenderConfig.preset("en").model_copy(update=changes).theta_hash
    result = run("ask", "--embedded", book, QUESTION, *options)
    assert f"page 1 has theta {wanted}" in result.stderr


def test_pages_of_another_look_are_refused_in_words_for_shell_and_python(run, book, reader):
    result = run("ask", "--embedded", book, QUESTION, "--preset", "en")
    assert "`glyph ask --preset reader`, in Python RenderConfig.preset('reader')" in result.stderr


def test_a_file_alone_lacks_its_question(run, book):
    for alone in ("book.txt", "-"):
        result = run("ask", alone, "--embedded")
        assert result.exit_code == 2
        assert result.stderr == (
            f'glyph: the question is missing; for example: glyph ask {alone} "Who is Bertha?"\n'
        )


def test_a_single_argument_that_is_no_file_may_be_either(run):
    result = run("ask", "Who is Bertha?")
    assert result.exit_code == 2
    assert "got only 'Who is Bertha?'" in result.stderr
    assert 'glyph ask book.txt "Who is Bertha?"' in result.stderr


def test_a_question_without_quotes_is_put_together_again(run, book):
    result = run("ask", "book.txt", "Who", "is", "Bertha?")
    assert result.exit_code == 1
    assert "cannot read Who: " in result.stderr
    assert result.stderr.endswith('in quotes: glyph ask book.txt "Who is Bertha?"\n')


def test_a_server_that_is_not_there_is_told_with_what_needs_no_gpu(run, book):
    result = run("ask", book, QUESTION, "--base-url", "http://127.0.0.1:9/v1")
    assert "`glyph serve --embedded`" in result.stderr


def test_files_and_standard_input_are_one_context(run, book, reader):
    arguments = ("ask", "--embedded", book, "-", QUESTION)
    assert "reading 1 page," in run(*arguments, input="More.").stderr
    lines = round(reader.render_config.page_size[1] / reader.render_config.line_height)
    assert "reading 5 pages," in run(*arguments, input="More.\n" * 4 * lines).stderr


def test_a_server_streams_its_answer(run, book):
    with ScriptedServer(streamed("Four ", "seven\x1b[2J \ud800")) as server:
        result = run("ask", book, QUESTION, "--base-url", server.base_url, "--model", "scripted")
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "Four seven\N{REPLACEMENT CHARACTER}[2J \N{REPLACEMENT CHARACTER}\n"
    )


def test_a_text_cheaper_than_its_pages_is_told(run, tmp_path):
    (tmp_path / "note.txt").write_text("Hello.", encoding="utf-8")
    with ScriptedServer(streamed("Hi.")) as server:
        result = run("ask", "note.txt", "Who?", "--base-url", server.base_url)
    assert "cheaper than their pages" in result.stderr


def test_a_cut_answer_is_told(run, book):
    with ScriptedServer(streamed("Four", finish_reason="length")) as server:
        result = run("ask", book, QUESTION, "--base-url", server.base_url)
    assert "cut at --max-tokens" in result.stderr


def test_a_refused_key_is_named_by_its_variable_and_never_shown(run, book, monkeypatch):
    monkeypatch.setenv("GLYPH_API_KEY", "canary-key")
    with ScriptedServer(failure(401), models=failure(401)) as server:
        result = run("ask", book, QUESTION, "--base-url", server.base_url)
    assert result.exit_code == 3
    assert "GLYPH_API_KEY" in result.stderr
    assert "canary-key" not in result.output


def _keys(tmp_path, count):
    text = "".join(f"{'It rained all day. ' * 40}\nKey {n}: {n:08d}.\n" for n in range(count))
    (tmp_path / "keys.txt").write_text(text, encoding="utf-8")


def test_strings_that_are_left_to_the_pages_are_told_and_more_can_be_allowed(run, tmp_path):
    _keys(tmp_path, 40)
    with ScriptedServer(streamed("Yes.")) as server:
        arguments = ("ask", "keys.txt", "Which?", "--base-url", server.base_url)
        capped = run(*arguments, "--exact-text-tokens", "100")
        enough = run(*arguments)
        none = run(*arguments, "--exact-text-tokens", "0")
    assert " of 40 exact strings (UUIDs, long numbers, addresses) did not fit" in capped.stderr
    assert "--exact-text-tokens" in capped.stderr
    assert "did not fit" not in enough.stderr + none.stderr
    texts = ["".join(part.get("text", "") for part in request["messages"][-1]["content"])
             for request in server.requests]  # fmt: skip
    assert ["00000000" in text for text in texts] == [True, True, False]
    assert ["00000039" in text for text in texts] == [False, True, False]


def test_a_second_look_is_told_with_its_pages_and_cost(run, tmp_path):
    _keys(tmp_path, 40)
    with ScriptedServer(answer("Key 7 [page 1]"), answer("00000007")) as server:
        arguments = ("ask", "keys.txt", "Which is key 7?", "--base-url", server.base_url)
        result = run(*arguments, "--refine", "hidpi")
    assert result.stdout.startswith("00000007\n")
    assert "glyph: looked again at page 1 at 144 dpi, " in result.stderr
    assert result.stderr.rstrip().endswith(" visual tokens")


def test_a_second_look_at_text_is_told_with_what_the_text_costs(run, tmp_path):
    _keys(tmp_path, 40)
    with ScriptedServer(answer("Key 7 [page 1]"), answer("00000007")) as server:
        arguments = ("ask", "keys.txt", "Which is key 7?", "--base-url", server.base_url)
        result = run(*arguments, "--refine", "text")
    assert result.exit_code == 0
    assert result.stdout.startswith("00000007\n")
    assert "glyph: looked again at page 1 as text, " in result.stderr
    assert result.stderr.rstrip().endswith(" text tokens")


def test_a_second_look_in_vain_is_told_and_the_first_answer_printed(run, tmp_path):
    _keys(tmp_path, 40)
    first = answer("Key 7 [page 2]")
    with ScriptedServer(first, failure(400), first, failure(400)) as server:
        arguments = ("ask", "keys.txt", "Which is key 7?", "--base-url", server.base_url)
        result = run(*arguments, "--refine", "text")
        told = json.loads(run(*arguments, "--refine", "text", "--json").stdout)
    assert result.stdout.startswith("Key 7 [page 2]\n")
    assert "the first answer stands: the second look failed: " in result.stderr
    assert told["refined"]["how"] == "text"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "Missing argument"),
        (("nowhere.txt", "Who?"), 1, "nowhere.txt"),
        (("book.txt", "Who?", "--base-url", "http://127.0.0.1:9/v1"), 3, "127.0.0.1:9"),
        (("book.txt", "Who?", "--base-url", "ftp://x"), 2, "ftp://x"),
        (("book.txt", "Who?", "--embedded", "--base-url", "http://x/v1"), 2, "--base-url"),
        (("book.txt", "Who?", "--embedded", "--model", "other"), 2, "--model"),
        (("book.txt", "Who?", "--overflow", "cut"), 2, "--overflow"),
        (("book.txt", "Who?", "--embedded", "--max-tokens", "0"), 2, "max_tokens"),
        (("book.txt", "Who?", "--embedded", "--refine", "hidpi"), 2, "embedded reader"),
        (("book.txt", "Who?", "--embedded", "--refine", "closer"), 2, "--refine"),
        (("book.txt", "Who?", "--embedded", "--exact-text-tokens", "-1"), 2, "exact"),
        (("book.txt", "Who?", "--embedded", "--timeout", "-1"), 2, "timeout"),
        (("book.txt", "Who?", "--embedded", "--preset", "en"), 3, "theta"),
        (("book.txt", "Who?", "--embedded", "--preset", "en", "--config", "x"), 2, "--config"),
        (("book.txt", "Who?", "--embedded", "--preset", ""), 2, "preset"),
        (("book.txt", " ", "--embedded"), 1, "question"),
        (("nowhere.txt", ""), 1, "the question is empty"),
    ],
)
def test_what_is_wrong_is_told(run, book, reader, arguments, code, told):
    result = run("ask", *arguments)
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr
