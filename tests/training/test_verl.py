"""What is written for verl is what verl reads: make test-verl."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from pyarrow import parquet  # noqa: E402

from glyph_shared import ConfigError, InputError  # noqa: E402
from tests.training.full_vocabulary import write_model  # noqa: E402
from tests.training.small import examples, write_examples  # noqa: E402
from training import export_verl  # noqa: E402
from training.data.drawing import draw  # noqa: E402
from training.data.example_file import write_examples as write_file  # noqa: E402
from training.data.prerender import plan_shards, prerender  # noqa: E402
from training.data.rows import stored_row  # noqa: E402
from training.verl_reward import compute_score  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

VERL = Path(".venv-verl/bin/python").absolute()
PAPER = (
    "--config",
    str(Path("training/configs/rl_9b.yaml").absolute()),
    "--bf16",
    "false",
    "--use_vllm",
    "false",
)


def _export(out: Path, data: Path, *more: str) -> Path:
    export_verl.main(
        ["--out", str(out), *PAPER, "--use_cpu", "true", "--examples", str(data), *more]
    )
    return out


def _rows(out: Path) -> list[dict]:
    return parquet.read_table(out / "examples.parquet").to_pylist()


@pytest.mark.skipif(not VERL.exists(), reason="needs .venv-verl: make test-verl")
def test_verl_reads_the_papers_settings_the_pages_and_the_rewards(tmp_path):
    model, data = tmp_path / "model", write_examples(tmp_path / "examples.jsonl", 3)
    model.mkdir()
    out = _export(tmp_path / "out", data, "--model", str(write_model(model)))
    told = _read_by_verl(out, model)
    assert told["clip"] == [0.2, 0.28]
    assert told["kl"] == [True, 0.01, "low_var_kl"]
    assert (told["lr"], told["betas"], told["loss"]) == (1e-6, [0.9, 0.95], "token-mean")
    assert (told["prompts"], told["answers"], told["steps"]) == ([32, 32], 16, 500)
    assert told["window"] == 34_816 + 4096
    assert told["filter"]
    for row, example in zip(told["rows"], examples(3), strict=True):
        drawn = draw(example)
        assert row["sizes"] == [list(page.size_px) for page in drawn.all_pages]
        assert row["page_tokens"] == sum(page.visual_tokens for page in drawn.all_pages)
        assert "Read." in row["text"]
        assert [reward["answer"] for reward in row["rewards"]] == [1.0, 0.0]


def test_a_script_that_runs_anywhere_names_folders_in_full(tmp_path, monkeypatch):
    data = write_examples(tmp_path / "examples.jsonl", 1)
    monkeypatch.chdir(tmp_path)
    Path("tuned").mkdir()
    out = _export(Path("out"), data, "--model", "tuned")
    script = (out / "train.sh").read_text(encoding="utf-8")
    assert f"model.path={tmp_path / 'tuned'} " in script
    assert f"train_files={tmp_path / 'out' / 'examples.parquet'} " in script


def _read_by_verl(out: Path, model: Path) -> dict:
    command = (str(VERL), "tests/training/verl_side.py", str(out), str(model))
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_pages_that_were_drawn_before_give_the_same_rows(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl", 4)
    shards = plan_shards(data, tmp_path / "pages")
    prerender(shards)
    drawn = _rows(_export(tmp_path / "drawn", data))
    assert drawn == _rows(_export(tmp_path / "kept", shards[0].path))
    assert drawn[0]["prompt"] == [{"role": "user", "content": "<image>Read."}]
    assert [row["extra_info"]["index"] for row in drawn] == [0, 1, 2, 3]


def test_examples_beyond_the_budget_are_left_out_and_a_set_of_none_is_an_error(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl", 2)
    with pytest.raises(InputError, match="within 1 visual tokens"):
        _export(tmp_path / "out", data, "--most_visual_tokens", "1")
    assert not list((tmp_path / "out").glob("*.parquet"))


@pytest.mark.parametrize("mark", ["<image>", "<video>", "<audio>"])
def test_a_text_that_holds_a_mark_of_verl_is_named(tmp_path, mark):
    example = examples(1)[0]
    turn = example.turns[0]
    spoiled = type(turn)(turn.role, (*turn.parts, f"see {mark}"))
    path = tmp_path / "examples.jsonl"
    write_file(path, [type(example)(**{**vars(example), "turns": (spoiled,)})])
    with pytest.raises(InputError, match=f"example '0' holds '{mark}'"):
        _export(tmp_path / "out", path)


def test_what_verl_does_not_know_is_an_error(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl", 1)
    with pytest.raises(ConfigError, match="verl knows loss_type"):
        _export(tmp_path / "out", data, "--loss_type", "cispo")
    with pytest.raises(ConfigError, match="max_steps must tell"):
        _export(tmp_path / "out", data, "--max_steps", "-1")


@pytest.mark.anyio
async def test_a_reward_is_the_sum_of_its_parts_by_weight():
    asked = draw(examples(1)[0]).example
    truth = stored_row(draw(examples(1)[0]))["example"]
    said = f"<think>One word.</think>{asked.target}"
    right = await compute_score("ocr", said, truth, {}, think=True, format_weight=0.2)
    bare = await compute_score("ocr", asked.target, truth, {}, think=True, format_weight=0.2)
    assert right == {"score": 1.2, "answer": 1.0, "format": 1.0}
    assert bare == {"score": 1.0, "answer": 1.0, "format": 0.0}


@pytest.fixture
def anyio_backend():
    return "asyncio"
