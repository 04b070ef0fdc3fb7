r"""Writes GRPO for verl, which shares rollouts and training among the machines of a cluster.

    python -m training.export_verl --config training/configs/rl_9b.yaml --out runs/verl
    bash runs/verl/train.sh

TRL holds a prompt's pixels once for each of its answers on one GPU, and shares no sequence of a
vision model among GPUs; verl deals both out. What is written: ``examples.parquet`` (and
``held_out.parquet``) in the shape that verl's ``RLHFDataset`` reads, and ``train.sh`` with the
stage's numbers in verl's words.
Rewards are those of ``training.rl``, called through ``training.verl_reward``. The files in
``examples`` may be JSONL, whose pages are drawn, or parquet of ``training.data.prerender``.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from trl import GRPOConfig

from training.command import told_in_a_line
from training.rl import RewardSettings, RolloutSettings
from training.stages.settings import parse
from training.verl_rows import stored_rows, write_rows
from training.verl_settings import data_settings, model_settings, reward_settings

LAUNCH = """#!/usr/bin/env bash
# GRPO in verl 0.9 with vLLM, written by training.export_verl. In the environment of verl, on every
# machine: pip install -e CHECKOUT of glyph-context, for the rewards. On several machines, start Ray
# first (ray start --head, ray start --address) and run this on the head.
set -euo pipefail
{command} "$@"
"""


def main(arguments: list[str] | None = None) -> None:
    """Writes the stage that a YAML file and the command line describe."""
    own, rest = _parser().parse_known_args(arguments)
    model, data, trainer, rewards, _ = parse(GRPOConfig, rest, RewardSettings, RolloutSettings)
    settings = {
        **model_settings(model, trainer, own),
        **data_settings(data, trainer, own),
        **reward_settings(rewards, data),
    }
    own.out.mkdir(parents=True, exist_ok=True)
    for name, paths in {"examples": data.examples, "held_out": data.held_out}.items():
        if paths:
            write_rows(stored_rows(paths), own.out / f"{name}.parquet", data.most_visual_tokens)
    words = [shlex.quote(f"{name}={_hydra(value)}") for name, value in settings.items()]
    command = " \\\n    ".join(["python3 -m verl.trainer.main_ppo", *words])
    (own.out / "train.sh").write_text(LAUNCH.format(command=command), encoding="utf-8")
    print(f"bash {own.out / 'train.sh'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--prompts", type=int, default=32, help="prompts a step")
    parser.add_argument("--prompt-tokens", type=int, default=34_816, help="most of a prompt")
    parser.add_argument("--gpus", type=int, default=8, help="GPUs of a machine")
    parser.add_argument("--nodes", type=int, default=1, help="machines")
    parser.add_argument("--sequence-parallel", type=int, default=1, help="GPUs a sequence")
    return parser


def _hydra(value: Any) -> str:
    """Returns a value as Hydra's command line reads it."""
    return value if isinstance(value, str) and _plain(value) else json.dumps(value)


def _plain(text: str) -> bool:
    return bool(text) and not set(text) & set(" ,=:{}[]()'\"\\")


if __name__ == "__main__":
    with told_in_a_line():
        main()
