"""Trains the reader in a stage: pages drawn as they are needed, many questions behind each.

Departures from transformers' trainer, and why:
* a step is one batch of one mix, drawn from the seed, the phase's name and the step's number, so a
  run that was cut goes on exactly;
* Muon on matrices and AdamW on the rest; gradients of the rest alone are clipped, for Muon's
  updates have one size whatever the gradient;
* what is measured while training is the share of unseen answers that are right.
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from glyph_shared import ConfigError
from glyph_shared.reader.engine import WEIGHTS
from training.reader.checkpoint import write_checkpoint
from training.reader.conversion import checkpoint_tensors, restore
from training.reader.corpus import Corpus, load_corpus
from training.reader.held_out import HeldOut
from training.reader.learner import Fields, Learner, packed, shown
from training.reader.model import ModelConfig, ReaderModel
from training.reader.optim import MuonAdamW, split
from training.reader.phases import PackedSettings, Phases, read_phases
from training.reader.segments import draw_pages, make_batch
from training.stages.journal import Journal, write_settings
from training.stages.model import ModelSettings
from training.stages.run import run


class Steps(Dataset[Fields]):
    """What each step of a stage learns from, drawn when it is asked for."""

    def __init__(self, phases: Phases, corpus: Corpus, seed: int) -> None:
        self._phases, self._corpus, self._seed = phases, corpus, seed

    def __len__(self) -> int:
        return self._phases.steps

    def __getitem__(self, step: int) -> Fields:
        number, step = self._phases.at(step)
        phase = self._phases.each[number]
        rng = random.Random(f"{self._seed} {phase.name} {step}")
        shares, mixes = zip(*phase.mixes, strict=True)
        mix = rng.choices(mixes, shares)[0]
        if phase.vision:
            pages = [draw_pages(rng, self._corpus, mix) for _ in range(mix.prompts)]
            return shown([page for prompt in pages for page in prompt])
        return packed(make_batch(rng, self._corpus, mix))


class PackedTrainer(Trainer):
    """transformers' trainer for a `Learner` and a `MuonAdamW`."""

    def __init__(self, *, phases: Phases, **settings: Any) -> None:
        super().__init__(data_collator=_only, **settings)
        self._phases = phases
        self._told: dict[str, list[Tensor]] = defaultdict(list)

    def compute_loss(
        self,
        model: Any,
        inputs: Fields,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Returns the loss of a step, and keeps what is reported beside it."""
        told: Fields = model(**inputs)
        loss = told.pop("loss")
        for name, value in told.items():
            self._told[name].append(value.detach())
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds to a report of training what the steps told since the last one."""
        if "loss" in logs:
            logs["phase"] = self._phases.at(self.state.global_step - 1)[0] + 1
            logs |= {name: torch.stack(some).mean().item() for name, some in self._told.items()}
            self._told.clear()
        super().log(logs, start_time)

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Measures unseen pages and questions."""
        reader = self.accelerator.unwrap_model(self.model).reader
        held_out: Any = self.eval_dataset
        with self.accelerator.autocast():
            measured = held_out.measure(reader, self.args.device)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in measured.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _clip_grad_norm(self, model: Any) -> Tensor:
        optimizer: Any = self.optimizer
        others = optimizer.param_groups[0]["params"]
        norm: Tensor = self.accelerator.clip_grad_norm_(others, self.args.max_grad_norm)
        return norm


def train_packed(
    model: ModelSettings, settings: PackedSettings, trainer: TrainingArguments
) -> bool:
    """Trains on the phases of a stage; False if the run was interrupted.

    Raises:
        ConfigError: A setting is impossible, or does not go with packed questions.
    """
    phases = read_phases(settings.phases)
    _prepare(model, trainer, phases)
    folder = Path(str(trainer.output_dir))
    write_settings(folder, model=model, packed=settings, trainer=trainer.to_dict())
    reader = _reader(model.model, trainer.seed)
    learner = Learner(reader, settings.pointer_weight, settings.reading_weight)
    reader.vision.requires_grad_(model.train_vision)
    learner.to(trainer.device)
    matrices, others = split(reader)
    optimizer = MuonAdamW(
        matrices,
        [*others, *learner.head.parameters()],
        muon_lr=settings.muon_learning_rate,
        adam_lr=trainer.learning_rate,
    )
    measured = trainer.eval_strategy != "no"
    made = PackedTrainer(
        phases=phases,
        model=learner,
        args=trainer,
        train_dataset=Steps(phases, load_corpus(folder, held_out=False), trainer.seed),
        eval_dataset=HeldOut(load_corpus(folder, held_out=True)) if measured else None,
        optimizers=(optimizer, LambdaLR(optimizer, phases.scale)),
        callbacks=[Journal(folder)],
    )
    return run(made, folder, save_reader)


def save_reader(trainer: Trainer, folder: Path) -> None:
    """Writes the reader as a checkpoint of the stock class, in single precision."""
    learner: Any = trainer.accelerator.unwrap_model(trainer.model)
    tensors = checkpoint_tensors(learner.reader)
    write_checkpoint(folder, {name: value.cpu().numpy() for name, value in tensors.items()})


def _prepare(model: ModelSettings, trainer: TrainingArguments, phases: Phases) -> None:
    """Sets what packed batches leave no choice of, and refuses what does not go with them."""
    if model.lora_rank or model.model_dtype != "float32":
        raise ConfigError(
            "phases train all weights, held in single precision (bf16: true computes in bfloat16): "
            f"set lora_rank: 0 and model_dtype: float32; got {model.lora_rank} and "
            f"{model.model_dtype}"
        )
    if trainer.max_steps not in (-1, phases.steps):
        raise ConfigError(
            f"the phases have {phases.steps} steps; got max_steps {trainer.max_steps}"
        )
    if trainer.gradient_checkpointing:
        raise ConfigError("phases need gradient_checkpointing: false")
    if trainer.gradient_accumulation_steps > 1 or trainer.world_size > 1 or trainer.n_gpu > 1:
        raise ConfigError(
            "phases are for one process on one device, a batch a step; raise prompts for more"
        )
    trainer.max_steps = phases.steps
    trainer.per_device_train_batch_size = 1
    trainer.train_sampling_strategy = "sequential"
    trainer.remove_unused_columns = False


def _reader(model: str, seed: int) -> ReaderModel:
    """Returns the reader that a stage starts from."""
    torch.manual_seed(seed)
    reader = ReaderModel(ModelConfig())
    if model == "reader-random":
        return reader
    path = (WEIGHTS if model == "reader" else Path(model)) / "model.safetensors"
    try:
        restore(reader, load_file(path))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise ConfigError(
            f"model must be reader, reader-random, or the folder of a reader's weights; "
            f"got {model!r}: {error}"
        ) from error
    return reader


def _only(batches: list[Fields]) -> Fields:
    return batches[0]
