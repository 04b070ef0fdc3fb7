"""GRPO without the groups that teach nothing, as the paper drops them (arXiv 2510.17800)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from trl import GRPOConfig, GRPOTrainer

from glyph_shared import ConfigError
from training.stages.shared_prompts import log_probabilities, share_prompts

DEGENERATE = "degenerate_groups"
"""Under this name the log tells the share of groups that were dropped."""

_EQUAL = 1e-3
"""Advantages below it are rounding: the mean of equal rewards may differ from them by a bit."""


class PageGRPOTrainer(GRPOTrainer):
    """TRL's trainer, but that a group whose rewards are all equal counts for nothing.

    TRL gives such a group no advantage and keeps its tokens in the loss's normaliser and in the KL
    term, so a batch half of which is dead learns half as much.
    """

    def __init__(self, *, shared_prompts: bool = False, **settings: Any) -> None:
        """Takes what TRL's trainer does; with ``shared_prompts`` a prompt is read once.

        Raises:
            ConfigError: The settings do not go with prompts that are read once.
        """
        if shared_prompts:
            _check(settings["args"], lora=settings.get("peft_config") is not None)
        super().__init__(**settings)
        self._shared_prompts = shared_prompts
        if shared_prompts:
            model: Any = self.model
            share_prompts(model)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        **given: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        if not self._shared_prompts:
            whole: tuple[Tensor, Tensor | None, None] = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, **given
            )
            return whole
        with self.accelerator.autocast():
            told = log_probabilities(model, input_ids, attention_mask, logits_to_keep, given)
        return told.log_probs, told.entropy, None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        scored: dict[str, Any] = super()._generate_and_score_completions(inputs)
        model: Any = self.model
        generations: Any = self.num_generations if model.training else self.num_generations_eval
        advantages = self.accelerator.gather(scored["advantages"])
        alive = living(advantages, generations)
        self._metrics["train" if model.training else "eval"][DEGENERATE].append(
            1 - alive.float().mean().item()
        )
        mine = scored["advantages"].numel()
        start = self.accelerator.process_index * mine
        mask = scored.get("tool_mask", torch.ones_like(scored["completion_mask"]))
        # Not the completion mask, which is also what the model attends to.
        scored["tool_mask"] = mask * alive[start : start + mine, None].to(mask.dtype)
        counted = (scored["completion_mask"] * scored["tool_mask"]).sum()
        scored["num_items_in_batch"] = self.accelerator.gather(counted).sum()
        return scored


def _check(trainer: GRPOConfig, *, lora: bool) -> None:
    """Refuses what reading a prompt once cannot do, or what was never tried with it."""
    if lora:
        raise ConfigError("shared_prompts trains all weights; set lora_rank: 0")
    for name in ("gradient_checkpointing", "use_vllm"):
        if getattr(trainer, name):
            raise ConfigError(f"shared_prompts needs {name}: false")
    if trainer.world_size > 1:
        raise ConfigError(f"shared_prompts is for one process; got {trainer.world_size}")


def living(advantages: Tensor, generations: int) -> Tensor:
    """Tells of each completion whether the rewards of its group differ.

    Args:
        advantages: (prompts x generations,) rewards less the mean of their group.
        generations: How many completions a group has.
    """
    groups = advantages.view(-1, generations)
    return (groups.abs() > _EQUAL).any(dim=1).repeat_interleave(generations)
