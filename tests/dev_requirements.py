"""Prints the development requirements of pyproject.toml, one a line, as pip -r reads them.

Newer pip reads dependency groups itself; this serves any pip.
"""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
sys.stdout.write("\n".join(project["dependency-groups"]["dev"]))
