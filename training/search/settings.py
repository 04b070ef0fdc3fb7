"""Settings of a search: a YAML file, changed by ``key=value`` on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from glyph_shared.errors import ConfigError
from training.data.yaml_settings import assignments, made_of, read_yaml
from training.search.breeding import Selection
from training.search.fitness import MEASURES, Probe
from training.search.genome import Value
from training.search.space import Space


@dataclass(frozen=True)
class Critic:
    """The language model that reads the history and proposes; without an address there is none.

    Attributes:
        base_url: Its server, OpenAI-compatible.
        model: Its name there; else the first.
        every: After how many evaluations it is asked again.
        proposals: How many θ it may propose at a time.
        writes_questions: How many questions it writes about the text, for ``Probe.questions``.
    """

    base_url: str | None = None
    model: str | None = None
    every: int = 20
    proposals: int = 4
    writes_questions: int = 0

    def __post_init__(self) -> None:
        _check_counts(self, {"every": 1, "proposals": 1, "writes_questions": 0})
        if self.writes_questions and self.base_url is None:
            raise ConfigError("critic.writes_questions needs critic.base_url; got none")


@dataclass(frozen=True)
class Budget:
    """What a search may cost; it ends with the first of them.

    Attributes:
        runs: How many times it starts anew, each with a seed of its own; the paper's 5.
        evaluations: How many θ a run measures; the paper's 200.
        minutes: Of all runs together; None for no limit.
        llm_tokens: Of all runs together, prompts and completions of every server.
        patience: A run ends after so many evaluations without a better front; None for never.
    """

    runs: int = 5
    evaluations: int = 200
    minutes: float | None = None
    llm_tokens: int | None = None
    patience: int | None = 80

    def __post_init__(self) -> None:
        _check_counts(self, {"runs": 1, "evaluations": 1})
        for name in ("minutes", "llm_tokens", "patience"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise ConfigError(f"budget.{name} must be above 0, or left out; got {value!r}")


@dataclass(frozen=True)
class Settings:
    """Everything a search needs to know.

    Attributes:
        output: The folder that gets the journal and the report.
        probe: What is measured.
        budget: What it may cost.
        critic: Who proposes beside chance.
        objectives: Two measures to be made large; one under ``scalar``.
        selection: ``pareto``, or the article's ``scalar``.
        population: How many may be parents.
        styles: The space that first genomes are drawn from, as training names it.
        genes: Other values of some genes: a list, or low, high and step.
        presets: The θ that every run begins with; the first is the one to beat.
        workers: How many processes measure.
        seed: Decides what chance does.
    """

    output: str
    probe: Probe = field(default_factory=Probe)
    budget: Budget = field(default_factory=Budget)
    critic: Critic = field(default_factory=Critic)
    objectives: tuple[str, ...] = ("compression_ratio", "accuracy")
    selection: Selection = "pareto"
    population: int = 12
    styles: str = "table8"
    genes: Mapping[str, Any] = field(default_factory=dict)
    presets: tuple[str, ...] = ("reference", "en")
    workers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        _check_counts(self, {"population": 2, "workers": 1})
        if self.selection not in get_args(Selection):
            raise ConfigError(f"selection must be 'pareto' or 'scalar'; got {self.selection!r}")
        wanted = 2 if self.selection == "pareto" else 1
        if len(self.objectives) != wanted or not set(self.objectives) <= set(MEASURES):
            raise ConfigError(
                f"selection {self.selection!r} takes {wanted} of {', '.join(MEASURES)} as "
                f"objectives; got {list(self.objectives)}"
            )
        if not self.presets:
            raise ConfigError("presets needs at least one name, the look to beat; got none")

    def space(self) -> Space:
        """Returns the space that is searched.

        Raises:
            ConfigError: A gene or a value is impossible.
        """
        values = {name: _values(name, given) for name, given in self.genes.items()}
        return Space.named(self.styles).with_values(**values)

    def identity(self) -> dict[str, Any]:
        """Returns what a journal must have been written with to be gone on with.

        Budgets, workers and servers' addresses may change in between.
        """
        told = asdict(self)
        for name in ("output", "budget", "workers", "critic"):
            del told[name]
        del told["probe"]["base_url"], told["probe"]["judge_url"]
        return told


def read_settings(file: Path | None, changes: Sequence[str] = ()) -> Settings:
    """Returns the settings of a file with some changed.

    Args:
        file: YAML; None for defaults alone.
        changes: ``key=value`` with dots between levels, the value in YAML:
            ``budget.evaluations=50``, ``genes.dpi=[72, 96]``.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown or impossible.
    """
    told = read_yaml(file, assignments(changes))
    for name, kind in {"probe": Probe, "budget": Budget, "critic": Critic}.items():
        given = told.get(name)
        told[name] = made_of(kind, {} if given is None else given, name)
    return made_of(Settings, told, "")


def _values(name: str, given: Any) -> Sequence[Value]:
    """Returns a gene's values, written as a list or as low, high and step."""
    if isinstance(given, list):
        return given
    wanted = {"low", "high", "step"}
    if not (
        isinstance(given, dict) and set(given) == wanted and all(map(_is_number, given.values()))
    ):
        raise ConfigError(f"genes.{name} must be a list, or low, high and step; got {given!r}")
    low, high, step = given["low"], given["high"], given["step"]
    if not (step > 0 and low <= high):
        raise ConfigError(f"genes.{name} needs step above 0 and low up to high; got {given!r}")
    return [round(low + number * step, 6) for number in range(round((high - low) / step) + 1)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_counts(settings: Any, least: Mapping[str, int]) -> None:
    for name, low in least.items():
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ConfigError(f"{name} must be a whole number from {low} on; got {value!r}")
