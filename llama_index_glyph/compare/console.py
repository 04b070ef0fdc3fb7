"""What the command and the demo say while they run and when they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import typer

from glyph_shared.cli.console import progress, say, tell_error

_Value = TypeVar("_Value")

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

_MOST_TOLD = 300
"""Chars of an error that are printed."""

Told = Callable[[int, int], None]


def run_with_bar(work: Callable[[Told], Coroutine[Any, Any, _Value]]) -> _Value:
    """Runs a comparison under a bar; an interruption leaves a folder that can be gone on with."""
    with progress("asking", None, count=True) as (bar, task):
        try:
            return asyncio.run(
                work(lambda done, total: bar.update(task, completed=done, total=total))
            )
        except KeyboardInterrupt:
            bar.stop()
            tell_error("interrupted; the same command goes on where this one stopped")
            raise typer.Exit(INTERRUPTED) from None


def tell(summary: Mapping[str, Any], report: Path) -> None:
    """Prints a line for each arm and each pair of arms, and where the report is."""
    for name, arm in summary["arms"].items():
        seconds, first = arm["seconds"]["total_s"], arm["seconds"]["first_token_s"]
        say(
            f"{name}: right {_share(arm['right'])}, exact match {_share(arm['exact_match'])} of "
            f"{arm['questions']}; failed {arm['failed']}; {_tokens(arm)}"
            + (f"; {seconds['p50']:.2f} s p50, {seconds['p95']:.2f} s p95" if seconds else "")
            + (f", first token {first['p50']:.2f} s" if first else "")
        )
        say("  " + ", ".join(f"{verdict} {n}" for verdict, n in sorted(arm["verdicts"].items())))
        for error, times in arm["failures"].items():
            say(f"  failed {times} times with {error[:_MOST_TOLD]}")
    for pair in summary["pairs"]:
        if pair["metric"] == "right":
            say(
                f"{pair['a']} minus {pair['b']}: {100 * pair['difference']:+.1f} points right "
                f"({100 * pair['low']:+.1f} to {100 * pair['high']:+.1f})"
            )
    say(f"Report: {report}")


def _share(interval: Mapping[str, float]) -> str:
    mean, low, high = (100 * interval[key] for key in ("mean", "low", "high"))
    return f"{mean:.1f} % ({low:.1f} to {high:.1f})"


def _tokens(arm: Mapping[str, Any]) -> str:
    tokens = arm["tokens"]
    visual = f", {tokens['visual']:,} of them visual" if tokens["visual"] else ""
    return f"{tokens['prompt'] or 0:,} prompt tokens{visual}"
