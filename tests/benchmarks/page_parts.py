"""Where the time of a warm page goes, step by step: what a profile of prose is made of."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from glyph_shared.rendering import RenderConfig, Renderer, png, raster
from glyph_shared.rendering.compose import slices
from tests.benchmarks import texts

ROUNDS = 60
STEPS = {
    "place shapes": (raster.Painter, "_place"),
    "gather columns": (raster, "_gather"),
    "columns to rows": (raster, "_draw_lines"),
    "all of raster": (Renderer, "_draw"),
    "deflate": (png, "compress"),
}
"""Functions that are clocked; one within another counts in both."""


def page_parts(name: str = "prose") -> Iterator[dict[str, Any]]:
    """Draws a few pages of a text many times; yields each step's milliseconds per page.

    Each step's figure is the median of its CPU time over the rounds; layout is clocked by itself.
    """
    renderer = Renderer(RenderConfig.preset("reference"))
    text = texts.named(name, 40_000)
    rounds: dict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        begin = time.thread_time()
        layouts = list(renderer._composer.pages(slices(text), renderer._marker))
        rounds["layout"].append((time.thread_time() - begin) / len(layouts))
        with _clocked() as spent:
            begin = time.thread_time()
            for index, layout in enumerate(layouts):
                renderer._draw(index, layout).compact()
            whole = time.thread_time() - begin
        for step in STEPS:
            rounds[step].append(spent[step] / len(layouts))
        rounds["PNG"].append((whole - spent["all of raster"]) / len(layouts))
    for step, times in rounds.items():
        yield {"step": step, "ms": 1e3 * median(times)}


@contextmanager
def _clocked() -> Iterator[dict[str, float]]:
    """Adds up the CPU time of each step while the block runs."""
    spent: dict[str, float] = defaultdict(float)
    plain = {step: getattr(owner, name) for step, (owner, name) in STEPS.items()}
    for step, (owner, name) in STEPS.items():
        setattr(owner, name, _around(plain[step], step, spent))
    try:
        yield spent
    finally:
        for step, (owner, name) in STEPS.items():
            setattr(owner, name, plain[step])


def _around(work: Callable[..., Any], step: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        begin = time.thread_time()
        result = work(*arguments)
        spent[step] += time.thread_time() - begin
        return result

    return timed
