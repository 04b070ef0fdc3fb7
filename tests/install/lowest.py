"""Prints the lowest versions that a wheel's core allows, or the extras named, as pip -c reads them.

python tests/install/lowest.py WHEEL [EXTRA ...]
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions

from packaging.requirements import Requirement


def main(wheel: str, *extras: str) -> None:
    [distribution] = distributions(path=[wheel])
    for requirement in map(Requirement, distribution.requires):
        if _belongs(requirement, extras):
            [lowest] = [one.version for one in requirement.specifier if one.operator == ">="]
            sys.stdout.write(f"{requirement.name}=={lowest}\n")


def _belongs(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    marker = requirement.marker
    if marker is None or not extras:
        return marker is None and not extras
    return any(marker.evaluate({"extra": extra}) for extra in extras)


if __name__ == "__main__":
    main(*sys.argv[1:])
