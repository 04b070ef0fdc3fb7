"""Clocks our renderer beside the pipeline it replaces, and beside the least that C can do.

    python -m tests.benchmarks.render_bench [--only TABLE] [--quick] [--prose FILE]
        [--chinese FONT] [--json FILE]

All times but those of several workers are CPU time (user and system, child processes included), so
a busy machine changes little; ratios are of figures from the same run, same text, same θ (preset
``reference`` with DejaVu Sans, or an installed Chinese font). Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from glyph_shared.planning import pick_counter
from glyph_shared.rendering import RenderConfig, Renderer
from tests.benchmarks import floor, texts
from tests.benchmarks.page_parts import page_parts
from tests.benchmarks.worker import Cost, Job, run
from tests.rendering.oracle import (
    StageSeconds,
    chinese_font,
    font_file,
    missing_tool,
    oracle_seconds,
)

MB = 1_000_000
ARTICLE = {"dpi": 96, "font_size": 9.0, "alignment": "JUSTIFY", "first_line_indent": 9.0}
"""The first article's θ: 96 dpi, 9 pt sans, justified, an indent of 1 em."""

FIRST_PAGES = 5
"""Fresh processes that draw a first page."""

TABLES = ("speed", "parts", "scaling", "first", "workers", "article")

PAIRS = 7
"""How often each number of workers has its turn."""

console = Console(width=130)


@dataclass(frozen=True)
class Stage:
    """CPU milliseconds per page of one pipeline on one text."""

    text: str
    pipeline: str
    pages: int
    layout: float
    raster: float
    png: float
    kilobytes: float

    @property
    def total(self) -> float:
        """All stages."""
        return self.layout + self.raster + self.png


