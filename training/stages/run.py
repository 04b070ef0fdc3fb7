"""Runs a trainer: from a checkpoint on, stopping at Ctrl-C, saving what can be served."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from training.stages.journal import FINAL


def save_for_serving(trainer: Trainer, folder: Path) -> None:
    """Writes weights and processor as ``glyph serve`` and vLLM load them.

    The chat template is the one for inference. LoRA is merged into the weights.
    """
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model = model.merge_and_unload()
    if not trainer.is_world_process_zero():
        return
    model.save_pretrained(folder)
    processor: Any = trainer.processing_class
    template = files("glyph_shared.serving") / "chat_template.jinja"
    trained_with, processor.chat_template = processor.chat_template, template.read_text("utf-8")
    processor.save_pretrained(folder)
    processor.chat_template = trained_with


def run(
    trainer: Trainer, folder: Path, save: Callable[[Trainer, Path], None] = save_for_serving
) -> bool:
    """Trains from the last checkpoint of a run's folder, if it has one, and saves the result.

    Args:
        trainer: What trains.
        folder: The run's.
        save: Writes the result into a folder, which is there whole or not at all.

    Returns:
        False if the run was interrupted; the same command goes on.
    """
    if (folder / FINAL).exists():
        _say(trainer, f"{folder / FINAL} is there: this run is done; give another output_dir")
        return True
    last = _last_whole(folder)
    if last and last[1] >= trainer.args.max_steps > 0:
        # Asked to train, the trainer would make one step more.
        trainer._load_from_checkpoint(last[0])
    else:
        stop = _Stop()
        trainer.add_callback(stop)
        with stop.at_interrupt():
            trainer.train(resume_from_checkpoint=last[0] if last else None)
        if stop.asked:
            _say(
                trainer, f"stopped after step {trainer.state.global_step}; the same command goes on"
            )
            return False
    draft = folder / f"{FINAL}.new"
    save(trainer, draft)
    if trainer.is_world_process_zero():
        draft.rename(folder / FINAL)
    return True


def _last_whole(folder: Path) -> tuple[str, int] | None:
    """Returns the last checkpoint and its step; one that a kill tore is passed over.

    The trainer writes its state last, so a checkpoint that has it has all else.
    """
    made = sorted(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=_number, reverse=True)
    for checkpoint in made:
        try:
            state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        except (FileNotFoundError, ValueError):
            continue
        return str(checkpoint), state.global_step
    return None


def _number(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _say(trainer: Trainer, text: str) -> None:
    if trainer.is_world_process_zero():
        print(text)


class _Stop(TrainerCallback):  # type: ignore[misc]  # transformers' callbacks are not typed
    """Ends a run after the step at hand, with a checkpoint to go on from."""

    def __init__(self) -> None:
        self.asked = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if self.asked:
            control.should_save = control.should_training_stop = True

    @contextmanager
    def at_interrupt(self) -> Iterator[None]:
        """Takes Ctrl-C and a scheduler's SIGTERM as a wish to stop; a second one stops at once."""

        def ask(number: int, _: object) -> None:
            self.asked = True
            signal.signal(number, signal.SIG_DFL)

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
