"""What is written for ms-swift runs there, a sequence shared by two processes: make test-swift."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

from PIL import Image  # noqa: E402
from transformers import AutoProcessor  # noqa: E402

from glyph_shared import ConfigError, InputError  # noqa: E402
from tests.training.full_vocabulary import write_model  # noqa: E402
from tests.training.small import examples, write_examples  # noqa: E402
from training import export_swift  # noqa: E402
from training.data.example_file import write_examples as write_file  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

SWIFT = Path(".venv-swift/bin").absolute()
CPU = ("--ddp_backend", "gloo", "--use_cpu", "true")


def _export(out: Path, data: Path, parallel: int, *more: str) -> Path:
    export_swift.main([
        "--out", str(out), "--processes", str(parallel), "--sequence-parallel", str(parallel),
        "--examples", str(data), "--model_dtype", "float32", "--max_steps", "3",
        "--learning_rate", "1e-3", "--logging_steps", "1", "--output_dir", "unused",
        "--gradient_checkpointing", "false", "--bf16", "false", "--use_cpu", "true",
        "--per_device_train_batch_size", "1", "--global_batch", "2", *more,
    ])  # fmt: skip
    return out


def _losses(out: Path) -> list[float]:
    environment = {**os.environ, "PATH": f"{SWIFT}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    run = ("bash", str(out / "train.sh"), *CPU)
    subprocess.run(run, check=True, capture_output=True, env=environment)
    (journal,) = out.glob("run/*/logging.jsonl")
    rows = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    return [float(row["loss"]) for row in rows if "loss" in row]


@pytest.mark.skipif(not (SWIFT / "swift").exists(), reason="needs .venv-swift: make test-swift")
def test_a_sequence_shared_by_two_processes_is_learned_as_by_one(tmp_path):
    model, data = tmp_path / "model", write_examples(tmp_path / "examples.jsonl")
    model.mkdir()
    chosen = ("--model", str(write_model(model)))
    one = _losses(_export(tmp_path / "one", data, 1, *chosen))
    two = _losses(_export(tmp_path / "two", data, 2, *chosen))
    assert len(one) == 3
    assert two == pytest.approx(one, rel=1e-3)


def test_each_page_is_written_once_and_named_by_its_examples(tmp_path):
    out = _export(tmp_path / "out", write_examples(tmp_path / "examples.jsonl", 16), 1)
    lines = (out / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 16
    assert len(list((out / "pages").glob("*.png"))) == 8
    assert all((out / page).exists() for row in rows for page in row["images"])
    assert rows[0]["messages"][0]["content"] == "<image>Read."


@pytest.mark.parametrize(("more", "window"), [((), 131_072), (("--window", "4096"), 4096)])
def test_the_window_is_told_and_not_left_to_the_model(tmp_path, more, window):
    data = write_examples(tmp_path / "examples.jsonl", 2)
    out = _export(tmp_path / "out", data, 1, *more)
    assert f"--max_length {window} " in (out / "train.sh").read_text(encoding="utf-8")


def test_a_model_in_a_folder_is_named_in_full(tmp_path, monkeypatch):
    data = write_examples(tmp_path / "examples.jsonl")
    monkeypatch.chdir(tmp_path)
    Path("tuned").mkdir()
    out = _export(tmp_path / "out", data, 1, "--model", "tuned")
    assert f"--model {tmp_path / 'tuned'} " in (out / "train.sh").read_text(encoding="utf-8")


def test_a_text_that_holds_the_mark_of_an_image_is_named(tmp_path):
    path = tmp_path / "examples.jsonl"
    write_file(path, [_with_target(examples(1)[0], "see <image>")])
    with pytest.raises(InputError, match="example '0' holds '<image>'"):
        _export(tmp_path / "out", path, 1)


def test_a_batch_that_the_groups_cannot_share_is_an_error(tmp_path):
    data = write_examples(tmp_path / "examples.jsonl")
    with pytest.raises(ConfigError, match="no multiple"):
        _export(
            tmp_path / "out", data, 1, "--global_batch", "3", "--per_device_train_batch_size", "2"
        )


def _with_target(example, target):
    return type(example)(**{**vars(example), "target": target})


ASKED = [("user", "<image>Who?")]
TURNS = [*ASKED, ("assistant", "Ann"), ("user", "And then?<image>")]
PAGE = Image.new("L", (112, 56), 255)
CONVERSATIONS = {
    "no page": [("user", "Hello.")],
    "a page": ASKED,
    "several turns": TURNS,
    "a system message": [("system", "Be brief.\nAnswer in English."), *TURNS],
    "pages between texts": [("user", "First:\n<image>\nSecond:\n<image><image>\nCompare. ")],
    "white space": [("user", "\n two  \n"), ("assistant", "  lines\n\n"), ("user", " more")],
    "an earlier thought": [*ASKED, ("assistant", "<think>A name.</think>\nAnn"), ("user", "Sure?")],
    "a long chat": [*TURNS, ("assistant", "Bob <b>"), ("user", "Sure?")],
}


@pytest.mark.skipif(not (SWIFT / "swift").exists(), reason="needs .venv-swift: make test-swift")
def test_a_prompt_has_the_ids_that_ms_swift_gives_it(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    write_model(model)
    page = tmp_path / "page.png"
    PAGE.save(page)
    assert _encoded(model) == _encoded_by_swift(tmp_path, model, page)


def _encoded_by_swift(folder: Path, model: Path, page: Path) -> dict[str, list[int]]:
    conversations = [
        {
            "messages": [{"role": role, "content": text} for role, text in turns],
            "images": [str(page)] * sum(text.count("<image>") for _, text in turns),
            # Off, ms-swift takes thoughts out, and strips every turn that had none.
            "chat_template_kwargs": {"preserve_thinking": "thought" not in name},
        }
        for name, turns in CONVERSATIONS.items()
    ]
    (folder / "asked.json").write_text(json.dumps(conversations), encoding="utf-8")
    command = (str(SWIFT / "python"), "tests/training/swift_side.py", str(model))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        (*command, str(folder / "asked.json")), capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(CONVERSATIONS, json.loads(done.stdout.splitlines()[-1]), strict=True))


def _encoded(model: Path) -> dict[str, list[int]]:
    """Returns the ids under the template that is served."""
    processor = AutoProcessor.from_pretrained(model)
    served = (files("glyph_shared.serving") / "chat_template.jinja").read_text(encoding="utf-8")
    return {
        name: processor.apply_chat_template(
            [{"role": role, "content": _content(text)} for role, text in turns],
            chat_template=served, add_generation_prompt=True, tokenize=True, return_dict=True,
        )["input_ids"][0]
        for name, turns in CONVERSATIONS.items()
    }  # fmt: skip


def _content(text: str) -> list[dict[str, object]]:
    texts = [[{"type": "text", "text": part}] if part else [] for part in text.split("<image>")]
    shown = [{"type": "image", "image": PAGE}]
    return [part for parts in texts for part in [*shown, *parts]][1:]
