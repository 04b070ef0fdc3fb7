"""The command that writes example sets: settings, resuming, budget, statistics."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glyph_shared.errors import ConfigError, InputError
from training.data.__main__ import main
from training.data.drawing import draw
from training.data.example_file import ExampleFile
from training.data.making import OVER_BUDGET, Entry, make_sets, read_journal
from training.data.settings import DataSettings, SourceSettings, read_settings
from training.data.sources import read_records
from training.data.statistics import histogram, statistics
from training.reader import corpus

yaml = pytest.importorskip("yaml", reason="settings are YAML")

CONFIGS = sorted((Path(__file__).parents[2] / "training" / "configs").glob("data_*.yaml"))
SMALL = """
out: {out}
count: 12
held_out: 4
sources:
  - {{kind: invented, most: 8, chars: 600}}
tasks:
  masked: {{chars: 400, spans: 3}}
  questions: {{least_chars: 300, most_chars: 1500, others: 2}}
looks: {{en: 1}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.format(out=tmp_path / "set"), encoding="utf-8")
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# ---- settings ----


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_settings_are_valid(path: Path):
    assert read_settings(path).weighted_tasks()


def test_there_are_settings_for_each_stage():
    assert [path.stem for path in CONFIGS] == ["data_debug", "data_pretrain", "data_rl", "data_sft"]


