"""What a packed stage of the reader learns from, phase by phase, as its YAML file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from glyph_shared import ConfigError
from training.reader.looks import OWN
from training.reader.reading_head import DOWN
from training.reader.segments import Mix

LOWEST = 0.02
"""Where a cool-down ends, as a share of the learning rate."""

Made = TypeVar("Made", "Phase", Mix)
_KINDS = {int: (int,), float: (int, float), bool: (bool,), str: (str,)}


@dataclass
class PackedSettings:
    """How a reader is trained on pages drawn as they are needed, with many questions to each."""

    phases: list[dict[str, Any]] = field(
        default_factory=list,
        metadata={
            "help": "In place of examples: phases of name, steps, mixes, warmup, peak, cooldown "
            "and vision; a mix has share, and the fields of training.reader.segments.Mix."
        },
    )
    muon_learning_rate: float = field(
        default=0.015, metadata={"help": "Of matrices; learning_rate is of all else."}
    )
    pointer_weight: float = field(
        default=1.0, metadata={"help": "Of pointing to the next char's place on the page."}
    )
    reading_weight: float = field(
        default=0.5, metadata={"help": "Of telling the chars of each visual token."}
    )


@dataclass(frozen=True)
class Phase:
    """Steps that draw from the same mixes.

    Attributes:
        name: With the seed and a step's number it says what that step is made of.
        steps: How many.
        mixes: What is drawn, each with its share.
        warmup: Steps over which the learning rates rise.
        peak: What the learning rates are multiplied by.
        cooldown: The last share of the steps, over which they fall to ``LOWEST`` of themselves.
        vision: Whether the vision part learns alone: each visual token tells the chars it shows.
    """

    name: str
    steps: int
    mixes: tuple[tuple[float, Mix], ...]
    warmup: int = 30
    peak: float = 1.0
    cooldown: float = 0.0
    vision: bool = False

    def scale(self, step: int) -> float:
        """Returns what the learning rates are multiplied by at a step."""
        scale = self.peak * min(1.0, (step + 1) / max(1, self.warmup))
        if self.cooldown:
            left = (self.steps - step) / (self.cooldown * self.steps)
            scale *= min(1.0, max(LOWEST, left))
        return scale


@dataclass(frozen=True)
class Phases:
    """The phases of a stage, one after another."""

    each: tuple[Phase, ...]

    @property
    def steps(self) -> int:
        """How many there are in all."""
        return sum(phase.steps for phase in self.each)

    def at(self, step: int) -> tuple[int, int]:
        """Returns the number of the phase that a step of the stage belongs to, and its step."""
        for number, phase in enumerate(self.each):
            if step < phase.steps:
                return number, step
            step -= phase.steps
        # The scheduler asks for the step after the last.
        return len(self.each) - 1, self.each[-1].steps

    def scale(self, step: int) -> float:
        """Returns what the learning rates are multiplied by at a step of the stage."""
        number, step = self.at(step)
        return self.each[number].scale(step)


def read_phases(given: Sequence[Mapping[str, Any]]) -> Phases:
    """Returns the phases that a YAML file describes.

    Raises:
        ConfigError: A key is unknown, or a value is impossible; the error names both.
    """
    phases = Phases(tuple(_phase(number, one) for number, one in enumerate(given, start=1)))
    names = [phase.name for phase in phases.each]
    if len(set(names)) < len(names):
        raise ConfigError(f"phases of one name would see the same pages; got {names}")
    return phases


def _phase(number: int, given: Mapping[str, Any]) -> Phase:
    where = f"phase {given.get('name', number)!r}"
    mixes = tuple(_mix(where, one) for one in given.get("mixes", ()))
    phase = _made(Phase, where, {**given, "mixes": mixes})
    if phase.steps < 1 or not mixes or not sum(share for share, _ in mixes) > 0:
        raise ConfigError(f"{where} needs steps, and mixes with shares above 0; got {dict(given)}")
    return phase


def _mix(where: str, given: Mapping[str, Any]) -> tuple[float, Mix]:
    where = f"a mix of {where}"
    share = given.get("share", 1.0)
    mix = _made(Mix, where, {name: value for name, value in given.items() if name != "share"})
    for name in ("prompts", "pages", "segments"):
        if getattr(mix, name) < 1:
            raise ConfigError(f"{where}: {name} must be positive; got {getattr(mix, name)}")
    if not 0 < mix.rows <= OWN.rows or mix.rows % DOWN:
        raise ConfigError(
            f"{where}: rows must be a multiple of {DOWN} up to {OWN.rows}; got {mix.rows}"
        )
    if mix.varied and mix.rows != OWN.rows:
        raise ConfigError(f"{where}: varied pages have rows: {OWN.rows}; got {mix.rows}")
    return share, mix


def _made(kind: type[Made], where: str, given: Mapping[str, Any]) -> Made:
    hints = get_type_hints(kind)
    if unknown := sorted(set(given) - set(hints)):
        raise ConfigError(f"{where}: unknown {', '.join(unknown)}; known are {sorted(hints)}")
    for name, value in given.items():
        if type(value) not in _KINDS.get(hints[name], (type(value),)):
            raise ConfigError(f"{where}: {name} must be {hints[name].__name__}; got {value!r}")
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