def main() -> None:
    """Runs every measurement and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    parser.add_argument("--quick", action="store_true", help="a tenth of the text")
    parser.add_argument("--prose", default="prose", help="a text file to use as the prose")
    parser.add_argument("--chinese", default=chinese_font(), help="a TrueType font to use")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    scale = 0.1 if options.quick else 1.0
    figures = {}
    for name, (rows, show) in _measures(options.prose, options.chinese, scale).items():
        if options.only in (None, name):
            figures[name] = list(rows)
            show(figures[name])
    if options.json:
        written = json.dumps(figures, indent=1, default=asdict)
        options.json.write_text(written + "\n", encoding="utf-8")


def _measures(
    prose: str, chinese: str | None, scale: float
) -> dict[str, tuple[Iterator[Any], Callable[[list[Any]], None]]]:
    """Names each table, how its rows are measured (when they are asked for) and shown."""
    jobs = speed_jobs(prose, chinese, scale)
    lengths = [round(size * MB * scale) for size in (1, 5, 20, 50)]
    articles = article_rows([prose, "one paragraph"], round(1.3 * MB * scale))
    return {
        "speed": ((stage for job in jobs for stage in speed(job)), show_speed),
        "parts": (page_parts(), show_parts),
        "scaling": (linearity(lengths), show_scaling),
        "first": (first_pages(chinese), show_first_pages),
        "workers": (drawn_ahead(round(2 * MB * scale)), show_drawn_ahead),
        "article": (articles, show_article),
    }


# --- speed -------------------------------------------------------------------------------------


def speed_jobs(prose: str, chinese: str | None, scale: float) -> Iterator[Job]:
    """The texts that the pipelines are compared on."""
    sans = {"font_path": None}
    yield Job(prose, round(2 * MB * scale), theta=sans)
    yield Job("code", round(0.5 * MB * scale), theta=sans)
    yield Job("one paragraph", 250_000, theta=sans)
    if chinese:
        yield Job("chinese", round(0.2 * MB * scale), theta={"font_path": chinese})
    else:
        console.print("no Chinese TrueType font installed (Debian: fonts-wqy-zenhei); left out")


def speed(job: Job) -> Iterator[Stage]:
    """Clocks the oracle, ours (cold, warm, without isal) and the floor on one text."""
    text = texts.named(job.text, job.length)
    config = RenderConfig.preset(job.preset).model_copy(update=job.theta)
    with tempfile.TemporaryDirectory() as folder:
        if missing_tool():
            console.print(f"the oracle is left out: it needs {missing_tool()}")
        else:
            pages, size, spent = oracle_seconds(text, config, Path(folder))
            yield _stage(job.text, "reference", pages, size, spent)
        yield _ours(job, "ours, cold")
        yield _ours(replace(job, warm_seconds=2.0), "ours, warm")
        yield _ours(replace(job, warm_seconds=2.0, deflate="zlib"), "ours, warm, zlib")
        if not floor.compiler():
            console.print("the floor is left out: it needs a C compiler (cc)")
        else:
            yield from _floor(job.text, text, config, Path(folder))


def _ours(job: Job, name: str) -> Stage:
    cost = run(job)
    return _stage(job.text, name, cost.pages, cost.png_bytes, cost)


def _stage(text: str, name: str, pages: int, size: int, spent: StageSeconds | Cost) -> Stage:
    layout, raster, png = (1e3 * one / pages for one in (spent.layout, spent.raster, spent.png))
    return Stage(text, name, pages, layout, raster, png, size / pages / 1e3)


def _floor(name: str, text: str, config: RenderConfig, folder: Path) -> Iterator[Stage]:
    width, height = (round(side) for side in config.page_size)
    least = floor.measure(floor.build(folder), text, font_file(config), page_px=(width, height))
    for deflate, suffix in (("isal", ""), ("zlib", ", zlib")):
        png = least.png[deflate]
        yield Stage(name, f"floor in C{suffix}", least.pages, least.layout, least.raster, png, 0)
    yield Stage(name, "page fill and copy", least.pages, 0, least.copy, 0, 0)


def show_speed(stages: list[Stage]) -> None:
    """Prints CPU time per page by stage, the ratio to the reference, the share of the floor."""
    table = Table(title="CPU ms per page, PNG included")
    for column in ("text", "pipeline", "pages", "layout", "raster", "PNG", "total"):
        table.add_column(column, justify="left" if column in ("text", "pipeline") else "right")
    for column in ("KB/page", "x reference", "floor's share"):
        table.add_column(column, justify="right")
    for one in stages:
        same = {other.pipeline: other.total for other in stages if other.text == one.text}
        times = [f"{value:.2f}" for value in (one.layout, one.raster, one.png, one.total)]
        kilobytes = f"{one.kilobytes:.0f}" if one.kilobytes else ""
        ratio = f"{same['reference'] / one.total:.1f}" if "reference" in same else ""
        least = same.get("floor in C, zlib" if one.pipeline.endswith("zlib") else "floor in C")
        share = f"{least / one.total:.0%}" if least and one.pipeline.startswith("ours") else ""
        name = Path(one.text).name
        table.add_row(name, one.pipeline, str(one.pages), *times, kilobytes, ratio, share)
    console.print(table)


def show_parts(rows: list[dict[str, Any]]) -> None:
    """Prints what the steps of a warm page take; some are parts of others."""
    table = Table(title="Prose, warm: CPU ms per page by step")
    for column in ("step", "ms"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(row["step"], f"{row['ms']:.2f}")
    console.print(table)


# --- scaling, memory, start --------------------------------------------------------------------


def linearity(lengths: list[int]) -> Iterator[dict[str, Any]]:
    """Clocks prose of growing length, as one string and streamed, each in a fresh process."""
    for length in lengths:
        for streaming in (False, True):
            cost = run(Job("prose", length, theta={"font_path": None}, streaming=streaming))
            yield {
                "streaming": streaming,
                "input_bytes": 0 if streaming else length,
                **asdict(cost),
            }


def show_scaling(rows: list[dict[str, Any]]) -> None:
    """Prints CPU time per MB, and resident memory beyond what the process held before."""
    table = Table(title="Prose by length, one fresh process each")
    for column in ("MB", "input", "pages", "CPU s/MB", "first page, CPU ms"):
        table.add_column(column, justify="right")
    for column in ("import, CPU ms", "peak MB", "peak MB above start"):
        table.add_column(column, justify="right")
    for row in rows:
        cost = Cost(**{key: row[key] for key in Cost.__dataclass_fields__})
        table.add_row(
            f"{cost.chars / MB:g}",
            "pieces" if row["streaming"] else "one str",
            str(cost.pages),
            f"{cost.total / cost.chars * MB:.3f}",
            f"{1e3 * cost.first_page_seconds:.0f}",
            f"{1e3 * cost.import_seconds:.0f}",
            f"{cost.resident_peak / MB:.0f}",
            f"{(cost.resident_peak - cost.resident_before) / MB:.0f}",
        )
    console.print(table)


# --- the first page, and pages drawn ahead -----------------------------------------------------


def first_pages(chinese: str | None) -> Iterator[dict[str, Any]]:
    """Clocks a text of one page in fresh processes, and in the oracle once it is imported."""
    for name, length, font in (("prose", 3_500, None), ("chinese", 2_000, chinese)):
        if name == "chinese" and not chinese:
            continue
        costs = [run(Job(name, length, theta={"font_path": font})) for _ in range(FIRST_PAGES)]
        with tempfile.TemporaryDirectory() as folder:
            config = RenderConfig.preset("reference").model_copy(update={"font_path": font})
            known = not missing_tool()
            oracle = (
                oracle_seconds(texts.named(name, length), config, Path(folder)) if known else None
            )
        yield {
            "text": name,
            "pages": costs[0].pages,
            "first_page": median(cost.first_page_seconds for cost in costs),
            "import": median(cost.import_seconds for cost in costs),
            "start": median(cost.start_seconds for cost in costs),
            "reference": oracle[2].total if oracle else None,
        }


def show_first_pages(rows: list[dict[str, Any]]) -> None:
    """Prints what the first page costs, without and with the process's start."""
    table = Table(title=f"First page in a fresh process, CPU ms, median of {FIRST_PAGES}")
    for column in ("text", "first page", "import", "interpreter", "all", "reference, no start"):
        table.add_column(column, justify="right")
    for row in rows:
        parts = [row["first_page"], row["import"], row["start"]]
        shown = [*parts, sum(parts), row["reference"] or 0.0]
        table.add_row(row["text"], *(f"{1e3 * one:.0f}" for one in shown))
    console.print(table)