def test_the_command_line_changes_settings_by_their_path(config: Path):
    changes = "--count 3 --tasks.masked.spans 7 --sources.0.chars 99 --looks.web 2 --tasks.ocr {}"
    settings = read_settings(config, changes.split())
    assert settings.count == 3
    assert settings.sources[0].chars == 99
    assert settings.looks == {"en": 1, "web": 2}
    masked, _questions, ocr = settings.weighted_tasks()
    assert (masked[0].spans, ocr[1]) == (7, 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("--cuont 3", "unknown setting 'cuont'; allowed are out, sources"),
        ("--tasks.masked.span 3", "unknown setting 'tasks.masked.span'; allowed are chars"),
        ("--sources.0.pth x", "unknown setting 'sources.0.pth'; allowed are kind"),
        ("--tasks.mask.spans 3", "a task is one of ocr, .*; got 'mask'"),
        ("--looks.sepia 1", "θ is one of document"),
        ("--looks.en -1", "looks have weights of 0 or more"),
        ("--tasks.masked.weight much", "tasks have weights of 0 or more"),
        ("--count three", "count is of type int; got 'three'"),
        ("--count true", "count is of type int; got True"),
        ("--count -1", "count must not be negative; got -1"),
        ("--workers 0", "workers must be at least 1; got 0"),
        ("--sources.1.kind texts", "--sources.1.kind: there is no sources.1"),
        ("--sources.0.kind text", "a source's kind is one of invented, .*; got 'text'"),
        ("--sources.0.kind texts", "a source of kind texts needs a path"),
        ("--sources.0.path x", "a source of kind invented takes no path; got 'x'"),
        ("--sources.0.columns.body x", "columns are named for the fields .*; got 'body'"),
        ("--sources []", "sources is empty"),
        ("--sources x", "sources is a list of sources; got str"),
        ("--count.much 3", "--count.much: count holds no settings"),
        ("--count", "--count has no value"),
        ("--count [", r"--count has no value of YAML; got '\['"),
        ("--tasks.masked 3", "tasks.masked is a mapping of options; got 3"),
        ("--looks 3", "looks is of type mapping; got 3"),
        ("count 3", "settings are changed as --name value; got 'count'"),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(config: Path, changes: str, says: str):
    with pytest.raises(ConfigError, match=says):
        read_settings(config, changes.split())


def test_settings_that_cannot_be_read_are_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot read settings"):
        read_settings(tmp_path / "none.yaml")
    (tmp_path / "torn.yaml").write_text("out: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot read settings"):
        read_settings(tmp_path / "torn.yaml")
    (tmp_path / "list.yaml").write_text("- 1", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no settings but list"):
        read_settings(tmp_path / "list.yaml")
    (tmp_path / "out.yaml").write_text("sources: []\ntasks: {}", encoding="utf-8")
    with pytest.raises(ConfigError, match="setting 'out' is missing"):
        read_settings(tmp_path / "out.yaml")


# ---- making ----


def test_a_run_writes_both_sets_and_tells_what_they_hold(config: Path, tmp_path: Path, capsys):
    main(["--config", str(config)])
    folder = tmp_path / "set"
    train, held_out = ExampleFile(folder / "examples.jsonl"), ExampleFile(folder / "held_out.jsonl")
    assert (len(train), len(held_out)) == (12, 4)
    assert len({example.id for example in train}) == 12
    told = json.loads((folder / "statistics.json").read_text(encoding="utf-8"))
    assert told["examples"]["all"]["examples"] == 12
    tokens = sum(draw(example).visual_tokens for example in train)
    assert told["examples"]["all"]["visual_tokens"] == tokens
    assert sum(told["examples"]["visual_tokens_histogram"].values()) == 12
    printed = capsys.readouterr().out
    assert "examples: 12 examples" in printed
    assert "held_out: 4 examples" in printed


def test_held_out_examples_share_no_text_with_those_of_training(config: Path, tmp_path: Path):
    make_sets(read_settings(config))
    sentences = [
        {
            part.strip()
            for example in ExampleFile(tmp_path / "set" / f"{name}.jsonl")
            for page in example.pages
            for part in page.text.split(".")
            if len(part) > 30
        }
        for name in ("examples", "held_out")
    ]
    assert min(map(len, sentences)) > 10
    assert not sentences[0] & sentences[1]


def test_a_second_run_adds_nothing_and_a_higher_count_adds_the_rest(config: Path, tmp_path: Path):
    make_sets(read_settings(config, ["--count", "5"]))
    first = content(tmp_path / "set")
    make_sets(read_settings(config, ["--count", "5"]))
    assert content(tmp_path / "set") == first
    make_sets(read_settings(config))
    whole = content(tmp_path / "set")
    assert whole["examples.jsonl"].startswith(first["examples.jsonl"])
    make_sets(read_settings(config, ["--out", str(tmp_path / "other")]))
    assert content(tmp_path / "other") == whole


def test_several_processes_make_what_one_does(config: Path, tmp_path: Path):
    make_sets(read_settings(config))
    make_sets(read_settings(config, ["--workers", "2", "--out", str(tmp_path / "two")]))
    assert content(tmp_path / "two") == content(tmp_path / "set")


def test_a_kill_loses_nothing_and_doubles_nothing(config: Path, tmp_path: Path):
    command = [sys.executable, "-m", "training.data", "--config", str(config), "--count", "150"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    journal = tmp_path / "set" / "examples.journal.jsonl"
    while not journal.exists() or journal.stat().st_size < 2000:
        assert run.poll() is None
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert 0 < len(read_journal(journal)) < 150
    make_sets(read_settings(config, ["--count", "150"]))
    make_sets(read_settings(config, ["--count", "150", "--out", str(tmp_path / "whole")]))
    assert content(tmp_path / "set") == content(tmp_path / "whole")


@pytest.mark.parametrize("cut", [1, 30, 2000])
def test_whatever_a_kill_leaves_of_the_files_is_completed(config: Path, tmp_path: Path, cut: int):
    make_sets(read_settings(config))
    folder = tmp_path / "set"
    whole = content(folder)
    for name in ("examples.jsonl", "examples.journal.jsonl"):
        (folder / "examples.journal.jsonl").write_bytes(whole["examples.journal.jsonl"][:-cut])
        make_sets(read_settings(config))
        assert content(folder)[name] == whole[name]


def test_other_settings_are_not_mixed_into_a_folder(config: Path):
    make_sets(read_settings(config))
    with pytest.raises(InputError, match="examples made with other seed; choose another out"):
        make_sets(read_settings(config, ["--seed", "2"]))
    with pytest.raises(SystemExit, match=r"error: .* made with other tasks"):
        main(["--config", str(config), "--tasks.masked.spans", "2"])


def test_examples_over_the_budget_are_left_out_and_counted(config: Path, tmp_path: Path):
    free = make_sets(read_settings(config, ["--out", str(tmp_path / "free")]))["examples"]
    most = sorted(entry.visual_tokens for entry in free)[6]
    journal = make_sets(read_settings(config, ["--most_visual_tokens", str(most)]))["examples"]
    over = [entry for entry in journal if entry.left_out]
    assert {entry.left_out for entry in over} == {OVER_BUDGET}
    assert 0 < len(over) < 12
    assert all((entry.visual_tokens > most) == bool(entry.left_out) for entry in journal)
    assert len(ExampleFile(tmp_path / "set" / "examples.jsonl")) == 12 - len(over)
    assert statistics(journal)["all"]["left_out"] == {OVER_BUDGET: len(over)}


def test_what_cannot_be_made_is_counted_with_its_reason(config: Path):
    (journal, _) = make_sets(read_settings(config, ["--tasks.instructions", "{}"])).values()
    reasons = {entry.left_out for entry in journal if entry.left_out}
    assert len(reasons) == 1
    assert reasons.pop().startswith("InputError: no record has an instruction")


def test_bad_rows_of_the_sources_are_written_down_and_the_rest_is_used(tmp_path: Path, capsys):
    rows = [json.dumps({"text": f"Row {number} is long enough. " * 20}) for number in range(6)]
    (tmp_path / "rows.jsonl").write_text("\n".join([*rows, '{"text": 1}']), encoding="utf-8")
    told = {
        "out": str(tmp_path / "set"),
        "count": 4,
        "sources": [{"kind": "jsonl", "path": str(tmp_path / "rows.jsonl")}],
        "tasks": {"ocr": {"chars": 300}},
        "looks": {"en": 1},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")
    main(["--config", str(tmp_path / "run.yaml")])
    (bad,) = (tmp_path / "set" / "bad_rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(bad) == {
        "file": str(tmp_path / "rows.jsonl"),
        "line": 7,
        "reason": "'text' must be a text; got int",
        "row": '{"text": 1}',
    }
    assert "not read: 1 rows or files" in " ".join(capsys.readouterr().out.split())


def test_every_instruction_triple_is_taken_once(tmp_path: Path):
    rows = [
        {"text": f"Text {number}.", "instruction": "Read it.", "response": f"It is {number}."}
        for number in range(7)
    ]
    lines = "\n".join(map(json.dumps, rows))
    (tmp_path / "triples.jsonl").write_text(lines, encoding="utf-8")
    source = SourceSettings("jsonl", str(tmp_path / "triples.jsonl"))
    make_sets(DataSettings(str(tmp_path / "set"), (source,), {"instructions": {}}, count=7))
    examples = ExampleFile(tmp_path / "set" / "examples.jsonl")
    assert [example.target for example in examples] == [row["response"] for row in rows]


def test_records_of_real_data_are_in_one_set_only(tmp_path: Path):
    rows = "\n".join(json.dumps({"text": f"Row {number}."}) for number in range(200))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    source = SourceSettings("jsonl", str(tmp_path / "rows.jsonl"))
    settings = DataSettings("out", (source,), {"ocr": {}}, held_out=1, held_out_share=0.2)
    train, held_out = (
        {record.text for record in read_records(settings, pytest.fail, held_out=split)}
        for split in (False, True)
    )
    assert not train & held_out
    assert len(train | held_out) == 200
    assert 20 < len(held_out) < 60


def test_python_brings_text_for_both_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some = corpus._source_files()[::20]
    monkeypatch.setattr(corpus, "_source_files", lambda: some)
    settings = DataSettings(str(tmp_path), (SourceSettings("library"),), {"ocr": {}})
    train, held_out = (
        read_records(settings, pytest.fail, held_out=split) for split in (False, True)
    )
    assert {record.kind for record in train} == {"prose", "code"}
    assert not {record.text for record in train} & {record.text for record in held_out}


# ---- statistics ----


def test_a_histogram_doubles_its_bounds():
    assert histogram([]) == {}
    assert histogram([1, 256, 257, 512, 2000]) == {"256": 2, "512": 2, "1024": 0, "2048": 1}


def test_statistics_tell_tasks_apart():
    entries = [
        Entry(0, "ocr", "", 100, 1, 400),
        Entry(1, "ocr", "", 300, 2, 800, replaced=3),
        Entry(2, "ocr", OVER_BUDGET, 9000, 9, 1),
        Entry(3, "masked", "", 50, 1, 100),
    ]
    told = statistics(entries)
    ocr = told["tasks"]["ocr"]
    assert (ocr["examples"], ocr["pages"], ocr["chars"]) == (2, 3, 1200)
    assert (ocr["visual_tokens"], ocr["visual_tokens_mean"], ocr["replaced_chars"]) == (400, 200, 3)
    assert told["all"]["visual_tokens_most"] == 300
    assert told["visual_tokens_histogram"] == {"256": 2, "512": 1}


def test_statistics_of_nothing_are_zero():
    told = statistics([Entry(0, "ocr", OVER_BUDGET, 9, 9, 9)])
    assert told["all"]["visual_tokens_mean"] == 0
    assert told["visual_tokens_histogram"] == {}
