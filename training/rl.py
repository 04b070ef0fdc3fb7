r"""Reinforcement learning: GRPO on questions about pages.

    python -m training.rl --config training/configs/rl_debug.yaml
    accelerate launch --config_file training/configs/deepspeed_zero3.yaml -m training.rl \
        --config training/configs/rl_9b.yaml

The last of the paper's three stages (arXiv 2510.17800, section 3.3): several answers to each
question, rewarded by what the task can verify, by a judge where it cannot, and for their form; with
pages to be read aloud throughout. Groups whose rewards are all equal are dropped and counted as
``degenerate_groups``. Runs go on and end as those of ``training.sft`` do.

TRL copies a prompt's pixels for each of its answers, so this is for up to 32,000 visual tokens;
``shared_prompts`` reads a prompt once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trl import GRPOConfig

from training.command import told_in_a_line
from training.judge import Judge
from training.stages.grpo import PageGRPOTrainer
from training.stages.journal import Journal, write_settings
from training.stages.model import load_model, load_processor
from training.stages.reward_functions import AnswerReward, FormatReward, JudgeReward
from training.stages.rows import read_rows
from training.stages.run import run
from training.stages.settings import parse


@dataclass
class RewardSettings:
    """What answers are rewarded for."""

    answer_weight: float = field(default=1.0, metadata={"help": "Of what tasks verify."})
    format_weight: float = field(
        default=0.0, metadata={"help": "Of a thought between its marks, before the answer."}
    )
    judge_weight: float = field(default=1.0, metadata={"help": "Of the judge's grade."})
    judge_url: str = field(
        default="",
        metadata={"help": "A server whose model grades; without one, no task is judged."},
    )
    judge_model: str = field(default="", metadata={"help": "The judge's name at that server."})
    judged: list[str] = field(
        default_factory=lambda: ["summary", "instructions"],
        metadata={"help": "The tasks that the judge grades, in place of their own rewards."},
    )

    def functions(self, *, think: bool) -> tuple[list[Any], list[float]]:
        """Returns the rewards that count for something, and what each counts."""
        judged = frozenset(self.judged) if self.judge_url else frozenset[str]()
        known: list[tuple[Any, float]] = [
            (AnswerReward(judged), self.answer_weight),
            (FormatReward(think), self.format_weight),
        ]
        if judged:
            judge = Judge(self.judge_url, self.judge_model)
            known.append((JudgeReward(judge, judged), self.judge_weight))
        used = [(function, weight) for function, weight in known if weight]
        return [function for function, _ in used], [weight for _, weight in used]


@dataclass
class RolloutSettings:
    """How answers are drawn."""

    shared_prompts: bool = field(
        default=False,
        metadata={
            "help": "Whether a prompt is read once for all of its answers: the same losses, "
            "sooner. In one process, of all weights, without gradient checkpointing and vLLM."
        },
    )


def main(arguments: list[str] | None = None) -> None:
    """Runs the stage that a YAML file and the command line describe."""
    model, data, trainer, rewards, rollouts = parse(
        GRPOConfig, arguments, RewardSettings, RolloutSettings
    )
    functions, trainer.reward_weights = rewards.functions(think=data.think)
    trainer.remove_unused_columns = False
    folder = Path(trainer.output_dir)
    write_settings(
        folder,
        model=model,
        data=data,
        rewards=rewards,
        rollouts=rollouts,
        trainer=trainer.to_dict(),
    )
    processor = load_processor(model)
    # TRL pads prompts on the left, but what tells pages from text as the tokenizer does.
    processor.tokenizer.padding_side = "left"
    made = PageGRPOTrainer(
        model=load_model(model, folder),
        args=trainer,
        train_dataset=read_rows(data, data.examples, "rl"),
        reward_funcs=functions,
        processing_class=processor,
        peft_config=model.lora,
        callbacks=[Journal(folder)],
        shared_prompts=rollouts.shared_prompts,
    )
    run(made, folder)


if __name__ == "__main__":
    with told_in_a_line():
        main()
