"""Clocks what a loader's worker does for a page, and the model's image processor beside it.

    python -m tests.benchmarks.loader_bench [--pages 200] [--json FILE]

A dense A4 page at 72 dpi in 9 pt goes from (text, θ, seed) to a trainer's row; the same pages then
in a new style each example, written as PNG, read back from PNG, and through the image processor of
GLM-4.1V where transformers is installed (`.venv-train/bin/python -m …`, one thread with
`OMP_NUM_THREADS=1`). All times are CPU time of one process, from the same run, so the ratios hold
on a busy machine. Nothing passes or fails.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

from tests.benchmarks import texts
from training.data.dataset import PageDataset
from training.data.drawing import draw
from training.tasks.example import Example, Pages, user

A4 = json.dumps({"page_size": "595,842", "margin_x": 10, "margin_y": 10, "frame_padding": 6,
                 "auto_crop_width": False, "newline_markup": "<br/>"})  # fmt: skip
"""The reference's page, whole and dense."""

PAGES_EACH = 4
MOST_CHARS = 8000
"""No page holds more, so each example has as many full pages."""

ROUNDS = 3
TARGET = 200
"""Dense A4 pages a second and core that the loader is asked for."""


@dataclass(frozen=True)
class Cost:
    """What one step costs.

    Attributes:
        step: The step.
        pages: How many pages were measured.
        ms: CPU milliseconds a page, the least of ``ROUNDS``.
    """

    step: str
    pages: int
    ms: float

    @property
    def per_second(self) -> float:
        """Pages a CPU second."""
        return 1000 / self.ms


def main() -> None:
    """Measures each step and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=128, help="how many pages to draw")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    costs = measure(options.pages)
    show(costs)
    if options.json:
        written = json.dumps([asdict(cost) for cost in costs], indent=1)
        options.json.write_text(written + "\n", encoding="utf-8")


def measure(pages: int) -> list[Cost]:
    """Measures every step on about as many pages."""
    fixed = dense_examples(pages, A4)
    varied = [example.with_pages("document", n) for n, example in enumerate(fixed)]
    drawn = [page for example in fixed for page in draw(example).all_pages]
    files = [page.png for page in drawn]
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
    steps: list[tuple[str, int, Callable[[], Any]]] = [
        ("text to a trainer's row, one θ", len(drawn), lambda: _rows(fixed)),
        ("the same, a new θ each example", _count(varied), lambda: _rows(varied)),
        ("text to PNG, one θ", len(drawn), lambda: _files(fixed)),
        ("PNG to pixels", len(drawn), lambda: [_pixels(file) for file in files]),
    ]
    processor = image_processor()
    if processor is not None:
        name = f"{type(processor).__name__}, pixels to patches"
        some = pictures[:20]
        steps.append((name, len(some), lambda: [processor(images=[one]) for one in some]))
    return [Cost(step, count, _least_ms(work) / count) for step, count, work in steps]


def dense_examples(pages: int, theta: str) -> list[Example]:
    """Makes examples of four full pages each."""
    chars = PAGES_EACH * MOST_CHARS
    count = -(-pages // PAGES_EACH)
    text = texts.prose(count * chars)
    parts = [text[number * chars : (number + 1) * chars] for number in range(count)]
    turns = [user(Pages(part, theta, n, PAGES_EACH), "Read.") for n, part in enumerate(parts)]
    return [Example(f"page-{n}", "ocr", (turn,), "") for n, turn in enumerate(turns)]


def image_processor() -> Any:
    """Returns the image processor that a trainer would use; None without transformers."""
    if importlib.util.find_spec("transformers") is None:
        return None
    if importlib.util.find_spec("torchvision") is None:
        from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

        return Glm4vImageProcessorPil()
    from transformers.models.glm4v.image_processing_glm4v import Glm4vImageProcessor

    return Glm4vImageProcessor()


def show(costs: Sequence[Cost]) -> None:
    """Prints the table; ratios are to the first row."""
    table = Table(title=f"one core; asked for: {TARGET} pages a second")
    for heading in ("step", "pages", "CPU ms a page", "pages a CPU second", "times the first"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for cost in costs:
        ratio = cost.ms / costs[0].ms
        cells = (cost.step, str(cost.pages), f"{cost.ms:.2f}", f"{cost.per_second:.0f}")
        table.add_row(*cells, f"{ratio:.2f}")
    Console(width=110).print(table)


def _rows(examples: Sequence[Example]) -> None:
    data = PageDataset(examples)
    for number in range(len(data)):
        _ = data[number]


def _files(examples: Sequence[Example]) -> None:
    for example in examples:
        for page in draw(example).all_pages:
            _ = page.png


def _pixels(file: bytes) -> None:
    Image.open(io.BytesIO(file)).load()


def _count(examples: Sequence[Example]) -> int:
    return sum(len(draw(example).all_pages) for example in examples)


def _least_ms(work: Callable[[], Any]) -> float:
    """Returns the CPU milliseconds of the best of some rounds, the first of which warms caches."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds)


if __name__ == "__main__":
    main()
