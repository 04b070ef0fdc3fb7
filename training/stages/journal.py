"""What a run leaves behind: its settings, metrics as JSONL, and a picture of its curves."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

FINAL = "final"
"""The folder of a run that holds its result."""

METRICS = "metrics.jsonl"
CURVES = "curves.png"
_UNSHOWN = ("step", "epoch", "total_flos")


class Journal(TrainerCallback):
    """Writes a line for each report of the trainer, and draws them all at the end.

    A run that goes on from a checkpoint goes on in the same file: lines after the checkpoint, of
    the run that was cut, are dropped first.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keeps what was reported up to the step that the run goes on from."""
        if state.is_world_process_zero:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            kept = [row for row in read_metrics(self._path) if row["step"] <= state.global_step]
            self._path.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Writes what is reported."""
        if state.is_world_process_zero and logs:
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"step": state.global_step, **logs}) + "\n")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Draws the curves."""
        if state.is_world_process_zero:
            draw_curves(read_metrics(self._path), self._path.with_name(CURVES))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Returns the lines of a journal; a torn last line, of a killed run, is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def draw_curves(rows: list[dict[str, Any]], path: Path) -> None:
    """Draws each metric that has two values or more over the steps, in one picture."""
    curves = _curves(rows)
    if not curves:
        return
    columns = min(4, len(curves))
    lines = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(3.6 * columns, 2.6 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, points) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.plot(*zip(*points, strict=True), linewidth=1)
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
    figure.savefig(path, dpi=110)


def write_settings(folder: Path, **settings: Any) -> None:
    """Writes down what a run was set to, so that its figures can be made again.

    A run that is done keeps what it was made with.
    """
    if (folder / FINAL).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        name: value if isinstance(value, dict) else asdict(value)
        for name, value in settings.items()
    }
    (folder / "settings.json").write_text(json.dumps(told, indent=1, default=str) + "\n", "utf-8")


def _curves(rows: list[dict[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in _UNSHOWN and isinstance(value, (int, float)):
                curves.setdefault(name, []).append((row["step"], value))
    return {name: points for name, points in curves.items() if len(points) > 1}
