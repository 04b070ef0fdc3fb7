"""Measures the search on published test functions of two objectives, beside random search.

    python -m tests.benchmarks.search_functions [--evaluations N] [--seeds N]

ZDT1 and DTLZ2 mapped to θ as ``training.search.functions`` tells, hypervolume against the reference
point (1.1, 1.1) as a share of that of the published front. Takes some seconds; nothing here passes
or fails.
"""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from training.search.functions import DTLZ2, ZDT1, drawn, searched


def main() -> None:
    """Runs both functions and prints a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    table = Table(title=f"Share of the front's hypervolume, {options.evaluations} evaluations")
    for name in ("function", "seed", "search", "random search"):
        table.add_column(name, justify="right")
    for problem in (ZDT1, DTLZ2):
        for seed in range(options.seeds):
            found = problem.share(searched(problem, options.evaluations, seed))
            chance = problem.share(drawn(problem, options.evaluations, seed))
            table.add_row(problem.name, str(seed), f"{found:.1%}", f"{chance:.1%}")
    Console().print(table)


if __name__ == "__main__":
    main()
