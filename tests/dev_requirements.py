"""Prints the development requirements of pyproject.toml, one shell word each."""

import shlex
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
sys.stdout.write(" ".join(shlex.quote(line) for line in project["dependency-groups"]["dev"]))