def drawn_ahead(length: int) -> Iterator[dict[str, Any]]:
    """Clocks prose with one and more workers by the wall, in turns; the best of each counts."""
    text = texts.prose(length)
    renderers = {n: Renderer(RenderConfig.preset("reference"), workers=n) for n in (1, 2, 4)}
    best = dict.fromkeys(renderers, math.inf)
    spent = dict.fromkeys(renderers, math.inf)
    for _ in range(PAIRS):
        for workers, renderer in renderers.items():
            start, cpu = time.perf_counter(), time.process_time()
            for page in renderer.render(text):
                page.compact()
            best[workers] = min(best[workers], time.perf_counter() - start)
            spent[workers] = min(spent[workers], time.process_time() - cpu)
    for workers in renderers:
        yield {"workers": workers, "wall": best[workers], "cpu": spent[workers]}


def show_drawn_ahead(rows: list[dict[str, Any]]) -> None:
    """Prints seconds and the ratio to one worker."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    table = Table(title=f"Prose by the wall, best of {PAIRS} in turns; {load}")
    for column in ("workers", "wall s", "x one worker", "CPU s"):
        table.add_column(column, justify="right")
    for row in rows:
        ratio = f"{rows[0]['wall'] / row['wall']:.2f}"
        table.add_row(str(row["workers"]), f"{row['wall']:.2f}", ratio, f"{row['cpu']:.2f}")
    console.print(table)


# --- the article's θ ---------------------------------------------------------------------------


def article_rows(names: list[str], length: int) -> Iterator[dict[str, Any]]:
    """Measures what the first article's θ gives, on prose with and without paragraphs."""
    counter = pick_counter()
    for name in names:
        for theta in (ARTICLE, {**ARTICLE, "dpi": 72}):
            cost = run(Job(name, length, theta={"font_path": None, **theta}))
            text_tokens = counter.count(texts.named(name, length))
            yield {
                "text": Path(name).name,
                "dpi": theta["dpi"],
                "text_tokens": text_tokens,
                "tokenizer": counter.name,
                "pages": cost.pages,
                "visual_tokens": cost.visual_tokens,
                "compression_ratio": text_tokens / cost.visual_tokens,
                "pages_per_100k": 100_000 * cost.pages / text_tokens,
            }


def show_article(rows: list[dict[str, Any]]) -> None:
    """Prints the measured ratio beside the article's claim."""
    table = Table(title="θ of the first article: 9 pt sans, justified, indent 1 em")
    for column in ("text", "dpi", "text tokens", "tokenizer", "pages", "visual tokens"):
        table.add_column(column, justify="right")
    for column in ("ratio", "pages per 100K text tokens"):
        table.add_column(column, justify="right")
    table.add_row("the article's claim", "96", "300000", "not named", "", "", "3.5", "20-30")
    for row in rows:
        ratio, per_100k = f"{row['compression_ratio']:.2f}", f"{row['pages_per_100k']:.0f}"
        fields = ("text", "dpi", "text_tokens", "tokenizer", "pages", "visual_tokens")
        table.add_row(*(str(row[field]) for field in fields), ratio, per_100k)
    console.print(table)


if __name__ == "__main__":
    main()
