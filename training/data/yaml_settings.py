"""Dataclasses from YAML and from changes on the command line, where every mistake is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from glyph_shared.errors import ConfigError

Made = TypeVar("Made")


class Change(NamedTuple):
    """A setting's new value, as the command line has it.

    Attributes:
        name: The name as it was written; dots lead inside of mappings and lists.
        value: YAML.
    """

    name: str
    value: str


def flags(words: Sequence[str]) -> list[Change]:
    """Returns the changes of ``--name value`` pairs.

    Raises:
        ConfigError: The words are no such pairs.
    """
    names, values = words[::2], words[1::2]
    for name in names:
        if not name.startswith("--"):
            raise ConfigError(f"settings are changed as --name value; got {name!r}")
    if len(values) < len(names):
        raise ConfigError(f"{names[-1]} has no value")
    return [Change(*pair) for pair in zip(names, values, strict=True)]


def assignments(words: Sequence[str]) -> list[Change]:
    """Returns the changes of words of the form ``name=value``.

    Raises:
        ConfigError: A word is not of this form.
    """
    pairs = [word.partition("=") for word in words]
    for name, sign, _ in pairs:
        if not sign:
            raise ConfigError(f"a setting is changed by key=value; got {name!r}")
    return [Change(name.strip(), value) for name, _, value in pairs]


def read_yaml(path: Path | None, changes: Sequence[Change] = ()) -> dict[str, Any]:
    """Reads a YAML file of settings, none for a path of None, and changes it.

    Raises:
        ConfigError: The file cannot be read, holds no settings, or a change has no place in it.
    """
    yaml = _yaml()
    try:
        told = {} if path is None else yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read settings from {str(path)!r}: {error}") from None
    if not isinstance(told, dict):
        raise ConfigError(f"{str(path)!r} holds no settings but {type(told).__name__}")
    for change in changes:
        try:
            parsed = yaml.safe_load(change.value)
        except yaml.YAMLError:
            raise ConfigError(f"{change.name} has no value of YAML; got {change.value!r}") from None
        _change(told, change.name.removeprefix("--").split("."), parsed, change.name)
    return told


def made_of(kind: type[Made], values: Any, where: str) -> Made:
    """Makes a dataclass of a mapping; refuses keys that it has not, and values of other types.

    A list becomes a tuple where the field is one.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is a mapping of settings; got {values!r}")
    fields = {one.name: one for one in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            path = f"{where}.{name}".lstrip(".")
            raise ConfigError(f"unknown setting {path!r}; allowed are {', '.join(fields)}")
    lacking = [name for name, one in fields.items() if name not in values and _needed(one)]
    if lacking:
        path = f"{where}.{lacking[0]}".lstrip(".")
        raise ConfigError(f"setting {path!r} is missing; it has no default")
    return kind(**{
        name: _checked(f"{where}.{name}".lstrip("."), str(fields[name].type), value)
        for name, value in values.items()
    })  # fmt: skip


def _needed(one: Any) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _checked(path: str, annotation: str, value: Any) -> Any:
    """Checks a value by a field's annotation, which is a text as annotations are not evaluated."""
    wanted = [one.partition("[")[0] for one in annotation.split(" | ")]
    if not any(_is(value, name) for name in wanted):
        types = " or ".join(_WORDS.get(name, name.lower()) for name in wanted)
        raise ConfigError(f"{path} is of type {types}; got {value!r}")
    return tuple(value) if wanted == ["tuple"] else value


def _is(value: object, name: str) -> bool:
    # True and False are whole numbers to Python.
    return not isinstance(value, bool) and isinstance(value, _TYPES.get(name, object))


_TYPES: dict[str, Any] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "Mapping": Mapping,
    "tuple": (list, tuple),
    "None": type(None),
}
"""What the fields of settings are in YAML."""

_WORDS = {"tuple": "list", "None": "null"}
"""What YAML calls those that have another name there."""


def _change(told: Any, path: Sequence[str], value: object, name: str) -> None:
    """Sets one value inside of nested mappings and lists."""
    for number, key in enumerate(path):
        place: Any = key
        if isinstance(told, list):
            if not (key.isdecimal() and int(key) < len(told)):
                raise ConfigError(f"{name}: there is no {'.'.join(path[: number + 1])}")
            place = int(key)
        elif not isinstance(told, dict):
            raise ConfigError(f"{name}: {'.'.join(path[:number])} holds no settings")
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
