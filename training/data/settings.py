"""What ``python -m training.data`` is told: a YAML file, and changes on the command line.

Every key is a field of a dataclass here; another one is refused. The command line changes any of
them by its path, as in ``--count 100 --tasks.ocr.weight 3 --sources.0.path books``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glyph_shared.errors import ConfigError
from training.data.drawing import theta
from training.data.records import Columns
from training.data.yaml_settings import flags, made_of, read_yaml
from training.tasks import TASKS, Task
from training.tasks.task import check_weights

KINDS = ("invented", "library", "texts", "jsonl", "parquet", "hub")


@dataclass(frozen=True)
class SourceSettings:
    """Where records come from.

    Attributes:
        kind: ``invented`` text; the ``library`` of Python; ``texts``, a file or folder; ``jsonl``;
            ``parquet``, a file or folder; ``hub``, a data set by its name.
        path: The file, folder or name; for those that have none, empty.
        split: Of a data set of the hub.
        columns: Which column holds which field: text, summary, instruction, response.
        most: How many records are read at most; 0 is all, for ``invented`` it is how many.
        chars: How long an invented document is.
    """

    kind: str
    path: str = ""
    split: str = "train"
    columns: Mapping[str, str] = field(default_factory=dict)
    most: int = 0
    chars: int = 6000

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"a source's kind is one of {', '.join(KINDS)}; got {self.kind!r}")
        if (self.kind in KINDS[2:]) != bool(self.path):
            needs = "needs a path" if not self.path else "takes no path"
            raise ConfigError(f"a source of kind {self.kind} {needs}; got {self.path!r}")
        if self.kind == "invented" and self.most < 1:
            raise ConfigError(f"most tells how many documents to invent; got {self.most}")
        Columns(self.columns)


@dataclass(frozen=True)
class DataSettings:
    """A run of ``python -m training.data``.

    Attributes:
        out: The folder that the sets go to.
        sources: Where records come from.
        tasks: The tasks by name, each with its ``weight`` and its own options.
        looks: θ of the pages by name, each with its weight; see ``drawing.theta``.
        count: How many examples are made to train on.
        held_out: How many are made of records and wordings that training never sees.
        held_out_share: The share of the records of real data that is kept for those.
        most_visual_tokens: Examples with more are left out, and counted; 0 keeps all.
        seed: Another one gives other examples.
        workers: Processes that make examples.
    """

    out: str
    sources: tuple[SourceSettings, ...]
    tasks: Mapping[str, Mapping[str, Any]]
    looks: Mapping[str, float] = field(default_factory=lambda: {"table8": 1.0})
    count: int = 1000
    held_out: int = 0
    held_out_share: float = 0.02
    most_visual_tokens: int = 0
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError("sources is empty; name at least one")
        for name in self.looks:
            theta(name)
        check_weights("looks", self.looks)
        self.weighted_tasks()
        for name in ("count", "held_out", "most_visual_tokens"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative; got {getattr(self, name)}")
        if self.workers < 1:
            raise ConfigError(f"workers must be at least 1; got {self.workers}")

    def weighted_tasks(self) -> list[tuple[Task, float]]:
        """Returns the tasks with their options, and how likely each is."""
        made: list[tuple[Task, float]] = []
        for name, options in self.tasks.items():
            if name not in TASKS:
                raise ConfigError(f"a task is one of {', '.join(TASKS)}; got {name!r}")
            if not isinstance(options, Mapping):
                raise ConfigError(f"tasks.{name} is a mapping of options; got {options!r}")
            own = {key: value for key, value in options.items() if key != "weight"}
            task = made_of(TASKS[name], own, f"tasks.{name}")
            made.append((task, options.get("weight", 1)))
        check_weights("tasks", {task.name: weight for task, weight in made})
        return made


def read_settings(path: Path, changes: Sequence[str] = ()) -> DataSettings:
    """Reads a YAML file and changes it by ``--path value`` pairs.

    Raises:
        ConfigError: The file cannot be read, or a key is unknown or its value impossible.
    """
    told = read_yaml(path, flags(changes))
    sources = told.get("sources")
    if not isinstance(sources, list):
        raise ConfigError(f"sources is a list of sources; got {type(sources).__name__}")
    made = (made_of(SourceSettings, one, f"sources.{n}") for n, one in enumerate(sources))
    return made_of(DataSettings, {**told, "sources": tuple(made)}, "")
