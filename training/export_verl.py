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
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from rich.progress import track
from transformers import SchedulerType
from trl import GRPOConfig

from glyph_shared import ConfigError, InputError
from glyph_shared.rendering.visual_tokens import TOKEN_SIDE_PX
from training.data.drawing import draw
from training.data.rows import Row, stored_row
from training.rl import RewardSettings, RolloutSettings
from training.stages.model import ModelSettings
from training.stages.rows import read_examples
from training.stages.settings import DataSettings, parse

IMAGE = "<image>"
"""Where verl puts the next image of an example."""

_MARKS = (IMAGE, "<video>", "<audio>")

LOSSES = {
    "dapo": "token-mean",
    "bnpo": "token-mean",
    "grpo": "seq-mean-token-mean",
    "dr_grpo": "seq-mean-token-sum-norm",
}
"""TRL's names of what a step's loss is the mean of, and verl's."""

SCHEDULES = {"constant": "constant", "constant_with_warmup": "constant", "cosine": "cosine"}
"""Schedules of the learning rate that both know."""

SCHEMA = pyarrow.schema({
    "data_source": pyarrow.string(),
    "prompt": pyarrow.list_(
        pyarrow.struct({"role": pyarrow.string(), "content": pyarrow.string()})
    ),
    "images": pyarrow.list_(
        pyarrow.struct({"bytes": pyarrow.binary(), "min_pixels": pyarrow.int64()})
    ),
    "reward_model": pyarrow.struct({"style": pyarrow.string(), "ground_truth": pyarrow.string()}),
    "extra_info": pyarrow.struct({
        "index": pyarrow.int64(), "id": pyarrow.string(), "question": pyarrow.string(),
    }),
})  # fmt: skip

LAUNCH = """#!/usr/bin/env bash
# GRPO in verl 0.9 with vLLM, written by training.export_verl. In the environment of verl, on every
# machine: pip install -e CHECKOUT of glyph-context, for the rewards. On several machines, start Ray
# first (ray start --head, ray start --address) and run this on the head.
set -euo pipefail
{command} "$@"
"""


