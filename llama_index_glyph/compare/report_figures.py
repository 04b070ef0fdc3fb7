"""The report's table of figures, and its intervals as drawings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from llama_index_glyph.compare import report_numbers as numbers
from llama_index_glyph.compare.verdict_signs import OUTCOMES, in_order

Figures = Mapping[str, Any]
"""What ``summary.json`` says of an arm."""

Cell = Callable[[Figures], str]


class Line(NamedTuple):
    """A line of the table: one figure of every arm."""

    label: str
    cells: list[str]


class Interval(NamedTuple):
    """A paired difference and its interval, as words and as x coordinates of a drawing."""

    metric: str
    difference: str
    span: str
    low_x: float
    x: float
    high_x: float
    clear: bool


DRAWING_WIDTH = 160
"""In CSS pixels; the drawings of one report share one scale, with zero in the middle."""

_SHORT = ("retrieve_s", "render_s")
"""Times that are told to the millisecond."""

METRICS = {"right": "Right", "exact_match": "Exact match", "f1": "F1"}


def figure_groups(summary: Mapping[str, Any], arms: Sequence[str]) -> list[tuple[str, list[Line]]]:
    """Returns the table's lines in groups; a line that says nothing of any arm is left out."""
    currency = f", {summary['currency']}" if summary["currency"] else ""
    groups = []
    for title, lines in _GROUPS.items():
        table = [
            _line(summary, arms, label + currency * (label == _COST), cell) for label, cell in lines
        ]
        if told := [line for line in table if _tells(line)]:
            groups.append((title, told))
    return groups


def _line(summary: Mapping[str, Any], arms: Sequence[str], label: str, cell: Cell) -> Line:
    figures = summary["arms"]
    return Line(label, [cell(figures[arm]) if arm in figures else numbers.UNKNOWN for arm in arms])


def _tells(line: Line) -> bool:
    return line.label in _ALWAYS or any(cell.strip("0.–") for cell in line.cells)


def _mean(metric: str) -> Cell:
    return lambda figures: numbers.share(figures[metric]["mean"])


def _span(metric: str) -> Cell:
    return lambda figures: "–".join(numbers.share(figures[metric][end]) for end in ("low", "high"))


def _time(name: str, which: str) -> Cell:
    form = numbers.milliseconds if name in _SHORT else numbers.seconds
    return lambda figures: form((figures["seconds"][name] or {}).get(which))


def _tokens(kind: str) -> Cell:
    return lambda figures: numbers.count(_each(figures["tokens"][kind], figures))


def _retrieved(how: str) -> Cell:
    return lambda figures: numbers.count((figures["gold_retrieved"] or {}).get(how))


def _each(total: float | None, figures: Figures) -> float | None:
    """Returns the mean over the questions that were answered."""
    answered = figures["questions"] - figures["failed"]
    return None if total is None or not answered else total / answered


_COST = "Cost"
_GROUPS: dict[str, tuple[tuple[str, Cell], ...]] = {
    "Quality, with 95 % intervals": (
        ("Right", _mean("right")),
        ("", _span("right")),
        ("Exact match", _mean("exact_match")),
        ("", _span("exact_match")),
        ("F1", _mean("f1")),
        ("", _span("f1")),
        ("Judged", lambda figures: numbers.count(figures["judged"])),
    ),
    "Gold among what was retrieved": (
        ("Whole", _retrieved("whole")),
        ("In part", _retrieved("part")),
        ("Not", _retrieved("none")),
    ),
    "Mean per question": (
        ("Prompt tokens", _tokens("prompt")),
        ("Visual tokens among them", _tokens("visual")),
        ("Cached among them", _tokens("cached")),
        ("Output tokens", _tokens("completion")),
        ("Text tokens of what was shown", _tokens("text")),
        ("Pages", lambda figures: numbers.count(_each(figures["pages"], figures))),
    ),
    "Seconds": (
        ("Retrieval, p50", _time("retrieve_s", "p50")),
        ("Rendering, p50", _time("render_s", "p50")),
        ("First token, p50", _time("first_token_s", "p50")),
        ("First token, p95", _time("first_token_s", "p95")),
        ("Total, p50", _time("total_s", "p50")),
        ("Total, p95", _time("total_s", "p95")),
    ),
    "The run": (
        ("Questions", lambda figures: numbers.count(figures["questions"])),
        ("Failed", lambda figures: numbers.count(figures["failed"])),
        (_COST, lambda figures: numbers.money(figures["cost"])),
    ),
}

_ALWAYS = {"Right", "Exact match", "F1", "Questions", "Failed"}


def verdict_counts(
    questions: Sequence[Mapping[str, Any]], arms: Sequence[str]
) -> list[tuple[str, list[int]]]:
    """Returns how many questions have each verdict in each arm."""
    counts = [
        Counter(question["results"][number]["verdict"] for question in questions)
        for number in range(len(arms))
    ]
    found = {verdict for counter in counts for verdict in counter}
    return [(verdict, [counter[verdict] for counter in counts]) for verdict in in_order(found)]


def outcome_counts(questions: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Returns how many questions have each outcome over all arms."""
    counts = Counter(question["outcome"] for question in questions)
    return [(outcome, counts[outcome]) for outcome in OUTCOMES if counts[outcome]]


def intervals(pairs: Sequence[Mapping[str, Any]]) -> tuple[dict[str, list[Interval]], float]:
    """Returns the differences of each pair of arms, and the value at the drawings' right end."""
    ends = [abs(value) for pair in pairs for value in (pair["low"], pair["high"])]
    reach = next((step for step in (0.1, 0.25, 0.5) if max(ends, default=0) <= step), 1.0)
    drawn: dict[str, list[Interval]] = {}
    for pair in pairs:
        drawn.setdefault(f"{pair['a']} − {pair['b']}", []).append(_interval(pair, reach))
    return drawn, reach


def _interval(pair: Mapping[str, Any], reach: float) -> Interval:
    low, middle, high = (
        round((pair[key] / reach + 1) * DRAWING_WIDTH / 2, 1)
        for key in ("low", "difference", "high")
    )
    return Interval(
        metric=METRICS.get(pair["metric"], pair["metric"]),
        difference=numbers.signed(pair["difference"]),
        span=f"{numbers.signed(pair['low'])} to {numbers.signed(pair['high'])}",
        low_x=low,
        x=middle,
        high_x=high,
        clear=pair["low"] > 0 or pair["high"] < 0,
    )
