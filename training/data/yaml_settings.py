"""Dataclasses from YAML and from changes on the command line, where every mistake is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from glyph_shared.errors import ConfigError

Made = TypeVar("Made")


def read_yaml(path: Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Reads a YAML file of settings and changes it by ``--path value`` pairs.

    Raises:
        ConfigError: The file cannot be read, holds no settings, or a change has no place in it.
    """
    yaml = _yaml()
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read settings from {str(path)!r}: {error}") from None
    if not isinstance(told, dict):
        raise ConfigError(f"{str(path)!r} holds no settings but {type(told).__name__}")
    for name, value in _pairs(changes):
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--{name} has no value of YAML; got {value!r}") from None
        _change(told, name.split("."), parsed, name)
    return told


def made_of(kind: type[Made], values: Any, where: str) -> Made:
    """Makes a dataclass of a mapping; refuses keys that it has not, and values of other types."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is a mapping of settings; got {values!r}")
    fields = {one.name: one for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        path = f"{where}.{name}".lstrip(".")
        if name not in fields:
            raise ConfigError(f"unknown setting {path!r}; allowed are {', '.join(fields)}")
        _check_type(path, str(fields[name].type), value)
    lacking = [name for name, one in fields.items() if name not in values and _needed(one)]
    if lacking:
        raise ConfigError(f"setting {f'{where}.{lacking[0]}'.lstrip('.')!r} is missing")
    return kind(**values)


def _needed(one: Any) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _check_type(path: str, annotation: str, value: object) -> None:
    """Checks a value by a field's annotation, which is a text as annotations are not evaluated."""
    wanted = annotation.partition("[")[0]
    if isinstance(value, bool) or not isinstance(value, _TYPES.get(wanted, object)):
        raise ConfigError(f"{path} is of type {wanted.lower()}; got {value!r}")


_TYPES: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "Mapping": Mapping}
"""What the fields of settings are in YAML."""


def _pairs(changes: Sequence[str]) -> list[tuple[str, str]]:
    names, values = changes[::2], changes[1::2]
    for name in names:
        if not name.startswith("--"):
            raise ConfigError(f"settings are changed as --name value; got {name!r}")
    if len(values) < len(names):
        raise ConfigError(f"{names[-1]} has no value")
    return [(name[2:], value) for name, value in zip(names, values, strict=True)]


def _change(told: Any, path: Sequence[str], value: object, name: str) -> None:
    """Sets one value inside of nested mappings and lists."""
    for number, key in enumerate(path):
        place: Any = key
        if isinstance(told, list):
            if not (key.isdecimal() and int(key) < len(told)):
                raise ConfigError(f"--{name}: there is no {'.'.join(path[: number + 1])}")
            place = int(key)
        elif not isinstance(told, dict):
            raise ConfigError(f"--{name}: {'.'.join(path[:number])} holds no settings")
        if number + 1 == len(path):
            told[place] = value
        else:
            told = told[place] if isinstance(told, list) else told.setdefault(place, {})


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise ConfigError(
            "settings are YAML, which needs pyyaml: pip install 'glyph-context[train]'"
        ) from None
    return yaml
