"""Whole searches: budgets, what the journal keeps, and going on after any kind of end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from glyph_shared.errors import ConfigError, GlyphError, InputError
from glyph_shared.rendering import RenderConfig
from tests.scripted_server import Scripted, ScriptedServer, answer, failure
from training.search.genome import Genome
from training.search.journal import Journal, read_rows
from training.search.run import JOURNAL, Search
from training.search.settings import Budget, read_settings

USAGE = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
SLOW = Scripted((0.3, *answer("x").pieces))


def run(settings):
    said: list[str] = []
    evaluations = Search(settings, said.append).run()
    return evaluations, said


def journal_of(settings):
    return Path(settings.output) / JOURNAL


def lines_of(path):
    """Counts lines without touching the file, which another process is writing."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_search_measures_presets_then_draws_then_breeds(make):
    with ScriptedServer() as server:
        evaluations, said = run(make(server.base_url))
    operators = [one.child.operator for one in evaluations]
    assert operators[:4] == ["preset", "preset", "sample", "sample"]
    assert set(operators[4:]) <= {"mutation", "crossover"}
    assert evaluations[0].child.genome == Genome.of(RenderConfig.preset("reference"))
    numbers = {one.number for one in evaluations}
    for one in evaluations[4:]:
        assert one.child.parents
        assert set(one.child.parents) <= numbers
    assert "no critic" in said[0]
    assert "estimate" in said[0]


def test_a_scalar_search_breeds_from_what_is_read_best_per_visual_token(make):
    scalar = {"selection": "scalar", "objectives": "[per_visual_token]"}
    with ScriptedServer() as server:
        evaluations, said = run(make(server.base_url, **scalar))
    assert len(evaluations) == 8
    bred = [one for one in evaluations if one.child.parents]
    for one in bred:
        before = [other for other in evaluations if other.number < one.number]
        best = sorted(before, key=lambda other: -other.measured.measures["per_visual_token"])[:2]
        assert set(one.child.parents) <= {other.number for other in best}
    assert bred
    assert "per_visual_token" in said[-2]


def test_several_workers_measure_as_many_and_no_look_twice(make):
    with ScriptedServer() as server:
        evaluations, _ = run(make(server.base_url, workers=2, **{"budget.runs": 2}))
    assert sorted((one.run, one.number) for one in evaluations) == [
        (run, number) for run in (0, 1) for number in range(8)
    ]
    for run_number in (0, 1):
        genomes = [one.child.genome for one in evaluations if one.run == run_number]
        assert len(set(genomes)) == 8


def test_the_same_settings_and_seed_search_the_same_looks(make, tmp_path):
    found = []
    with ScriptedServer() as server:
        for name in ("first", "second"):
            evaluations, _ = run(make(server.base_url, output=tmp_path / name))
            found.append([one.child for one in evaluations])
    assert found[0] == found[1]


