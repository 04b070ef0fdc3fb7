"""What a set of examples holds, told from its journal: per task, and how long examples are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from glyph_shared.metrics import percentile
from training.data.making import Entry

_BAR = 40
_LONGEST_REASON = 70


def statistics(entries: Sequence[Entry]) -> dict[str, Any]:
    """Returns the figures of a set: of each task, of all, and a histogram of visual tokens."""
    tasks = sorted({entry.task for entry in entries})
    by_task = {task: _figures([one for one in entries if one.task == task]) for task in tasks}
    kept = [entry for entry in entries if not entry.left_out]
    return {
        "tasks": by_task,
        "all": _figures(entries),
        "visual_tokens_histogram": histogram([entry.visual_tokens for entry in kept]),
    }


def histogram(values: Sequence[int]) -> dict[str, int]:
    """Counts values up to 256, up to 512, and so on, each bound twice the one before."""
    counts = Counter(max(8, (value - 1).bit_length()) for value in values)
    if not counts:
        return {}
    return {f"{1 << power}": counts[power] for power in range(min(counts), max(counts) + 1)}


def tables(name: str, told: dict[str, Any]) -> Group:
    """Returns what ``statistics`` told of a set, for the screen."""
    table = Table(title=f"{name}: {told['all']['examples']} examples")
    table.add_column("task", no_wrap=True)
    for heading in ("kept", "left out", "pages", "chars", "a token", "mean", "95 %", "most"):
        table.add_column(heading, justify="right")
    for task, figures in (*told["tasks"].items(), ("all", told["all"])):
        table.add_row(task, *_cells(figures), end_section=task == [*told["tasks"]][-1])
    table.caption = "a token: chars per visual token; mean, 95 %, most: visual tokens of an example"
    return Group(table, _bars(told["visual_tokens_histogram"]), *_reasons(told["all"]["left_out"]))


def _figures(entries: Sequence[Entry]) -> dict[str, Any]:
    kept = [entry for entry in entries if not entry.left_out]
    tokens = [entry.visual_tokens for entry in kept] or [0]
    return {
        "examples": len(kept),
        "left_out": dict(Counter(entry.left_out for entry in entries if entry.left_out)),
        "pages": sum(entry.pages for entry in kept),
        "chars": sum(entry.chars for entry in kept),
        "replaced_chars": sum(entry.replaced for entry in kept),
        "visual_tokens": sum(tokens),
        "visual_tokens_mean": round(fmean(tokens), 1),
        "visual_tokens_p50": round(percentile(tokens, 0.5)),
        "visual_tokens_p95": round(percentile(tokens, 0.95)),
        "visual_tokens_most": max(tokens),
    }


def _cells(figures: dict[str, Any]) -> list[str]:
    tokens = figures["visual_tokens"]
    return [
        f"{figures['examples']:,}",
        f"{sum(figures['left_out'].values()):,}",
        f"{figures['pages']:,}",
        f"{figures['chars']:,}",
        f"{figures['chars'] / tokens:.2f}" if tokens else "-",
        f"{figures['visual_tokens_mean']:,.0f}",
        f"{figures['visual_tokens_p95']:,}",
        f"{figures['visual_tokens_most']:,}",
    ]


def _bars(counts: dict[str, int]) -> Text:
    most = max(counts.values(), default=1)
    lines = (
        f"up to {int(bound):>9,} {'█' * round(_BAR * count / most):<{_BAR}} {count:,}"
        for bound, count in counts.items()
    )
    return Text("\n".join(["visual tokens of an example", *lines]))


def _reasons(left_out: dict[str, int]) -> list[Text]:
    ordered = sorted(left_out.items(), key=lambda pair: -pair[1])
    return [Text(f"left out: {count:,} {reason[:_LONGEST_REASON]}") for reason, count in ordered]
