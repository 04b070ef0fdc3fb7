r"""Preference optimisation: the model learns from people's rankings of its answers.

    python -m training.dpo --model runs/sft_9b/final --examples rankings.jsonl --output_dir runs/dpo

An option beside the paper's three stages, for what neither a task nor a judge can score. Files of
rankings are described in ``training.preferences``. Runs go on and end as those of ``training.sft``
do.
"""

from __future__ import annotations

from pathlib import Path

from trl import DPOConfig, DPOTrainer

from training.command import told_in_a_line
from training.stages.journal import Journal, write_settings
from training.stages.model import load_model, load_processor
from training.stages.rows import read_pairs
from training.stages.run import run
from training.stages.settings import parse


def main(arguments: list[str] | None = None) -> None:
    """Runs the stage that a YAML file and the command line describe."""
    model, data, trainer = parse(DPOConfig, arguments)
    trainer.max_length = None
    trainer.remove_unused_columns = False
    folder = Path(trainer.output_dir)
    write_settings(folder, model=model, data=data, trainer=trainer.to_dict())
    made = DPOTrainer(
        model=load_model(model, folder),
        args=trainer,
        train_dataset=read_pairs(data, data.examples),
        processing_class=load_processor(model),
        peft_config=model.lora,
        callbacks=[Journal(folder)],
    )
    run(made, folder)


if __name__ == "__main__":
    with told_in_a_line():
        main()
