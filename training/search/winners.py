"""From a front to one θ: chosen on a second text, confirmed on a third that nothing was chosen by.

A search measures little of each θ, so the best of many are partly the luckiest. Those of the front
that were read as well as the look to beat are read again, more of them, on part ``choice`` of the
text; the densest that still is goes on to part ``confirm``, and its figures there are the result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from glyph_shared.metrics import Interval, bootstrap_mean, paired_difference
from glyph_shared.planning import PAGE_MARKS
from glyph_shared.rendering import RenderConfig, render
from glyph_shared.rendering.config_values import describe
from training.search.fitness import Measured, Probe, ready
from training.search.genome import Genome
from training.search.journal import Evaluation, scored
from training.search.pareto import front_of
from training.search.texts import Part, text_of

OBJECTIVES = ("compression_ratio", "accuracy")
"""What a winner is chosen by, whatever the search made large."""

CHOICE_EXCERPTS, CONFIRM_EXCERPTS, PIECES = 16, 32, 8


@dataclass(frozen=True)
class Confirmed:
    """A θ beside the look to beat, on text that neither the search nor the choice saw.

    Attributes:
        genome: The θ.
        ratio: The look's ρ over the beaten one's, over pieces of the text.
        accuracy_gain: Chars read right, the look's minus the beaten one's, over excerpts.
        compression_ratio: Of both, on the whole text.
        accuracy: Of both.
        tokenizer: Who counted the text tokens.
        excerpts: How many were read.
    """

    genome: Genome
    ratio: Interval
    accuracy_gain: Interval
    compression_ratio: tuple[float, float]
    accuracy: tuple[float, float]
    tokenizer: str
    excerpts: int

    @property
    def holds(self) -> bool:
        """Whether the look is read as well, as far as the interval tells."""
        return self.accuracy_gain.high >= 0


def front(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Returns the measured θ that no other one beats in density and accuracy, densest last."""
    measured = [one for one in evaluations if one.measured is not None]
    places = front_of([one.scores for one in scored(measured, OBJECTIVES)])
    return [measured[place] for place in places]


def candidates(evaluations: Sequence[Evaluation], baseline: Measured) -> list[Genome]:
    """Returns the front's θ that are denser than a look and were read as well, densest first.

    Down the front each is read better than the one before, so where luck made the densest, a later
    one will do.
    """
    return [
        one.child.genome
        for one in reversed(front(evaluations))
        if one.measured is not None
        and one.measured.measures["accuracy"] >= baseline.measures["accuracy"]
        and one.measured.measures["compression_ratio"] > baseline.measures["compression_ratio"]
    ]


def chosen(
    probe: Probe, baseline: RenderConfig, among: Sequence[Genome], say: Callable[[str], None]
) -> Genome | None:
    """Returns the first of some θ that is read as well as a look on part ``choice``; else None."""
    probe = _deeper(probe, CHOICE_EXCERPTS)
    with ready(probe, "choice") as fitness:
        floor = fitness.of(baseline).measures["accuracy"]
        for genome in among:
            found = fitness.of(genome.config()).measures
            say(
                f"on a second text: ρ {found['compression_ratio']:.2f}, accuracy "
                f"{found['accuracy']:.2%}, the look to beat {floor:.2%}"
            )
            if found["accuracy"] >= floor:
                return genome
    return None


def confirmed(probe: Probe, baseline: RenderConfig, genome: Genome) -> Confirmed:
    """Measures a θ and a look on part ``confirm``."""
    probe = _deeper(probe, CONFIRM_EXCERPTS)
    with ready(probe, "confirm") as fitness:
        ours, theirs = fitness.of(genome.config()), fitness.of(baseline)
        tokenizer = fitness.tokenizer
    return Confirmed(
        genome=genome,
        ratio=ratio_of_densities(probe, "confirm", genome.config(), baseline),
        accuracy_gain=paired_difference(ours.accuracies, theirs.accuracies),
        compression_ratio=_both(ours, theirs, "compression_ratio"),
        accuracy=_both(ours, theirs, "accuracy"),
        tokenizer=tokenizer,
        excerpts=len(ours.accuracies),
    )


def ratio_of_densities(
    probe: Probe, part: Part, config: RenderConfig, baseline: RenderConfig
) -> Interval:
    """Returns how many times as dense a θ is, over ``PIECES`` pieces of a text.

    Each piece is drawn on pages of its own. The text tokens are the same in both looks, so the
    ratio is that of visual tokens, and no tokenizer has a say.
    """
    text = text_of(probe.text, part, probe.chars)
    size = -(-len(text) // PIECES)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    pairs = [(_visual_tokens(piece, baseline), _visual_tokens(piece, config)) for piece in pieces]
    return bootstrap_mean([theirs / ours for theirs, ours in pairs])


def theta_json(config: RenderConfig, provenance: str) -> str:
    """Returns a θ as the JSON file that ``--config`` and ``RenderConfig.from_json`` read."""
    fields = config.model_dump(mode="json", by_alias=True)
    size = describe(config.page_size).replace(" x ", ",")
    return json.dumps({"provenance": provenance, **fields, "page-size": size}, indent=2) + "\n"


def write_confirmed(result: Confirmed, path: Path) -> None:
    """Writes a confirmation down."""
    told: dict[str, Any] = {**asdict(result), "genome": result.genome.json()}
    path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _deeper(probe: Probe, excerpts: int) -> Probe:
    """Returns a probe that reads more, and asks no questions: they are about another text."""
    return replace(probe, excerpts=max(excerpts, probe.excerpts), questions=None)


def _visual_tokens(text: str, config: RenderConfig) -> int:
    return sum(page.visual_tokens + PAGE_MARKS for page in render(text, config))


def _both(ours: Measured, theirs: Measured, name: str) -> tuple[float, float]:
    return ours.measures[name], theirs.measures[name]
