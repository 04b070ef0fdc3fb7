r"""Writes a stage for ms-swift, whose sequence parallelism reaches windows of 131,072 tokens.

    python -m training.export_swift --config training/configs/pretrain_9b.yaml --out runs/swift
    bash runs/swift/train.sh

TRL and accelerate do not share a vision model's sequence among processes; ms-swift does. What is
written: ``examples.jsonl`` (and ``held_out.jsonl``) with messages and the files of their pages,
``pages/`` with each page once, and ``train.sh`` with the stage's numbers in ms-swift's words. Pages
that are there already are not drawn again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.progress import track
from transformers import SchedulerType
from trl import SFTConfig

from glyph_shared import InputError, Page
from training.command import told_in_a_line
from training.data.drawing import DrawnExample, draw
from training.stages.model import ModelSettings
from training.stages.rows import read_examples
from training.stages.settings import DataSettings, accumulation, parse
from training.tasks.example import completion

IMAGE = "<image>"
"""Where ms-swift puts the next image of an example."""

LAUNCH = """#!/usr/bin/env bash
# One stage in ms-swift (pip install "ms-swift>=4.6" msgspec), written by training.export_swift.
# Each sequence is shared by {parallel} of the processes; NNODES, NODE_RANK and MASTER_ADDR bring in
# more machines.
set -euo pipefail
cd "$(dirname "$0")"
export NPROC_PER_NODE=${{NPROC_PER_NODE:-{processes}}}
{command} "$@"
"""


def main(arguments: list[str] | None = None) -> None:
    """Writes the stage that a YAML file and the command line describe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--processes", type=int, default=8, help="GPUs of a machine")
    parser.add_argument(
        "--sequence-parallel", type=int, default=8, help="GPUs that share one sequence"
    )
    parser.add_argument(
        "--window", type=int, default=131_072, help="tokens of an example, pages and text"
    )
    own, rest = parser.parse_known_args(arguments)
    model, data, trainer = parse(SFTConfig, rest)
    own.out.mkdir(parents=True, exist_ok=True)
    sets = {"examples": data.examples, "held_out": data.held_out}
    for name, paths in sets.items():
        if paths:
            write_examples(data, paths, own.out, name)
    command = swift_command(model, data, trainer, own)
    launch = LAUNCH.format(parallel=own.sequence_parallel, processes=own.processes, command=command)
    (own.out / "train.sh").write_text(launch, encoding="utf-8")
    print(f"bash {own.out / 'train.sh'}")


def write_examples(data: DataSettings, paths: list[str], out: Path, name: str) -> None:
    """Draws examples, and writes them and their pages.

    Raises:
        InputError: A line is no example, or its text holds ms-swift's own mark for an image.
    """
    (out / "pages").mkdir(exist_ok=True)
    fresh = out / f"{name}.jsonl.new"
    examples = list(read_examples(paths))
    with fresh.open("w", encoding="utf-8") as lines:
        for example in track(examples, f"{name}: pages", disable=not sys.stderr.isatty()):
            drawn = draw(example)
            if not data.most_visual_tokens or drawn.visual_tokens <= data.most_visual_tokens:
                lines.write(json.dumps(swift_row(drawn, out, think=data.think)) + "\n")
    fresh.replace(out / f"{name}.jsonl")


def swift_row(drawn: DrawnExample, out: Path, *, think: bool) -> dict[str, Any]:
    """Returns an example as ms-swift reads it, and writes its pages."""
    example = drawn.example
    target = completion(example.thought, example.target, think=think)
    messages = [
        {"role": turn["role"], "content": "".join(_parts(turn["content"], example.id))}
        for turn in drawn.prompt
    ]
    messages.append({"role": "assistant", "content": _checked(target, example.id)})
    return {"messages": messages, "images": [_kept(page, out) for page in drawn.all_pages]}


def swift_command(
    model: ModelSettings, data: DataSettings, trainer: SFTConfig, own: argparse.Namespace
) -> str:
    """Returns the command that runs the stage in ms-swift, in the folder that was written.

    Raises:
        ConfigError: The batch cannot be dealt out to the groups of processes.
    """
    groups = max(1, own.processes // own.sequence_parallel)
    batch = data.global_batch or trainer.per_device_train_batch_size * groups
    each = trainer.per_device_train_batch_size
    settings: dict[str, Any] = {
        "model": model.place,
        "model_type": "glm4v",
        "template": "glm4v",
        "use_hf": "true",
        "torch_dtype": model.model_dtype,
        "attn_impl": model.attention,
        "tuner_type": "lora" if model.lora_rank else "full",
        **(
            {"lora_rank": model.lora_rank, "lora_alpha": model.lora_alpha}
            if model.lora_rank
            else {}
        ),
        "freeze_vit": _word(not model.train_vision),
        "freeze_aligner": _word(not model.train_vision),
        "dataset": "examples.jsonl",
        **({"val_dataset": "held_out.jsonl"} if data.held_out else {"split_dataset_ratio": 0}),
        # Longer examples are left out, and none is cut. Untold, ms-swift takes the model's own
        # window, which is shorter.
        "max_length": own.window,
        "sequence_parallel_size": own.sequence_parallel,
        "per_device_train_batch_size": each,
        "gradient_accumulation_steps": accumulation(batch, each, groups),
        "max_steps": trainer.max_steps,
        "learning_rate": trainer.learning_rate,
        "lr_scheduler_type": SchedulerType(trainer.lr_scheduler_type).value,
        **_scheduler(trainer),
        "warmup_steps": trainer.warmup_steps,
        "adam_beta1": trainer.adam_beta1,
        "adam_beta2": trainer.adam_beta2,
        "max_grad_norm": trainer.max_grad_norm,
        "gradient_checkpointing": _word(trainer.gradient_checkpointing),
        "logging_steps": int(trainer.logging_steps),
        "save_steps": int(trainer.save_steps),
        "seed": trainer.seed,
        "output_dir": "run",
    }
    words = [f"--{name} {shlex.quote(str(value))}" for name, value in settings.items()]
    return " \\\n    ".join(["swift sft", *words])


def _scheduler(trainer: SFTConfig) -> dict[str, str]:
    more = trainer.lr_scheduler_kwargs
    return {"lr_scheduler_kwargs": json.dumps(more)} if more else {}


def _parts(content: list[Mapping[str, str]], name: str) -> Iterator[str]:
    for part in content:
        yield IMAGE if part["type"] == "image" else _checked(part["text"], name)


def _checked(text: str, name: str) -> str:
    if IMAGE in text:
        raise InputError(
            f"example {name!r} holds {IMAGE!r} in its text, which ms-swift would take for a page; "
            "write it another way there"
        )
    return text


def _kept(page: Page, out: Path) -> str:
    """Writes a page, unless it is there, and returns its place in the folder."""
    place = Path("pages") / f"{page.digest}.png"
    if not (out / place).exists():
        fresh = (out / place).with_suffix(".new")
        fresh.write_bytes(page.png)
        fresh.replace(out / place)
    return str(place)


def _word(value: bool) -> str:
    return "true" if value else "false"


if __name__ == "__main__":
    with told_in_a_line():
        main()
