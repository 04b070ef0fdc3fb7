"""Stages run, stop, go on exactly, and leave a model that can be served."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from safetensors.torch import load_file  # noqa: E402
from transformers import Glm4vForConditionalGeneration  # noqa: E402

from tests.training.small import examples, write_examples  # noqa: E402
from training import dpo, pretrain, rl, sft  # noqa: E402
from training.stages.journal import CURVES, FINAL, METRICS, read_metrics  # noqa: E402
from training.tasks.example import to_row  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

QUICK = (
    *("--model", "debug", "--model_dtype", "float32", "--use_cpu", "true", "--bf16", "false"),
    *("--gradient_checkpointing", "false", "--logging_steps", "1", "--report_to", "none"),
    *("--disable_tqdm", "true", "--seed", "1"),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Sums of several threads differ in their last bits from run to run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_examples(tmp_path_factory.mktemp("data") / "examples.jsonl")


def _sft(data: Path, out: Path, steps: int, *more: str) -> tuple[str, ...]:
    return (
        *QUICK,
        *("--examples", str(data), "--output_dir", str(out), "--max_steps", str(steps)),
        *("--per_device_train_batch_size", "2", "--learning_rate", "1e-3", *more),
    )


def _losses(out: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(out / METRICS) if "loss" in row]


def _weights(out: Path) -> dict[str, object]:
    return load_file(out / FINAL / "model.safetensors")


def test_a_run_that_was_cut_goes_on_exactly(data, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    sft.main([*_sft(data, whole, 12, "--save_steps", "2")])
    run = subprocess.Popen(
        [sys.executable, "-m", "training.sft", *_sft(data, cut, 12, "--save_steps", "2")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(cut / "checkpoint-2" / "trainer_state.json")
    run.kill()
    run.wait()
    sft.main([*_sft(data, cut, 12, "--save_steps", "2")])
    assert _losses(cut) == _losses(whole)
    ours, theirs = _weights(cut), _weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_that_is_done_makes_no_further_step(data, tmp_path, capsys):
    sft.main([*_sft(data, tmp_path, 2, "--save_steps", "2")])
    losses, weights = _losses(tmp_path), _weights(tmp_path)
    settings = (tmp_path / "settings.json").read_bytes()
    sft.main([*_sft(data, tmp_path, 2, "--save_steps", "1")])
    assert "this run is done" in capsys.readouterr().out
    assert (tmp_path / "settings.json").read_bytes() == settings
    # As if it had been killed before the last thing that it does.
    shutil.rmtree(tmp_path / FINAL)
    sft.main([*_sft(data, tmp_path, 2, "--save_steps", "2")])
    again = _weights(tmp_path)
    assert _losses(tmp_path) == losses
    assert all(torch.equal(again[name], weights[name]) for name in weights)


@pytest.mark.parametrize("state", [None, '{"global_st'])
def test_a_checkpoint_that_a_kill_tore_is_passed_over(data, tmp_path, state):
    sft.main([*_sft(data, tmp_path, 4, "--save_steps", "2")])
    losses, weights = _losses(tmp_path), _weights(tmp_path)
    shutil.rmtree(tmp_path / FINAL)
    torn = tmp_path / "checkpoint-4" / "trainer_state.json"
    torn.unlink()
    if state:
        torn.write_text(state)
    sft.main([*_sft(data, tmp_path, 4, "--save_steps", "2")])
    again = _weights(tmp_path)
    assert _losses(tmp_path) == losses
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_ctrl_c_ends_a_run_after_its_step_with_a_checkpoint(data, tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-m", "training.sft", *_sft(data, tmp_path, 5000)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    _wait_for(tmp_path / METRICS, content=True)
    run.send_signal(signal.SIGINT)
    told, _ = run.communicate(timeout=120)
    assert run.returncode == 0
    assert "the same command goes on" in told
    assert list(tmp_path.glob("checkpoint-*/trainer_state.json"))
    assert not (tmp_path / FINAL).exists()


def test_a_stage_leaves_metrics_curves_settings_and_a_model_to_serve(data, tmp_path):
    sft.main([*_sft(data, tmp_path, 3, "--held_out", str(data), "--eval_strategy", "steps",
                    "--eval_steps", "2", "--per_device_eval_batch_size", "4")])  # fmt: skip
    rows = read_metrics(tmp_path / METRICS)
    assert [row["step"] for row in rows if "eval_loss" in row] == [2, 3]
    assert (tmp_path / CURVES).read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "settings.json").read_text())["data"]["examples"] == [str(data)]
    Glm4vForConditionalGeneration.from_pretrained(tmp_path / FINAL)
    template = (tmp_path / FINAL / "chat_template.jinja").read_text(encoding="utf-8")
    assert "generation" not in template.replace("add_generation_prompt", "")


def test_lora_trains_the_language_part_and_is_merged_at_the_end(data, tmp_path):
    sft.main([*_sft(data, tmp_path, 2, "--lora_rank", "4")])
    started = load_file(tmp_path / "initial" / "model.safetensors")
    ended = _weights(tmp_path)
    changed = {name for name in started if not torch.equal(started[name], ended[name])}
    assert changed
    assert all("language_model.layers" in name for name in changed)


def test_two_processes_learn_what_one_does(data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    # Adam's first steps are signs of gradients, which rounding may turn where they are near zero.
    calm = ("--global_batch", "4", "--adam_epsilon", "0.1")
    sft.main([*_sft(data, one, 3, *calm)])
    launch = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
    plain = ("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")
    port = ("--main_process_port", "0")
    subprocess.run(
        [sys.executable, "-m", *launch, *plain, *port, "-m", "training.sft",
         *_sft(data, two, 3, *calm)],
        check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert _losses(two) == pytest.approx(_losses(one), rel=1e-4)


def _grpo(data: Path, out: Path) -> list[dict]:
    rl.main([
        *QUICK, "--examples", str(data), "--output_dir", str(out), "--max_steps", "4",
        "--per_device_train_batch_size", "8", "--num_generations", "4", "--save_steps", "2",
        "--max_completion_length", "6", "--learning_rate", "1e-3", "--beta", "0.01",
    ])  # fmt: skip
    return [row for row in read_metrics(out / METRICS) if "reward" in row]


@pytest.fixture(scope="module")
def rewarded(data, tmp_path_factory) -> Path:
    """The folder of four steps of GRPO."""
    out = tmp_path_factory.mktemp("rl")
    _grpo(data, out)
    return out


def test_grpo_rewards_answers_and_learns_nothing_where_every_group_is_dropped(rewarded):
    rows = [row for row in read_metrics(rewarded / METRICS) if "reward" in row]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    dead = [row["degenerate_groups"] == 1 for row in rows]
    assert set(dead) == {True, False}
    assert [row["grad_norm"] == 0 for row in rows] == dead
    assert (rewarded / FINAL / "model.safetensors").exists()


def test_grpo_that_was_cut_goes_on_exactly(data, rewarded, tmp_path):
    shutil.copytree(rewarded, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / FINAL)
    shutil.rmtree(tmp_path / "checkpoint-4")
    again = _grpo(data, tmp_path)
    whole = [row for row in read_metrics(rewarded / METRICS) if "reward" in row]
    told = ("loss", "reward", "kl", "entropy", "grad_norm")
    assert [[row[name] for name in told] for row in again] == [
        [row[name] for name in told] for row in whole
    ]
    assert any(row["grad_norm"] for row in again if row["step"] > 2)
    ours, theirs = _weights(tmp_path), _weights(rewarded)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("masked", [True, False])
def test_nothing_is_learned_of_answers_that_were_cut_where_they_are_masked(data, tmp_path, masked):
    rl.main([
        *QUICK, "--examples", str(data), "--output_dir", str(tmp_path), "--max_steps", "1",
        "--per_device_train_batch_size", "8", "--num_generations", "4",
        "--max_completion_length", "3", "--learning_rate", "1e-3",
        "--mask_truncated_completions", str(masked),
    ])  # fmt: skip
    [row] = [row for row in read_metrics(tmp_path / METRICS) if "reward" in row]
    assert row["completions/clipped_ratio"] == 1
    assert row["degenerate_groups"] < 1
    assert (row["grad_norm"] == 0) is masked


@pytest.mark.parametrize("stage", [pretrain, sft, rl], ids=["pretrain", "sft", "rl"])
def test_the_9bs_settings_take_a_step_with_a_small_model(data, tmp_path, stage, request):
    small = (
        *("--model", "debug", "--model_dtype", "float32", "--use_cpu", "true", "--bf16", "false"),
        *("--examples", str(data), "--output_dir", str(tmp_path), "--max_steps", "1"),
        *("--logging_steps", "1", "--dataloader_num_workers", "0", "--disable_tqdm", "true"),
    )
    supervised = ("--held_out", str(data), "--global_batch", "2")
    sampled = (
        *("--use_vllm", "false", "--per_device_train_batch_size", "16"),
        *("--gradient_accumulation_steps", "1", "--max_completion_length", "4"),
    )
    name = request.node.callspec.id
    config = ("--config", f"training/configs/{name}_9b.yaml")
    stage.main([*config, *small, *(sampled if stage is rl else supervised)])
    assert (tmp_path / FINAL / "model.safetensors").exists()
    assert list(tmp_path.rglob("events.out.tfevents.*"))


def test_preferences_raise_the_margin_of_the_better_answer(tmp_path):
    rankings = tmp_path / "rankings.jsonl"
    rows = [
        {"example": to_row(example), "answers": ["good", "bad"], "ranking": [0, 1]}
        for example in examples(4)
    ]
    rankings.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    dpo.main([
        *QUICK, "--examples", str(rankings), "--output_dir", str(tmp_path / "run"),
        "--max_steps", "4", "--per_device_train_batch_size", "2", "--learning_rate", "1e-3",
    ])  # fmt: skip
    margins = [
        row["rewards/margins"]
        for row in read_metrics(tmp_path / "run" / METRICS)
        if "rewards/margins" in row
    ]
    assert margins[-1] > margins[0]


def _wait_for(path: Path, *, content: bool = False) -> None:
    for _ in range(1200):
        if path.exists() and (not content or path.stat().st_size):
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} did not come")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--config", "absent.yaml"), "absent.yaml"),
        (("--examples", "absent.jsonl"), "absent.jsonl"),
        (("--max_stepps", "3"), "--max_stepps"),
    ],
)
def test_what_a_user_can_mend_is_told_in_a_line(tmp_path, given, told):
    run = subprocess.run(
        [sys.executable, "-m", "training.sft", *QUICK, *given, "--output_dir", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert told in last
