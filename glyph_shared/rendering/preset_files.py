"""Where the shipped configurations are, and those that a search of the user's own has found."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from glyph_shared.errors import ConfigError
from glyph_shared.rendering.config_values import excerpt

FIXED_PRESETS = ("en", "zh", "code", "reference", "reader")
"""They mean the same on every machine."""

FOUND_PRESETS = ("found-prose", "found-code", "found-cjk")
"""Found by ``training.search``; a user's own search may replace them, and add others."""

PROVENANCE = "provenance"
"""The key of a θ file that tells where its values come from; it decides nothing."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def user_folder() -> Path:
    """Returns where a user's own presets are; ``GLYPH_PRESETS`` names another folder."""
    named = os.environ.get("GLYPH_PRESETS")
    if named:
        return Path(named)
    config = os.environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "glyph-context" / "presets"


def preset_names() -> tuple[str, ...]:
    """Returns the names of all presets: shipped ones first."""
    own = sorted(path.stem for path in user_folder().glob("*.json") if _NAME.fullmatch(path.stem))
    shipped = (*FIXED_PRESETS, *FOUND_PRESETS)
    return (*shipped, *(name for name in own if name not in shipped))


def preset_fields(name: str) -> dict[str, Any]:
    """Returns the fields of a preset, the user's own before a found one that was shipped.

    Raises:
        ConfigError: There is no such preset, or its file is not readable.
    """
    if is_own_preset(name):
        return read_theta(_own_file(name))
    if name not in (*FIXED_PRESETS, *FOUND_PRESETS):
        raise ConfigError(f"preset must be one of {', '.join(preset_names())}; got {name!r}")
    file = resources.files("glyph_shared.rendering").joinpath("presets", f"{name}.json")
    fields = json.loads(file.read_text(encoding="utf-8"))
    fields.pop(PROVENANCE, None)
    return dict(fields)


def is_own_preset(name: str) -> bool:
    """Tells whether the user has a preset of this name, which no fixed one has."""
    possible = name not in FIXED_PRESETS and _NAME.fullmatch(str(name))
    return bool(possible) and _own_file(name).is_file()


def read_theta(path: Path) -> dict[str, Any]:
    """Returns the fields of a θ file, without its provenance.

    Raises:
        ConfigError: The file is not readable, not JSON, or holds no object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    # ValueError: no UTF-8, no JSON, a number of too many digits, or a path with a NUL.
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read θ from {excerpt(str(path))}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"a θ file holds one JSON object; got {type(data).__name__}")
    data.pop(PROVENANCE, None)
    return data


def check_own_name(name: str) -> None:
    """Refuses names that no preset of the user's own can have.

    Raises:
        ConfigError: It is that of a preset that stays as it is, or no name.
    """
    if name in FIXED_PRESETS or not _NAME.fullmatch(name):
        raise ConfigError(
            "a preset of your own has a name of lower-case letters, digits, - and _, and not that "
            f"of {', '.join(FIXED_PRESETS)}; got {name!r}"
        )


def install_preset(name: str, theta: str) -> Path:
    """Keeps a θ file's content as a preset of the user's own; returns the file.

    Raises:
        ConfigError: No preset of the user's own can have this name.
    """
    check_own_name(name)
    path = _own_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(theta, encoding="utf-8")
    draft.replace(path)
    return path


def _own_file(name: str) -> Path:
    return user_folder() / f"{name}.json"
