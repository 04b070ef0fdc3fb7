"""`python -m training.search.sensitivity`: what each parameter of θ does alone.

Around one look, one parameter at a time takes some values; the rest stays. The table tells density
and accuracy of each, with an interval of the difference in accuracy to the look itself, on part
`confirm` of the text. `--json` and `--plot` write the same to files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from glyph_shared.errors import GlyphError
from glyph_shared.metrics import Interval, paired_difference
from glyph_shared.rendering import RenderConfig
from training.search.fitness import Fitness, Measured, Probe, ready
from training.search.genome import Genome, Value

PARAMETERS: Mapping[str, tuple[Mapping[str, Value], ...]] = MappingProxyType(
    {
        "dpi": tuple({"dpi": dpi} for dpi in (60, 72, 80, 96, 120)),
        "page size": tuple(
            {"page_size": size} for size in ((420, 595), (595, 842), (588, 840), (842, 1191))
        ),
        "font size": tuple({"font_size": size} for size in (7, 8, 9, 10, 12)),
        "alignment": tuple({"alignment": one} for one in ("LEFT", "JUSTIFY", "CENTER", "RIGHT")),
        "line height": tuple({"leading": leading} for leading in (0, 1, 2, 3)),
        "margins": tuple({"margin_x": margin, "margin_y": margin} for margin in (0, 5, 10, 20, 40)),
        "horizontal scale": tuple({"horizontal_scale": one} for one in (0.75, 0.85, 0.95, 1.0)),
        "newline marker": tuple(
            {"newline_markup": one} for one in ("<br/>", '<font color="#808080"> \\n </font>')
        ),
    }
)
"""The parameters that the articles name, and the values tried; font size with its leading."""

_CLOSE = 0.6


@dataclass(frozen=True)
class Row:
    """One value of one parameter.

    Attributes:
        parameter: Which.
        value: What it was.
        usual: Whether that is the look itself.
        compression_ratio: ρ.
        accuracy: Share of chars read right.
        difference: Accuracy minus that of the look itself.
    """

    parameter: str
    value: str
    usual: bool
    compression_ratio: float
    accuracy: float
    difference: Interval


def measured(probe: Probe, config: RenderConfig) -> tuple[list[Row], str]:
    """Measures each parameter alone, and returns the rows and who counted text tokens."""
    usual = Genome.of(config)
    with ready(probe, "confirm") as fitness:
        at_rest = fitness.of(config)
        rows = [
            _row(parameter, changes, usual, at_rest, fitness)
            for parameter, variants in PARAMETERS.items()
            for changes in variants
        ]
        return rows, fitness.tokenizer


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.search.sensitivity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", default="reference", help="the look; reference")
    parser.add_argument("--text", default="prose", help="prose, code, chinese or a file")
    parser.add_argument("--language", default="eng", help="Tesseract's name of its language")
    parser.add_argument("--chars", type=int, default=40_000)
    parser.add_argument("--excerpts", type=int, default=12)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--plot", type=Path, help="also draw them into this PNG file")
    options = parser.parse_args(arguments)
    try:
        probe = Probe(
            text=options.text,
            language=options.language,
            chars=options.chars,
            excerpts=options.excerpts,
        )
        rows, tokenizer = measured(probe, RenderConfig.preset(options.preset))
    except GlyphError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    show(rows, f"{options.text}, preset {options.preset}, tesseract, text tokens by {tokenizer}")
    if options.json:
        options.json.write_text(
            json.dumps([_told(row) for row in rows], indent=1) + "\n", encoding="utf-8"
        )
    if options.plot:
        plot(rows, options.plot)
    return 0


def show(rows: Sequence[Row], title: str) -> None:
    """Prints a line for each value."""
    table = Table(title=title)
    for name in ("parameter", "value", "ρ", "chars read", "difference"):
        table.add_column(name, justify="left" if name == "parameter" else "right")
    for row in rows:
        change = row.difference
        told = "" if row.usual else f"{change.mean:+.1%} ({change.low:+.1%} to {change.high:+.1%})"
        figures = f"{row.compression_ratio:.2f}", f"{row.accuracy:.1%}", told
        table.add_row(row.parameter, row.value, *figures)
    Console(width=100).print(table)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws density against accuracy, a panel for each parameter."""
    names = list(dict.fromkeys(row.parameter for row in rows))
    figure = Figure(figsize=(11, 5.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, -(-len(names) // 2), sharex=True, sharey=True)
    for panel, name in zip(panels.flat, names, strict=False):
        some = [row for row in rows if row.parameter == name]
        densities = [row.compression_ratio for row in some]
        panel.plot(densities, [100 * row.accuracy for row in some], "o-", color="#0072B2", lw=0.8)
        # Labels of points that lie close are put below each other.
        close = max(densities) - min(densities) < _CLOSE
        for place, row in enumerate(sorted(some, key=lambda row: row.accuracy)):
            panel.annotate(
                row.value,
                (row.compression_ratio, 100 * row.accuracy),
                xytext=(8, 10 * (place - len(some) / 2)) if close else (3, 4),
                textcoords="offset points",
                fontsize=7,
            )
        panel.set_title(name, fontsize=9)
        panel.grid(alpha=0.3)
    figure.supxlabel("compression ratio ρ")
    figure.supylabel("chars read right, %")
    figure.savefig(path)


def _row(
    parameter: str,
    changes: Mapping[str, Value],
    usual: Genome,
    at_rest: Measured,
    fitness: Fitness,
) -> Row:
    genome = usual.changed(changes)
    found = at_rest if genome == usual else fitness.of(genome.config())
    return Row(
        parameter=parameter,
        value=_written(next(iter(changes.values()))),
        usual=genome == usual,
        compression_ratio=found.measures["compression_ratio"],
        accuracy=found.measures["ocr_accuracy"],
        difference=paired_difference(found.accuracies, at_rest.accuracies),
    )


def _written(value: Value) -> str:
    if isinstance(value, tuple):
        return " x ".join(f"{part:g}" for part in value)
    if isinstance(value, str):
        return "drawn" if value.startswith("<font") else "line break" if "<" in value else value
    return f"{value:g}"


def _told(row: Row) -> dict[str, Any]:
    change = row.difference
    return {
        "parameter": row.parameter,
        "value": row.value,
        "compression_ratio": row.compression_ratio,
        "accuracy": row.accuracy,
        "difference": [change.mean, change.low, change.high],
    }


if __name__ == "__main__":
    sys.exit(main())
