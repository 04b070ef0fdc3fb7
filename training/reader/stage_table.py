"""Joins what `training.reader.evaluate --out` measured of several stages in one table and picture.

    python -m training.reader.stage_table runs/pretrain runs/sft runs/rl --out docs

Each folder holds the `results.json` of one stage; two of one name, such as lookups and demos, are
one column. Writes `stages.md` and `stages.png`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from glyph_shared import InputError
from training.command import told_in_a_line

RESULTS = "results.json"
TABLE, CURVES = "stages.md", "stages.png"
OWN_LOOK = "reader"
"""What rows call the reader's own θ, where it is not measured beside others."""

NOTHING = "–"

BESIDE = 1.04
"""How far right of the last stage's points a stage's are drawn, as a part of the page count."""

PICTURED = (
    ("exact_match", "right, of questions that the pages answer"),
    ("unanswerable_answered", "answered, of questions that they do not"),
)


@dataclass(frozen=True)
class Results:
    """What was measured of one stage.

    Attributes:
        name: The stage.
        seed: What the pages and questions were drawn from.
        card: What the weights say of themselves.
        rows: The measurements.
    """

    name: str
    seed: int
    card: dict[str, Any]
    rows: list[dict[str, Any]]

    @classmethod
    def load(cls, path: Path) -> Results:
        """Reads a file, or the one in a folder."""
        file = path / RESULTS if path.is_dir() else path
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"{file} holds no results of evaluate: {error}") from error

    def save(self, folder: Path) -> None:
        """Writes the file into a folder, which is made if absent."""
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / RESULTS).write_text(content + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Writes table and picture of the stages named, in their order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+", help="folders that evaluate wrote")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for table and picture")
    options = parser.parse_args(arguments)
    stages = joined([Results.load(path) for path in options.results])
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / TABLE).write_text(markdown(stages), encoding="utf-8")
    draw_curves(stages, options.out / CURVES)
    print(markdown(stages))


def joined(stages: Sequence[Results]) -> list[Results]:
    """Puts the rows of stages of one name together, in the order of the names."""
    by_name: dict[str, Results] = {}
    for stage in stages:
        earlier = by_name.get(stage.name)
        rows = [*earlier.rows, *stage.rows] if earlier else stage.rows
        by_name[stage.name] = Results(stage.name, stage.seed, stage.card, rows)
    return list(by_name.values())


def markdown(stages: Sequence[Results]) -> str:
    """Returns the table: a line for each figure, a column for each stage."""
    columns = [_figures(stage.rows) for stage in stages]
    labels = dict.fromkeys(label for column in columns for label in column)
    lines = [["measured", *(stage.name for stage in stages)], ["---"] * (len(stages) + 1)]
    lines += [[label, *(column.get(label, NOTHING) for column in columns)] for label in labels]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw_curves(stages: Sequence[Results], path: Path) -> None:
    """Draws right and wrong answers over the pages of a question, a line for each stage."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(PICTURED), squeeze=False)[0]
    for axes, (measure, title) in zip(panels, PICTURED, strict=True):
        for number, stage in enumerate(stages):
            _draw_line(axes, stage, measure, BESIDE**number)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("pages of the question")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share, and its 95 % interval")
    panels[0].legend()
    figure.savefig(path, dpi=120)


def _draw_line(axes: Axes, stage: Results, measure: str, beside: float) -> None:
    rows = [row for row in stage.rows if _is_plain_lookup(row)]
    rows.sort(key=lambda row: int(row["pages_per_question"]))
    pages = [row["pages_per_question"] for row in rows]
    shares = [row[measure] for row in rows]
    ends = [row[f"{measure}_interval"] for row in rows]
    below = [one - low for one, (low, _) in zip(shares, ends, strict=True)]
    above = [high - one for one, (_, high) in zip(shares, ends, strict=True)]
    axes.set_xscale("log", base=2)
    places = [beside * count for count in pages]
    axes.errorbar(places, shares, yerr=(below, above), marker="o", capsize=3, label=stage.name)
    axes.set_xticks(pages, [str(count) for count in pages])


def _is_plain_lookup(row: dict[str, Any]) -> bool:
    return bool(row["measure"] == "lookup" and row["look"] == OWN_LOOK)


def _figures(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Returns the figures of one stage by their labels."""
    found: dict[str, str] = {}
    for row in rows:
        tell = _TELLERS.get(row["measure"])
        if tell is not None:
            found |= tell(row)
    return found


def _of_transcript(row: dict[str, Any]) -> dict[str, str]:
    accuracy = _percent(row["character_accuracy"])
    if row["look"] != OWN_LOOK:
        return {f"{row['look']}: chars right": accuracy}
    return {
        "transcript: chars right": f"{accuracy} (worst page {_percent(row['worst_page'])})",
        "transcript: chars a page": f"{row['chars_per_page']:,}",
        "transcript: chars per visual token": f"{row['chars_per_visual_token']:.1f}",
    }


def _of_lookup(row: dict[str, Any]) -> dict[str, str]:
    if row["look"] != OWN_LOOK:
        return {f"{row['look']}: lookup right": _with_interval(row, "exact_match")}
    return _of_questions(row, "lookup")


def _of_chains(row: dict[str, Any]) -> dict[str, str]:
    return _of_questions(row, f"two-hop lookup{', look-alikes' * row['alike']}")


def _of_questions(row: dict[str, Any], kind: str) -> dict[str, str]:
    count = row["pages_per_question"]
    where = f"{kind}, {count} page{'s' * (count != 1)}"
    return {
        f"{where}: right": _with_interval(row, "exact_match"),
        f"{where}: refused although there": _percent(row["refused_although_present"]),
        f"{where}: wrong": _percent(row["wrong"]),
        f"{where}: answered although not there": _with_interval(row, "unanswerable_answered"),
    }


def _of_speed(row: dict[str, Any]) -> dict[str, str]:
    return {
        "first question on a page": f"{row['first_question_cpu_seconds']:.2f} s of CPU",
        "second question on it": f"{row['second_question_cpu_seconds']:.2f} s of CPU",
    }


def _of_demos(row: dict[str, Any]) -> dict[str, str]:
    return {f"demo, {row['seeds']} seeds": f"{row['facts_found']} found"}


_TELLERS: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "transcript": _of_transcript,
    "lookup": _of_lookup,
    "two_hop": _of_chains,
    "speed": _of_speed,
    "demos": _of_demos,
}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _with_interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{_percent(row[name])} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    with told_in_a_line():
        main()
