"""What a θ for each kind of text gains over one for all, at equal accuracy of what is read.

    python -m tests.benchmarks.adaptive_looks [--excerpts N] [--json FILE]

Prose, code and Chinese that no search has seen, the same number of text tokens of each, drawn in
each look and read by Tesseract (Debian: tesseract-ocr tesseract-ocr-chi-sim). A look holds for a
kind if it is read there no worse than preset ``reference``, as far as the interval of the
difference tells. One fixed look must hold for all kinds; adaptive is the densest for each.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyph_shared.metrics import paired_difference
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.preset_files import FOUND_PRESETS
from training.search.fitness import Measured, Probe, ready

REFERENCE = "reference"
LOOKS = (REFERENCE, "en", *FOUND_PRESETS)
PROBES = {
    "prose": Probe(text="prose"),
    "code": Probe(text="code"),
    "cjk": Probe(text="chinese", chars=10_000, language="chi_sim", excerpt_chars=200),
}

console = Console(width=120)


@dataclass(frozen=True)
class Row:
    """One look on one kind of text, by the names that the table has."""

    kind: str
    look: str
    compression_ratio: float
    accuracy: float
    difference: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it is read no worse than the reference."""
        return self.high >= 0


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--excerpts", type=int, default=12, help="of each text and look")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    rows = [row for kind in PROBES for row in measured(kind, options.excerpts)]
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")


def measured(kind: str, count: int) -> list[Row]:
    """Measures all looks on a kind of text."""
    probe = PROBES[kind]
    with ready(Probe(**{**asdict(probe), "excerpts": count}), "confirm") as fitness:
        found = {look: fitness.of(RenderConfig.preset(look)) for look in LOOKS}
    return [_row(kind, look, one, found[REFERENCE]) for look, one in found.items()]


def show(rows: Sequence[Row]) -> None:
    """Prints every figure, and what adapting gains."""
    table = Table(title="Beside preset reference, Tesseract, unseen text")
    for name in ("kind", "look", "ρ", "chars read", "difference"):
        table.add_column(name, justify="right")
    for row in rows:
        told = f"{row.difference:+.1%} ({row.low:+.1%} to {row.high:+.1%})"
        table.add_row(
            row.kind, row.look, f"{row.compression_ratio:.2f}", f"{row.accuracy:.1%}", told
        )
    console.print(table)
    fixed, adaptive = best_fixed(rows), best_adaptive(rows)
    chosen = ", ".join(f"{kind} {look}" for kind, look in adaptive.items())
    told = density(rows, {kind: fixed for kind in PROBES}), density(rows, adaptive)
    console.print(
        f"one look for all: {fixed}, ρ {told[0]:.2f}; a look each: {chosen}, ρ {told[1]:.2f}"
    )
    console.print(f"adapting gains {told[1] / told[0]:.2f} times")


def best_fixed(rows: Sequence[Row]) -> str:
    """Returns the densest look that holds for every kind; the reference always does."""
    holding = [look for look in LOOKS if all(row.holds for row in rows if row.look == look)]
    return max(holding, key=lambda look: density(rows, {kind: look for kind in PROBES}))


def best_adaptive(rows: Sequence[Row]) -> dict[str, str]:
    """Returns the densest look that holds for each kind."""
    best = {}
    for kind in PROBES:
        holding = [row for row in rows if row.kind == kind and row.holds]
        best[kind] = max(holding, key=lambda row: row.compression_ratio).look
    return best


def density(rows: Sequence[Row], looks: Mapping[str, str]) -> float:
    """Returns ρ over all kinds, with as many text tokens of each."""
    ratio = {(row.kind, row.look): row.compression_ratio for row in rows}
    return len(looks) / sum(1 / ratio[kind, look] for kind, look in looks.items())


def _row(kind: str, look: str, found: Measured, reference: Measured) -> Row:
    change = paired_difference(found.accuracies, reference.accuracies)
    measures = found.measures
    return Row(
        kind=kind,
        look=look,
        compression_ratio=measures["compression_ratio"],
        accuracy=measures["accuracy"],
        difference=change.mean,
        low=change.low,
        high=change.high,
    )


if __name__ == "__main__":
    main()
