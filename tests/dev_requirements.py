"""Prints dependency groups of pyproject.toml, ``dev`` or those named, as pip -r reads them.

Newer pip reads dependency groups itself; this serves any pip.
"""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
names = sys.argv[1:] or ["dev"]
groups = project["dependency-groups"]
sys.stdout.write("\n".join(line for name in names for line in groups[name]))
