"""Writes example sets: ``python -m training.data --config training/configs/data_debug.yaml``.

Any setting is changed by its path, as in ``--count 100 --tasks.ocr.weight 3``. The folder ``out``
then holds ``examples.jsonl`` and ``held_out.jsonl``, a journal of each, ``statistics.json``, and
``bad_rows.jsonl`` with what of the sources could not be read. The same command goes on where a run
was interrupted; a higher ``count`` adds examples.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from glyph_shared.errors import GlyphError
from training.data.example_file import write_whole
from training.data.making import BAD_ROWS, Entry, make_sets
from training.data.settings import DataSettings, read_settings
from training.data.space import SPACES
from training.data.statistics import statistics, tables
from training.data.styles import absent_fonts

STATISTICS = "statistics.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the sets that a YAML file and the command line describe."""
    parser = argparse.ArgumentParser(prog="python -m training.data", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file of settings")
    options, changes = parser.parse_known_args(arguments)
    try:
        run(read_settings(options.config, changes))
    except GlyphError as error:
        sys.exit(f"error: {error}")


def run(settings: DataSettings) -> None:
    """Makes the sets, and tells what they hold."""
    console = Console()
    spaces = [look for look in settings.looks if look in SPACES]
    for family, substitute in absent_fonts(spaces).items():
        console.print(f"not installed: {family}; drawn with {substitute}", highlight=False)
    told = {name: statistics(entries) for name, entries in _made(settings, console).items()}
    folder = Path(settings.out)
    write_whole(folder / STATISTICS, json.dumps(told, indent=1).encode("utf-8") + b"\n")
    for name, figures in told.items():
        console.print(tables(name, figures))
    if bad := len((folder / BAD_ROWS).read_bytes().splitlines()):
        console.print(f"not read: {bad} rows or files; see {folder / BAD_ROWS}")


def _made(settings: DataSettings, console: Console) -> dict[str, list[Entry]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        bars: dict[str, TaskID] = {}

        def tell(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done)

        return make_sets(settings, tell)


if __name__ == "__main__":
    main()