def main(arguments: list[str] | None = None) -> None:
    """Writes the stage that a YAML file and the command line describe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--prompts", type=int, default=32, help="prompts a step")
    parser.add_argument("--prompt-tokens", type=int, default=34_816, help="most of a prompt")
    parser.add_argument("--gpus", type=int, default=8, help="GPUs of a machine")
    parser.add_argument("--nodes", type=int, default=1, help="machines")
    parser.add_argument("--sequence-parallel", type=int, default=1, help="GPUs a sequence")
    own, rest = parser.parse_known_args(arguments)
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


# ---- rows ----


def stored_rows(paths: Sequence[str]) -> Iterator[Row]:
    """Yields drawn examples as ``training.data.rows.stored_row`` writes them.

    Raises:
        InputError: A file cannot be read, or a line is no example.
    """
    if not all(path.endswith(".parquet") for path in paths):
        yield from (stored_row(draw(example)) for example in read_examples(paths))
        return
    for path in paths:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1):
            yield from batch.to_pylist()


def write_rows(rows: Iterable[Row], path: Path, most_visual_tokens: int = 0) -> None:
    """Writes drawn examples for verl, whole or not at all.

    Raises:
        InputError: A text holds one of verl's own marks, or no example is within the budget.
    """
    draft, written = path.with_suffix(".new"), 0
    with parquet.ParquetWriter(draft, SCHEMA, compression="none") as file:
        for stored in track(rows, f"{path.stem}: pages", disable=not sys.stderr.isatty()):
            if not most_visual_tokens or stored["visual_tokens"] <= most_visual_tokens:
                file.write_table(pyarrow.Table.from_pylist([verl_row(stored, written)], SCHEMA))
                written += 1
    if not written:
        raise InputError(
            f"no example for {str(path)!r} within {most_visual_tokens} visual tokens; raise "
            "most_visual_tokens, or make shorter ones"
        )
    draft.replace(path)


def verl_row(stored: Mapping[str, Any], index: int) -> Row:
    """Returns a drawn example as verl reads it.

    Raises:
        InputError: Its text holds one of verl's own marks.
    """
    prompt = json.loads(stored["prompt"])
    texts = [part["text"] for turn in prompt for part in turn["content"] if "text" in part]
    for mark in _MARKS:
        if any(mark in text for text in texts):
            raise InputError(
                f"example {stored['id']!r} holds {mark!r} in its text, which verl would take for "
                "a page; write it another way there"
            )
    return {
        "data_source": stored["task"],
        "prompt": [{"role": turn["role"], "content": _content(turn)} for turn in prompt],
        # verl's reader of images would enlarge pages of less than four visual tokens.
        "images": [{"bytes": png, "min_pixels": TOKEN_SIDE_PX**2} for png in stored["images"]],
        "reward_model": {"style": "rule", "ground_truth": stored["example"]},
        "extra_info": {"index": index, "id": stored["id"], "question": "\n".join(texts)},
    }


def _content(turn: Mapping[str, Any]) -> str:
    return "".join(part.get("text", IMAGE) for part in turn["content"])


# ---- settings ----


def model_settings(
    model: ModelSettings, trainer: GRPOConfig, own: argparse.Namespace
) -> dict[str, Any]:
    """Returns verl's settings of what learns, and how.

    Raises:
        ConfigError: verl has nothing of this kind.
    """
    window = own.prompt_tokens + trainer.max_completion_length
    schedule = SchedulerType(trainer.lr_scheduler_type).value
    return {
        "algorithm.adv_estimator": "grpo",
        # Groups whose answers all have one reward teach nothing; others are drawn in their place.
        "algorithm.filter_groups.enable": True,
        "algorithm.filter_groups.metric": "reward",
        "actor_rollout_ref.model.path": model.place,
        **_lora(model),
        "actor_rollout_ref.model.enable_gradient_checkpointing": trainer.gradient_checkpointing,
        "actor_rollout_ref.model.use_remove_padding": True,
        "actor_rollout_ref.actor.strategy": "fsdp2",
        "actor_rollout_ref.ref.strategy": "fsdp2",
        "actor_rollout_ref.actor.freeze_vision_tower": not model.train_vision,
        "actor_rollout_ref.actor.ppo_mini_batch_size": own.prompts,
        "actor_rollout_ref.actor.use_dynamic_bsz": True,
        "actor_rollout_ref.actor.ppo_max_token_len_per_gpu": -(-window // own.sequence_parallel),
        "actor_rollout_ref.actor.ulysses_sequence_parallel_size": own.sequence_parallel,
        "actor_rollout_ref.actor.clip_ratio_low": trainer.epsilon,
        "actor_rollout_ref.actor.clip_ratio_high": trainer.epsilon_high or trainer.epsilon,
        "actor_rollout_ref.actor.loss_agg_mode": _known(LOSSES, "loss_type", trainer.loss_type),
        "actor_rollout_ref.actor.use_kl_loss": trainer.beta > 0,
        "actor_rollout_ref.actor.kl_loss_coef": trainer.beta,
        "actor_rollout_ref.actor.kl_loss_type": "low_var_kl",
        "actor_rollout_ref.actor.optim.lr": trainer.learning_rate,
        "actor_rollout_ref.actor.optim.lr_scheduler_type": _known(
            SCHEDULES, "lr_scheduler_type", schedule
        ),
        "actor_rollout_ref.actor.optim.lr_warmup_steps": int(trainer.warmup_steps),
        "actor_rollout_ref.actor.optim.betas": [trainer.adam_beta1, trainer.adam_beta2],
        "actor_rollout_ref.actor.optim.weight_decay": trainer.weight_decay,
        "actor_rollout_ref.actor.optim.clip_grad": trainer.max_grad_norm,
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.rollout.n": trainer.num_generations,
        "actor_rollout_ref.rollout.temperature": trainer.temperature,
        "actor_rollout_ref.rollout.max_model_len": window,
        "actor_rollout_ref.rollout.tensor_model_parallel_size": 1,
    }


def data_settings(
    data: DataSettings, trainer: GRPOConfig, own: argparse.Namespace
) -> dict[str, Any]:
    """Returns verl's settings of what is learned from, and for how long.

    Raises:
        ConfigError: The run has no end that verl can be told.
    """
    if trainer.max_steps <= 0:
        raise ConfigError(f"max_steps must tell how long verl trains; got {trainer.max_steps}")
    # In full: Ray's workers do not run in this folder.
    folder, every = own.out.resolve(), int(trainer.save_steps)
    # verl wants a set to validate with even where it does not validate.
    checks: dict[str, Any] = (
        {"data.val_files": str(folder / "held_out.parquet"), "trainer.test_freq": every}
        if data.held_out
        else {"data.val_files": str(folder / "examples.parquet"), "data.val_max_samples": 1}
    )
    return {
        "data.train_files": str(folder / "examples.parquet"),
        **checks,
        "data.train_batch_size": own.prompts,
        "data.max_prompt_length": own.prompt_tokens,
        "data.max_response_length": trainer.max_completion_length,
        "data.truncation": "error",
        "data.seed": trainer.seed,
        "trainer.nnodes": own.nodes,
        "trainer.n_gpus_per_node": own.gpus,
        "trainer.total_training_steps": trainer.max_steps,
        "trainer.total_epochs": trainer.max_steps,
        "trainer.val_before_train": False,
        "trainer.save_freq": every,
        "trainer.default_local_dir": str(folder / "checkpoints"),
        "trainer.project_name": "glyph",
        "trainer.experiment_name": "rl",
        "trainer.logger": ["console", "tensorboard"],
    }


def reward_settings(rewards: RewardSettings, data: DataSettings) -> dict[str, Any]:
    """Returns verl's settings of ``training.verl_reward``."""
    told = {
        "think": data.think,
        "answer_weight": rewards.answer_weight,
        "format_weight": rewards.format_weight,
        **(
            {
                "judge_weight": rewards.judge_weight,
                "judge_url": rewards.judge_url,
                "judge_model": rewards.judge_model,
                "judged": rewards.judged,
            }
            if rewards.judge_url
            else {}
        ),
    }
    place = "reward.custom_reward_function"
    return {
        f"{place}.path": "pkg://training.verl_reward",
        f"{place}.name": "compute_score",
        **{f"+{place}.reward_kwargs.{name}": value for name, value in told.items()},
    }


def _lora(model: ModelSettings) -> dict[str, Any]:
    if not model.lora_rank:
        return {}
    return {
        "actor_rollout_ref.model.lora_rank": model.lora_rank,
        "actor_rollout_ref.model.lora_alpha": model.lora_alpha,
        "actor_rollout_ref.model.exclude_modules": ".*visual.*",
    }


def _known(names: Mapping[str, str], setting: str, value: str) -> str:
    if value not in names:
        raise ConfigError(f"verl knows {setting} {', '.join(names)}; got {value!r}")
    return names[value]


def _hydra(value: Any) -> str:
    """Returns a value as Hydra's command line reads it."""
    return value if isinstance(value, str) and _plain(value) else json.dumps(value)


def _plain(text: str) -> bool:
    return bool(text) and not set(text) & set(" ,=:{}[]()'\"\\")


if __name__ == "__main__":
    main()
