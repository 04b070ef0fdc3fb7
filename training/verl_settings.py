"""A stage's numbers in verl's words, by the names of its command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from transformers import SchedulerType
from trl import GRPOConfig

from glyph_shared import ConfigError
from training.rl import RewardSettings
from training.stages.model import ModelSettings
from training.stages.settings import DataSettings

LOSSES = {
    "dapo": "token-mean",
    "bnpo": "token-mean",
    "grpo": "seq-mean-token-mean",
    "dr_grpo": "seq-mean-token-sum-norm",
}
"""TRL's names of what a step's loss is the mean of, and verl's."""

SCHEDULES = {"constant": "constant", "constant_with_warmup": "constant", "cosine": "cosine"}
"""Schedules of the learning rate that both know."""


def model_settings(
    model: ModelSettings, trainer: GRPOConfig, own: argparse.Namespace
) -> dict[str, Any]:
    """Returns verl's settings of what learns, and how.

    Raises:
        ConfigError: verl has nothing of this kind.
    """
    window = own.prompt_tokens + trainer.max_completion_length
    place = "actor_rollout_ref"
    return {
        "algorithm.adv_estimator": "grpo",
        # Groups whose answers all have one reward teach nothing; others are drawn in their place.
        "algorithm.filter_groups.enable": True,
        "algorithm.filter_groups.metric": "reward",
        f"{place}.model.path": model.place,
        **_lora(model),
        f"{place}.model.enable_gradient_checkpointing": trainer.gradient_checkpointing,
        f"{place}.model.use_remove_padding": True,
        f"{place}.ref.strategy": "fsdp2",
        f"{place}.actor.freeze_vision_tower": not model.train_vision,
        f"{place}.actor.ppo_mini_batch_size": own.prompts,
        f"{place}.actor.ppo_max_token_len_per_gpu": -(-window // own.sequence_parallel),
        f"{place}.actor.ulysses_sequence_parallel_size": own.sequence_parallel,
        **{f"{place}.actor.{name}": value for name, value in _loss(trainer).items()},
        **{f"{place}.actor.optim.{name}": value for name, value in _optimizer(trainer).items()},
        f"{place}.rollout.name": "vllm",
        f"{place}.rollout.n": trainer.num_generations,
        f"{place}.rollout.temperature": trainer.temperature,
        f"{place}.rollout.max_model_len": window,
        f"{place}.rollout.tensor_model_parallel_size": 1,
    }


def _loss(trainer: GRPOConfig) -> dict[str, Any]:
    return {
        "strategy": "fsdp2",
        "use_dynamic_bsz": True,
        "clip_ratio_low": trainer.epsilon,
        "clip_ratio_high": trainer.epsilon_high or trainer.epsilon,
        "loss_agg_mode": _known(LOSSES, "loss_type", trainer.loss_type),
        "use_kl_loss": trainer.beta > 0,
        "kl_loss_coef": trainer.beta,
        "kl_loss_type": "low_var_kl",
    }


def _optimizer(trainer: GRPOConfig) -> dict[str, Any]:
    schedule = SchedulerType(trainer.lr_scheduler_type).value
    return {
        "lr": trainer.learning_rate,
        "lr_scheduler_type": _known(SCHEDULES, "lr_scheduler_type", schedule),
        "lr_warmup_steps": int(trainer.warmup_steps),
        "betas": [trainer.adam_beta1, trainer.adam_beta2],
        "weight_decay": trainer.weight_decay,
        "clip_grad": trainer.max_grad_norm,
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
