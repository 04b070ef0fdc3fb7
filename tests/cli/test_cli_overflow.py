"""``glyph ask --overflow``: what each policy sends of a text beyond the window, and tells."""

from __future__ import annotations

import json

import pytest

from tests.scripted_server import ScriptedServer, answer, as_json, failure, streamed

QUESTION = "What is the access code of the Lisbon office?"
FACT = "The access code of the Lisbon office is 4711.\n"
DAYS = [f"On day {day} it rained and nobody wanted to go out.\n" for day in range(2400)]
# At the default look the text takes about 7,300 visual tokens, 5,100 at the legibility floor.
TOO_SMALL, FOR_DENSER = 4000, 8000


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("".join([*DAYS[:1800], FACT, *DAYS[1800:]]), encoding="utf-8")
    return path


@pytest.fixture
def ask(run, book):
    def ask(server, *options):
        return run("ask", book, QUESTION, "--base-url", server.base_url, *options)

    return ask


def _serving(window, *script):
    return ScriptedServer(*script, models=as_json({"data": [{"id": "s", "max_model_len": window}]}))


def _pages(request):
    return [part for part in request["messages"][-1]["content"] if part["type"] == "image_url"]


def test_error_sends_nothing_and_names_the_other_policies(ask):
    with _serving(TOO_SMALL) as server:
        for options in ((), ("--overflow", "error")):
            result = ask(server, *options)
            assert result.exit_code == 1
            for word in ("visual tokens", "map_reduce", "hybrid", "denser"):
                assert word in result.stderr
        assert server.calls == 0


@pytest.mark.fault(55)
def test_hybrid_tells_what_it_did_not_send(ask):
    with _serving(TOO_SMALL, streamed("4711")) as server:
        result = ask(server, "--overflow", "hybrid")
        assert server.calls == 1
    assert result.stdout.startswith("4711\n")
    assert "book.txt:1801" in result.stdout
    assert "hybrid: " in result.stderr
    assert "chars left out" in result.stderr
    assert "was not sent: " in result.stderr


def test_max_pages_caps_what_hybrid_sends(ask):
    with _serving(TOO_SMALL, streamed("4711")) as server:
        ask(server, "--overflow", "hybrid", "--max-pages", 1)
        assert len(_pages(server.requests[0])) == 1


def test_denser_tells_the_resolution_and_sends_all(ask):
    with _serving(FOR_DENSER, streamed("4711")) as server:
        assert ask(server).exit_code == 1
        result = ask(server, "--overflow", "denser")
    assert result.exit_code == 0
    assert " dpi instead of 72 " in result.stderr
    assert "nothing was left out" in result.stderr


def test_denser_refuses_below_the_floor_with_both_figures(ask):
    with _serving(TOO_SMALL) as server:
        result = ask(server, "--overflow", "denser")
        assert (result.exit_code, server.calls) == (1, 0)
    assert "legibility floor of 7.5 px per em is met at 60 dpi" in result.stderr
    assert "a window of 4,000" in result.stderr


def test_map_reduce_reads_all_in_parts_and_names_a_part_that_failed(ask):
    script = (answer("Rain."), failure(400, "broken"), answer("Rain."), answer("Only rain."))
    with _serving(TOO_SMALL, *script) as server:
        result = ask(server, "--overflow", "map_reduce", "--json")
    told = json.loads(result.stdout)
    assert told["plan"]["requests"] == len(told["windows"]) + 1
    [left] = told["left_out"]
    assert "broken" in left["reason"]


def test_a_time_budget_ends_the_reading_and_tells_what_was_not_read(ask):
    with _serving(TOO_SMALL, answer("Rain.")) as server:
        result = ask(server, "--overflow", "map_reduce", "--time-budget", "0.000001")
        assert server.calls == 0
    assert "not read: the time budget of 1e-06 s was used up" in result.stderr
