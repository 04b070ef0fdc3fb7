"""What a search leaves behind for people: the front as JSON, a plot, a page to browse, samples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from glyph_shared.planning import counted
from glyph_shared.rendering import render
from training.search.fitness import Probe
from training.search.genome import Genome
from training.search.journal import Evaluation
from training.search.texts import text_of
from training.search.winners import Confirmed, front

_SAMPLE_CHARS = 20_000
_COLORS = {
    "preset": "#D55E00",
    "sample": "#BBBBBB",
    "mutation": "#0072B2",
    "crossover": "#009E73",
    "critic": "#CC79A7",
}
"""Okabe and Ito's colours, which people who see few colours can tell apart."""


def write_report(
    folder: Path, evaluations: Sequence[Evaluation], probe: Probe, about: str
) -> list[Evaluation]:
    """Writes ``front.json``, ``pareto.png``, ``pareto.html`` and a page of each front member.

    Args:
        folder: Where.
        evaluations: Everything that was tried.
        probe: What it was tried on.
        about: One line that says who read and who counted.

    Returns:
        The front, densest last.
    """
    members = front(evaluations)
    told = [_told(one, members[0].child.genome) for one in members]
    (folder / "front.json").write_text(
        json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    plot(evaluations, members, folder / "pareto.png", about)
    samples = folder / "samples"
    samples.mkdir(exist_ok=True)
    for old in samples.glob("*.png"):
        old.unlink()
    text = text_of(probe.text, "search", min(probe.chars, _SAMPLE_CHARS))
    for one in members:
        (samples / f"{_name(one)}.png").write_bytes(_sample(text, one.child.genome))
    write_html(evaluations, members, folder / "pareto.html", about)
    return members


def plot(
    evaluations: Sequence[Evaluation], members: Sequence[Evaluation], path: Path, about: str
) -> None:
    """Draws all θ by density and accuracy, the front as a line."""
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    tried = [one for one in evaluations if one.measured]
    for operator, color in _COLORS.items():
        points = [_point(one) for one in tried if one.child.operator == operator]
        if points:
            densities, accuracies = zip(*points, strict=True)
            look: dict[str, Any] = {"s": 18, "zorder": 2}
            if operator == "preset":
                look = {"s": 70, "zorder": 3, "marker": "D"}
            axes.scatter(densities, accuracies, color=color, label=operator, **look)
    densities, accuracies = zip(*map(_point, members), strict=True)
    axes.plot(densities, accuracies, color="#000000", lw=0.8, label="front", zorder=1)
    axes.set_xlabel("compression ratio ρ (text tokens per visual token)")
    axes.set_ylabel("accuracy")
    axes.set_title(about, fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path)


def write_html(
    evaluations: Sequence[Evaluation], members: Sequence[Evaluation], path: Path, about: str
) -> None:
    """Writes the plot with a table of the front, one page that needs no network."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    first = members[0].child.genome
    page = environment.from_string(_PAGE).render(
        about=about,
        tried=counted(len(evaluations), "look"),
        failed=sum(one.measured is None for one in evaluations),
        rows=[{**_told(one, first), "name": _name(one)} for one in reversed(members)],
    )
    path.write_text(page, encoding="utf-8")


def confirmation_line(result: Confirmed) -> str:
    """Says in one line what a confirmation found."""
    ratio, gain = result.ratio, result.accuracy_gain
    ours, theirs = result.compression_ratio
    return (
        f"on unseen text {ratio.mean:.2f} times as dense ({ratio.low:.2f} to {ratio.high:.2f}; "
        f"ρ {ours:.2f} against {theirs:.2f}, {result.tokenizer}), chars read right "
        f"{result.accuracy[0]:.2%} against {result.accuracy[1]:.2%} "
        f"(difference {gain.mean:+.2%}, {gain.low:+.2%} to {gain.high:+.2%}; "
        f"{counted(result.excerpts, 'excerpt')})"
    )


def _sample(text: str, genome: Genome) -> bytes:
    """Returns the first page of a text."""
    return render(text, genome.config())[0].png


def _name(evaluation: Evaluation) -> str:
    return f"run{evaluation.run + 1}_{evaluation.number}"


def _point(evaluation: Evaluation) -> tuple[float, float]:
    measures = evaluation.measured.measures if evaluation.measured else {}
    return measures["compression_ratio"], measures["accuracy"]


def _told(evaluation: Evaluation, first: Genome) -> dict[str, Any]:
    genes, usual = evaluation.child.genome.json(), first.json()
    changed = {name: value for name, value in genes.items() if value != usual[name]}
    row = evaluation.row()
    kept = ("run", "number", "operator", "parents", "explanation", "measures", "genome")
    return {**{name: row[name] for name in kept}, "differs": changed or genes}


_PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Render search</title><style>
body { font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100% } td, th { padding: .3em .6em; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top } td.number { text-align: right;
font-variant-numeric: tabular-nums } img.plot { max-width: 100% } code { font-size: 85% }
</style></head><body>
<h1>Render search</h1>
<p>{{ about }}. {{ tried }} tried{% if failed %}, {{ failed }} of them in vain{% endif %}; the table
holds those that no other look beats in density and accuracy, densest first. Genes are told where
they differ from the last line's.</p>
<img class="plot" src="pareto.png" alt="Density against accuracy of all looks">
<table><tr><th>look</th><th>ρ</th><th>accuracy</th><th>visual tokens</th><th>from</th>
<th>genes</th></tr>
{% for row in rows %}
<tr><td><a href="samples/{{ row.name }}.png">{{ row.name }}</a></td>
<td class="number">{{ "%.2f"|format(row.measures.compression_ratio) }}</td>
<td class="number">{{ "%.2f"|format(100 * row.measures.accuracy) }} %</td>
<td class="number">{{ "%d"|format(row.measures.visual_tokens) }}</td>
<td>{{ row.operator }}{% if row.parents %} of {{ row.parents|join(", ") }}{% endif %}
{% if row.explanation %}<br>{{ row.explanation }}{% endif %}</td>
<td>{% for name, value in row.differs.items() %}<code>{{ name }} {{ value }}</code><br>
{% endfor %}</td></tr>
{% endfor %}
</table></body></html>
"""
