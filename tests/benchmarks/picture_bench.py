"""Clocks pictures of source pages beside pdftoppm, and what the choice of ``auto`` costs.

    python -m tests.benchmarks.picture_bench [--pages 20] [--json FILE]

All times are CPU time (user and system, child processes included) per source page. Both sides make
PNG files of the same pixels per inch from the same PDF; ours has the start of its child process
in it, pdftoppm its own. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyph_shared.documents import read_document
from glyph_shared.planning import PICTURE_DPI
from glyph_shared.planning.drawing import drawn_pages
from glyph_shared.rendering import Renderer
from tests.documents import sheets
from tests.rendering.oracle import missing_tool

LOOKS = ("prose", "scan", "ruled_table", "figure", "plot")


@dataclass(frozen=True)
class Row:
    """CPU milliseconds per source page, and kilobytes of a PNG file.

    ``reading`` is the text layer alone; ``choosing`` is what ``auto`` adds to it.
    """

    look: str
    reading: float
    choosing: float
    drawing: float
    pdftoppm: float | None
    kilobytes: float
    pdftoppm_kilobytes: float | None

    @property
    def ratio(self) -> float | None:
        """Drawing beside pdftoppm; below 1 ours takes less."""
        return self.drawing / self.pdftoppm if self.pdftoppm else None


def main() -> None:
    """Runs every measurement and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=20, help="source pages of each look")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    rows = list(measured(options.pages))
    show(rows)
    if options.json:
        figures = [{**asdict(row), "ratio": row.ratio} for row in rows]
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measured(pages: int, looks: Sequence[str] = LOOKS) -> Iterator[Row]:
    """Clocks each look on a PDF of so many source pages."""
    with tempfile.TemporaryDirectory() as folder:
        for look in looks:
            path = Path(folder, f"{look}.pdf")
            path.write_bytes(sheets.pdf(*[getattr(sheets, look)] * pages))
            yield _row(look, path, pages)


def _row(look: str, path: Path, pages: int) -> Row:
    # A scan has no text to read; what reading costs there is in what auto costs.
    reading = 0.0 if look == "scan" else _clocked(lambda: read_document(path))
    choosing = _clocked(lambda: read_document(path, source_pages="auto")) - reading
    document = read_document(path, source_pages="pictures")
    sizes: list[int] = []

    def drawing() -> None:
        sizes.extend(len(page.png) for page in drawn_pages(document, Renderer()))

    ours = _clocked(drawing)
    theirs = None if missing_tool() else _pdftoppm(path)
    per_page = [1e3 * one / pages for one in (reading, choosing, ours)]
    return Row(
        look,
        *per_page,
        pdftoppm=1e3 * theirs[0] / pages if theirs else None,
        kilobytes=sum(sizes) / len(sizes) / 1e3,
        pdftoppm_kilobytes=theirs[1] / pages / 1e3 if theirs else None,
    )


def _pdftoppm(path: Path) -> tuple[float, int]:
    """Returns CPU seconds and bytes of pdftoppm's PNG files."""
    root = path.with_suffix("")
    command = ["pdftoppm", "-r", str(PICTURE_DPI), "-png", str(path), str(root)]
    seconds = _clocked(lambda: subprocess.run(command, check=True))
    return seconds, sum(file.stat().st_size for file in path.parent.glob(f"{root.name}-*.png"))


def _clocked(work: Callable[[], object]) -> float:
    """Returns the CPU seconds of a piece of work, child processes included."""
    before = _spent()
    work()
    return _spent() - before


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def show(rows: list[Row]) -> None:
    """Prints the table."""
    table = Table(title=f"source pages as pictures, {PICTURE_DPI} dpi: CPU ms and KB per page")
    names = ("look", "text layer", "auto adds", "drawing", "pdftoppm", "ratio", "KB", "their KB")
    for name in names:
        table.add_column(name, justify="left" if name == "look" else "right")
    for row in rows:
        figures = (
            row.reading,
            row.choosing,
            row.drawing,
            row.pdftoppm,
            row.ratio,
            row.kilobytes,
            row.pdftoppm_kilobytes,
        )
        cells = ("-" if one is None else f"{one:.2f}" for one in figures)
        table.add_row(row.look, *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