def test_a_search_killed_with_sigkill_goes_on_from_its_journal(make):
    with ScriptedServer(SLOW) as server:
        settings = make(server.base_url, workers=2)
        command = [sys.executable, "-m", "training.search", *_as_arguments(settings)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        path = journal_of(settings)
        while lines_of(path) < 4 and process.poll() is None:
            time.sleep(0.05)
        workers = _children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = read_rows(path)
        assert 4 <= len(before) < 9
        with path.open("ab") as file:  # as if the kill had come within a write
            file.write(b'{"kind": "evaluation", "run": 0, "numb')
        evaluations, said = run(settings)
        _wait_until_gone(workers)
    after = read_rows(path)
    assert after[: len(before)] == before
    assert sorted(row["number"] for row in after[1:]) == list(range(8))
    assert len(evaluations) == 8
    assert said[0] == f"going on after {len(before) - 1} evaluations"


def test_an_interrupt_keeps_what_is_measured_and_says_how_to_go_on(make):
    with ScriptedServer(SLOW) as server:
        settings = make(server.base_url, **{"budget.evaluations": 50})
        command = [sys.executable, "-m", "training.search", *_as_arguments(settings)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while lines_of(journal_of(settings)) < 3 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate()
    assert process.returncode == 130
    assert b"the same command goes on from the journal" in told
    assert b"Traceback" not in told
    assert len(read_rows(journal_of(settings))) >= 3


def test_a_finished_search_is_not_run_again(make):
    with ScriptedServer() as server:
        settings = make(server.base_url)
        run(settings)
        calls = server.calls
        evaluations, _ = run(settings)
        assert server.calls == calls
    assert len(evaluations) == 8


def test_a_larger_budget_goes_on_where_the_smaller_ended(make):
    with ScriptedServer() as server:
        run(make(server.base_url, **{"budget.evaluations": 5}))
        evaluations, _ = run(make(server.base_url, **{"budget.evaluations": 7}))
    assert [one.number for one in evaluations] == list(range(7))


def test_a_journal_of_other_settings_is_not_gone_on_with(make):
    with ScriptedServer() as server:
        run(make(server.base_url, **{"budget.evaluations": 2}))
        with pytest.raises(InputError, match="written with other settings"):
            Search(make(server.base_url, **{"probe.chars": 2999}), print)


@pytest.mark.parametrize("content", ["{}", "no journal", '{"kind": "evaluation"}'])
def test_a_file_that_is_no_journal_is_left_alone(make, content):
    settings = make("http://127.0.0.1:9/v1")
    path = journal_of(settings)
    path.parent.mkdir(parents=True)
    path.write_text(content + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="journal"):
        Journal.opened(path, settings.identity())
    assert path.read_text(encoding="utf-8") == content + "\n"


def test_an_output_that_cannot_be_written_is_told(make, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="choose another output"):
        Search(make("http://127.0.0.1:9/v1", output=tmp_path / "file" / "run"), print)


def test_a_run_ends_when_nothing_gets_better(make):
    with ScriptedServer(answer("☃")) as server:
        # Nothing is read right, so there is no area below the front, and it never grows.
        settings = make(server.base_url, **{"budget.evaluations": 40, "budget.patience": 6})
        evaluations, said = run(settings)
    assert len(evaluations) == 7
    assert said[-1] == "run 1 of 1 ends: nothing better for 6 evaluations"


def test_a_budget_of_llm_tokens_ends_the_search(make):
    with ScriptedServer(answer("x", usage=USAGE)) as server:
        settings = make(server.base_url, **{"budget.llm_tokens": 250, "budget.runs": 3})
        evaluations, said = run(settings)
    assert len(evaluations) == 3
    assert "250 LLM tokens are spent" in said[-1]


def test_a_budget_of_minutes_counts_what_was_spent_before(make):
    with ScriptedServer() as server:
        settings = make(server.base_url, **{"budget.minutes": 10})
        search = Search(settings, lambda line: None)
        search._began -= 601
        assert search.run() == []


def test_a_look_that_fails_is_written_down_and_never_a_parent(make):
    replies = [answer("x")] * 3 + [failure(400, "no such picture")] + [answer("x")]
    with ScriptedServer(*replies) as server:
        evaluations, said = run(make(server.base_url))
    failed = [one for one in evaluations if one.error]
    assert len(failed) == 1
    assert "no such picture" in failed[0].error
    assert any("no such picture" in line for line in said)
    assert all(failed[0].number not in one.child.parents for one in evaluations)


def test_a_search_in_which_nothing_can_be_measured_ends_with_the_reason(make):
    with (
        ScriptedServer(failure(400, "no such picture")) as server,
        pytest.raises(GlyphError, match=r"nothing could be measured.*no such picture"),
    ):
        run(make(server.base_url))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("budget.evaluations=0", "evaluations must be a whole number from 1 on"),
        ("budget.minutes=-1", "budget.minutes must be above 0"),
        ("selection=best", "'pareto' or 'scalar'"),
        ("selection=scalar", "takes 1 of"),
        ("objectives=[accuracy, beauty]", "takes 2 of"),
        ("presets=[]", "the look to beat"),
        ("probe.reader=me", "reader must be"),
        ("genes.dpi=72", "must be a list, or low, high and step"),
        ("genes.dpi={low: a, high: 2, step: 1}", "must be a list, or low, high and step"),
        ("genes.dpi={low: 72, high: 80, step: 0}", "step above 0"),
        ("budget.minutes=soon", "budget.minutes is of type float or null; got 'soon'"),
        ("genes.size=[9]", "unknown gene 'size'"),
        ("speed=9", "unknown setting 'speed'"),
        ("budget.speed=9", r"unknown setting 'budget\.speed'; allowed are runs"),
        ("critic.writes_questions=3", "needs critic.base_url"),
        ("words", "key=value"),
        ("population=[", r"population has no value of YAML; got '\["),
        ("presets=reference", "presets is of type list; got 'reference'"),
        ("budget=9", "budget is a mapping of settings; got 9"),
        ("seed=true", "seed is of type int; got True"),
        ("probe.text.file=a", "probe.text holds no settings"),
    ],
)
def test_an_impossible_setting_is_refused_with_what_is_possible(text, tmp_path, change, told):
    given = [f"output={tmp_path}", f"probe.text={text}", "probe.chars=3000"]
    with pytest.raises(ConfigError, match=told):
        Search(read_settings(None, [*given, change]), print).run()


def test_settings_come_from_a_file_and_the_command_line_goes_before(tmp_path):
    file = tmp_path / "search.yaml"
    file.write_text("output: a\nbudget: {runs: 2}\ngenes: {dpi: {low: 72, high: 74, step: 1}}\n")
    settings = read_settings(file, ["output=b", "budget.evaluations=9"])
    assert settings.output == "b"
    assert settings.budget == replace(Budget(), runs=2, evaluations=9)
    assert settings.space().genes["dpi"] == (72, 73, 74)
    assert (Budget().runs, Budget().evaluations) == (5, 200)


@pytest.mark.parametrize("file", sorted(Path("training/configs").glob("search_*.yaml")))
def test_the_settings_in_the_repository_are_possible(file):
    settings = read_settings(file)
    assert len(settings.space().genes["dpi"]) > 1


def _as_arguments(settings):
    """Writes settings as the command line takes them."""
    told = {**settings.identity(), "output": settings.output, "workers": settings.workers}
    told["probe"] = {**told["probe"], "base_url": settings.probe.base_url}
    told["budget"] = {"runs": 1, "evaluations": settings.budget.evaluations}
    return [f"{name}={json.dumps(value)}" for name, value in told.items()]


def _children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(one) for one in listed.split()]


def _wait_until_gone(pids):
    for _ in range(200):
        if not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids):
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {pids}")
