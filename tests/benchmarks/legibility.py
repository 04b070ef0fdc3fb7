"""Measures what stays legible of a page as it is drawn smaller, by what Tesseract reads off it.

    python -m tests.benchmarks.legibility [--pages N] [--json FILE]

Full pages of preset ``en``, prose of Python's own documentation, at each dpi as they are and
enlarged; the best enlargement counts. Tesseract (Debian: tesseract-ocr) was trained on scans, not
on such pages, so its fall tells where pixels stop to hold letters for a reader without training,
not where zai-org/Glyph stops to read. Nothing here passes or fails; it takes some minutes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyph_shared.planning import LEGIBILITY_FLOOR_PX, EstimateCounter
from glyph_shared.planning.denser import em_px
from glyph_shared.rendering import RenderConfig, render
from tests.benchmarks import ocr, texts

CONFIG = RenderConfig.preset("en")
DPIS = (45, 48, 54, 60, 72, 96)
CHARS_PER_PAGE = 10_500
"""More than a page of preset ``en`` holds."""

console = Console(width=130)


@dataclass(frozen=True)
class Row:
    """How much of full pages at one dpi is read."""

    dpi: int
    em_px: float
    pages: int
    visual_tokens_per_page: float
    compression_ratio: float
    accuracy: float
    scale: int
    accuracy_as_it_is: float
    words: float


def main() -> None:
    """Runs the measurement and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=5, help="full pages at each dpi")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not ocr.is_installed():
        raise SystemExit(ocr.NEEDS)
    rows = [measure(dpi, options.pages) for dpi in DPIS]
    show(rows)
    if options.json:
        figures = [asdict(row) for row in rows]
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(dpi: int, count: int) -> Row:
    """Reads so many full pages at one dpi."""
    config = CONFIG.model_copy(update={"dpi": dpi})
    pages = render(texts.one_paragraph(CHARS_PER_PAGE * (count + 1)), config)[:count]
    readings = {scale: ocr.read_pages(pages, dpi, scale) for scale in ocr.scales(dpi)}
    accuracy = {scale: ocr.mean_accuracy(read) for scale, read in readings.items()}
    best = max(accuracy, key=lambda scale: accuracy[scale])
    visual_tokens = sum(page.visual_tokens for page in pages)
    text_tokens = EstimateCounter().count("".join("".join(page.line_texts) for page in pages))
    return Row(
        dpi=dpi,
        em_px=em_px(config),
        pages=len(pages),
        visual_tokens_per_page=visual_tokens / len(pages),
        compression_ratio=text_tokens / visual_tokens,
        accuracy=accuracy[best],
        scale=best,
        accuracy_as_it_is=accuracy[1],
        words=ocr.mean_words(readings[best]),
    )


def show(rows: list[Row]) -> None:
    """Prints a line for each dpi."""
    table = Table(title=f"Tesseract, preset en; the floor of denser is {LEGIBILITY_FLOOR_PX} px")
    for name in ("dpi", "px per em", "pages", "visual tokens a page", "ρ (estimate)"):
        table.add_column(name, justify="right")
    for name in ("char accuracy", "enlarged", "as it is", "words right"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = f"{row.em_px:.2f}", str(row.pages), f"{row.visual_tokens_per_page:.0f}"
        read = f"{row.accuracy:.1%}", f"x{row.scale}", f"{row.accuracy_as_it_is:.1%}"
        ratio = f"{row.compression_ratio:.2f}"
        table.add_row(str(row.dpi), *figures, ratio, *read, f"{row.words:.1%}")
    console.print(table)


if __name__ == "__main__":
    main()
