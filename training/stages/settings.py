"""What a stage is told by its YAML file and the command line, beside the trainer's own settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from transformers import TrainingArguments
from trl import TrlParser
from yaml import YAMLError

from glyph_shared import ConfigError
from training.reader.phases import PackedSettings
from training.stages.model import ModelSettings


@dataclass
class DataSettings:
    """What a stage learns from."""

    examples: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Files that python -m training.data wrote: JSONL, or parquet with pages."
        },
    )
    held_out: list[str] = field(
        default_factory=list, metadata={"help": "The same, for what is measured while training."}
    )
    think: bool = field(
        default=False, metadata={"help": "Whether the model writes its thought before the answer."}
    )
    most_visual_tokens: int = field(
        default=0,
        metadata={
            "help": "Examples with more visual tokens are left out, and counted; 0 keeps all."
        },
    )
    global_batch: int = field(
        default=0,
        metadata={
            "help": "Examples per step over all processes; sets gradient_accumulation_steps. "
            "0 leaves that as it is, which GRPO needs."
        },
    )


def parse(
    trainer_class: type[TrainingArguments], arguments: list[str] | None, *others: type
) -> tuple[Any, ...]:
    """Reads ``--config file.yaml`` and what the command line says beside it, which goes first.

    Args:
        trainer_class: The trainer's settings.
        arguments: The command line; None takes that of the process.
        others: Settings of this stage alone, as dataclasses.

    Returns:
        ``ModelSettings``, ``DataSettings``, the trainer's, the others.

    Raises:
        ConfigError: A setting is unknown or impossible.
    """
    kinds: Any = (ModelSettings, DataSettings, trainer_class, *others)
    parser: Any = TrlParser(kinds)
    try:
        model, data, trainer, *rest = parser.parse_args_and_config(arguments)
    except (ValueError, TypeError, OSError, YAMLError) as error:
        raise ConfigError(f"the settings of this stage: {error}") from error
    packed = any(isinstance(one, PackedSettings) and one.phases for one in rest)
    if not data.examples and not packed:
        raise ConfigError("examples must name at least one file; got none")
    if data.examples and packed:
        raise ConfigError("a stage learns from examples or from phases; got both")
    if data.global_batch:
        trainer.gradient_accumulation_steps = accumulation(
            data.global_batch, trainer.per_device_train_batch_size
        )
    return model, data, trainer, *rest


def accumulation(global_batch: int, per_device: int, processes: int | None = None) -> int:
    """Returns how many batches each process adds up for a step.

    Raises:
        ConfigError: The batch cannot be dealt out evenly.
    """
    devices = processes or int(os.environ.get("WORLD_SIZE", "1"))
    steps, rest = divmod(global_batch, per_device * devices)
    if rest or not steps:
        raise ConfigError(
            f"global_batch {global_batch} is no multiple of per_device_train_batch_size "
            f"{per_device} x {devices} processes; take another number of processes, or "
            f"global_batch {max(1, steps) * per_device * devices}"
        )
    return steps
