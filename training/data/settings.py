"""What ``python -m training.data`` is told: a YAML file, and changes on the command line.

Every key is a field of a dataclass here; another one is refused. The command line changes any of
them by its path, as in ``--count 100 --tasks.ocr.weight 3 --sources.0.path books``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from glyph_shared.errors import ConfigError
from training.data.drawing import theta
from training.data.records import Columns
from training.tasks import TASKS, Task

KINDS = ("invented", "library", "texts", "jsonl", "parquet", "hub")

Made = TypeVar("Made")


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
        _check_weights("looks", self.looks)
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
            own = {key: value for key, value in (options or {}).items() if key != "weight"}
            task = _made(TASKS[name], own, f"tasks.{name}")
            made.append((task, (options or {}).get("weight", 1)))
        _check_weights("tasks", {task.name: weight for task, weight in made})
        return made


def read_settings(path: Path, changes: Sequence[str] = ()) -> DataSettings:
    """Reads a YAML file and changes it by ``--path value`` pairs.

    Raises:
        ConfigError: The file cannot be read, or a key is unknown or its value impossible.
    """
    yaml = _yaml()
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read settings from {str(path)!r}: {error}") from None
    if not isinstance(told, dict):
        raise ConfigError(f"{str(path)!r} holds no settings but {type(told).__name__}")
    for name, value in _pairs(changes):
        _change(told, name.split("."), yaml.safe_load(value), name)
    sources = told.get("sources")
    if not isinstance(sources, list):
        raise ConfigError(f"sources is a list of sources; got {type(sources).__name__}")
    made = (_made(SourceSettings, one, f"sources.{n}") for n, one in enumerate(sources))
    return _made(DataSettings, {**told, "sources": tuple(made)}, "")


def _made(kind: type[Made], values: Any, where: str) -> Made:
    """Makes a dataclass of a mapping; refuses keys that it has not, and values of other types."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is a mapping of settings; got {values!r}")
    fields = {one.name: one for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        path = f"{where}.{name}".lstrip(".")
        if name not in fields:
            raise ConfigError(f"unknown setting {path!r}; allowed are {', '.join(fields)}")
        _check_type(path, str(fields[name].type), value)
    lacking = [name for name, one in fields.items() if name not in values and _needed(one)]
    if lacking:
        raise ConfigError(f"setting {f'{where}.{lacking[0]}'.lstrip('.')!r} is missing")
    return kind(**values)


def _needed(one: Any) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _check_type(path: str, wanted: str, value: object) -> None:
    kinds = {"int": int, "float": (int, float), "str": str, "bool": bool}
    kind = kinds.get(wanted, Mapping if wanted.startswith("Mapping") else object)
    right = isinstance(value, kind) and (wanted == "bool") >= isinstance(value, bool)  # type: ignore[arg-type]
    if not right:
        wanted = "mapping" if wanted.startswith("Mapping") else wanted
        raise ConfigError(f"{path} is of type {wanted}; got {value!r}")


def _check_weights(name: str, weights: Mapping[str, Any]) -> None:
    bad = {key: one for key, one in weights.items() if not isinstance(one, (int, float)) or one < 0}
    if bad or not sum(weights.values()):
        raise ConfigError(
            f"{name} have weights of 0 or more, not all 0; got {bad or dict(weights)}"
        )


def _pairs(changes: Sequence[str]) -> list[tuple[str, str]]:
    names, values = changes[::2], changes[1::2]
    for name in names:
        if not name.startswith("--"):
            raise ConfigError(f"settings are changed as --name value; got {name!r}")
    if len(values) < len(names):
        raise ConfigError(f"{names[-1]} has no value")
    return [(name[2:], value) for name, value in zip(names, values, strict=True)]


def _change(told: Any, path: Sequence[str], value: object, name: str) -> None:
    """Sets one value inside of nested mappings and lists."""
    for number, key in enumerate(path):
        place: Any = key
        if isinstance(told, list):
            if not (key.isdecimal() and int(key) < len(told)):
                raise ConfigError(f"--{name}: there is no {'.'.join(path[: number + 1])}")
            place = int(key)
        elif not isinstance(told, dict):
            raise ConfigError(f"--{name}: {'.'.join(path[:number])} holds no settings")
        if number + 1 == len(path):
            told[place] = value
        else:
            told = told[place] if isinstance(told, list) else told.setdefault(place, {})


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise ConfigError(
            "settings are YAML, which needs pyyaml: pip install 'glyph-context[train]'"
        ) from None
    return yaml
