"""Clocks pages that are read from the page store beside the same pages drawn.

    python -m tests.benchmarks.kept_pages

All times are CPU time of this process; the ratios are of medians from the same run. A page counts
once it is a PNG file, as requests send it; what is read is checked byte by byte.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from glyph_shared.rendering import Page, PageStore, RenderConfig, Renderer
from tests.benchmarks import texts

PASSES = 5


@dataclass(frozen=True)
class KeptRow:
    """CPU seconds for all pages of a text: drawn, drawn and kept, read."""

    text: str
    pages: int
    draw: float
    keep: float
    read: float
    kilobytes: float
    """Of an entry, per page."""

    @property
    def gain(self) -> float:
        """How many times cheaper reading is than drawing."""
        return self.draw / self.read


def kept_rows(jobs: Iterable[tuple[str, str, int]], passes: int = PASSES) -> Iterator[KeptRow]:
    """Clocks texts, each given by preset, name and length in chars."""
    for preset, name, length in jobs:
        renderer, text = Renderer(RenderConfig.preset(preset)), texts.named(name, length)
        with tempfile.TemporaryDirectory() as folder:
            yield _row(f"{name}, {preset}", renderer, text, Path(folder), passes)


def _row(name: str, renderer: Renderer, text: str, folder: Path, passes: int) -> KeptRow:
    pages = sum(1 for _ in renderer.render(text))  # shapes are drawn once, before the clock runs

    def keep() -> Iterator[Page]:
        PageStore(folder).clear()
        return PageStore(folder).render(renderer, text)

    draw = _seconds(lambda: renderer.render(text), passes)
    kept = _seconds(keep, passes)
    # A store of its own for each pass, so that none finds pages that another still holds.
    read = _seconds(lambda: PageStore(folder).render(renderer, text), passes)
    size = PageStore(folder).usage().size_bytes
    return KeptRow(name, pages, draw, kept, read, size / pages / 1e3)


def _seconds(pages: Callable[[], Iterator[Page]], passes: int) -> float:
    times = []
    for _ in range(passes):
        gc.collect()
        start = time.process_time()
        for page in pages():
            assert page.png
        times.append(time.process_time() - start)
    return median(times)


def show(rows: Iterable[KeptRow], console: Console) -> None:
    """Prints CPU time per page, and how many times cheaper reading is."""
    table = Table(title="Pages kept on disk: CPU ms per page, as PNG files")
    for column in ("text, preset", "pages", "drawn", "drawn and kept", "read"):
        table.add_column(column, justify="right")
    for column in ("drawn / read", "KB/page on disk"):
        table.add_column(column, justify="right")
    for row in rows:
        times = [f"{1e3 * one / row.pages:.3f}" for one in (row.draw, row.keep, row.read)]
        gain, size = f"{row.gain:.1f}", f"{row.kilobytes:.0f}"
        table.add_row(row.text, str(row.pages), *times, gain, size)
    console.print(table)


JOBS = (("en", "prose", 1_000_000), ("en", "chinese", 100_000), ("code", "code", 500_000))

if __name__ == "__main__":
    show(kept_rows(JOBS), Console(width=130))
