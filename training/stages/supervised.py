"""What pretraining and fine-tuning have in common: the loss is taken on what the model writes."""

from __future__ import annotations

from pathlib import Path

from trl import SFTConfig, SFTTrainer

from training.reader.packed import train_packed
from training.reader.phases import PackedSettings
from training.stages.journal import Journal, write_settings
from training.stages.model import ModelSettings, load_model, load_processor
from training.stages.rows import read_rows
from training.stages.run import run
from training.stages.settings import DataSettings, parse


def main(arguments: list[str] | None = None) -> None:
    """Runs the stage that a YAML file and the command line describe, by examples or by phases.

    Raises:
        ConfigError: A setting is unknown or impossible.
    """
    model, data, trainer, packed = parse(SFTConfig, arguments, PackedSettings)
    if packed.phases:
        train_packed(model, packed, trainer)
    else:
        supervise(model, data, trainer)


def supervise(model: ModelSettings, data: DataSettings, trainer: SFTConfig) -> bool:
    """Trains on examples; False if the run was interrupted.

    The loss is the cross-entropy of the assistant's tokens, the one that ends its turn among them.
    Nothing is cut: a page of which a part is missing is an error in every vision model.
    """
    trainer.assistant_only_loss = True
    trainer.max_length = None
    trainer.remove_unused_columns = False
    folder = Path(str(trainer.output_dir))
    write_settings(folder, model=model, data=data, trainer=trainer.to_dict())
    held_out = read_rows(data, data.held_out, "sft") if data.held_out else None
    made = SFTTrainer(
        model=load_model(model, folder),
        args=trainer,
        train_dataset=read_rows(data, data.examples, "sft"),
        eval_dataset=held_out,
        processing_class=load_processor(model),
        peft_config=model.lora,
        callbacks=[Journal(folder)],
    )
    return run(made, folder)
