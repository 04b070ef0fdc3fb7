"""Clocks our renderer beside the pipeline it replaces, and beside the least that C can do.

    python -m tests.benchmarks.render_bench [--quick] [--prose FILE] [--chinese FONT] [--json FILE]

All times are CPU time (user and system, child processes included), so a busy machine changes
little; ratios are of figures from the same run, same text, same θ (preset ``reference`` with
DejaVu Sans, or an installed Chinese font). Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from glyph_shared.planning import pick_counter
from glyph_shared.rendering import RenderConfig
from tests.benchmarks import floor, texts
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
    parser.add_argument("--quick", action="store_true", help="a tenth of the text")
    parser.add_argument("--prose", default="prose", help="a text file to use as the prose")
    parser.add_argument("--chinese", default=chinese_font(), help="a TrueType font to use")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    scale = 0.1 if options.quick else 1.0
    stages = [
        stage for job in speed_jobs(options.prose, options.chinese, scale) for stage in speed(job)
    ]
    show_speed(stages)
    scaling = list(linearity([round(size * MB * scale) for size in (1, 5, 20, 50)]))
    show_scaling(scaling)
    article = list(article_rows([options.prose, "one paragraph"], round(1.3 * MB * scale)))
    show_article(article)
    if options.json:
        figures = {"speed": [asdict(one) for one in stages], "scaling": scaling, "article": article}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


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
        elif job.text != "chinese":
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
