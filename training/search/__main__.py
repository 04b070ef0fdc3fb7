"""`python -m training.search`: searches for θ and writes what was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from glyph_shared.errors import GlyphError
from training.search.run import Search
from training.search.settings import read_settings


def main(arguments: list[str] | None = None) -> int:
    """Runs a search, or goes on with one; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.search", description=__doc__)
    parser.add_argument("--config", type=Path, help="settings, YAML")
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="a setting that goes before the file's, as output=runs/mine or budget.minutes=30",
    )
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(options.config, options.settings)
        Search(settings, _say).run()
    except GlyphError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the journal", file=sys.stderr)
        return 130
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
