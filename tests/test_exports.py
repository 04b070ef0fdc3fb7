"""Each package has one door: it re-exports, lists what it re-exports, and does nothing else."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import glyph_shared

DOORS = ("glyph_shared", *(
    f"glyph_shared.{module.name}"
    for module in pkgutil.iter_modules(glyph_shared.__path__)
    if module.ispkg
))  # fmt: skip


def _source(door: str) -> ast.Module:
    return ast.parse(Path(importlib.import_module(door).__file__).read_text(encoding="utf-8"))


def _imported(door: str) -> set[str]:
    imports = [node for node in _source(door).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("door", DOORS)
def test_all_lists_exactly_what_is_imported(door):
    assert set(importlib.import_module(door).__all__) == _imported(door)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_only_re_exports(door):
    docstring, *rest = _source(door).body
    assert isinstance(docstring.value, ast.Constant)
    assert all(isinstance(node, ast.ImportFrom | ast.Assign) for node in rest)


@pytest.mark.parametrize("door", DOORS)
def test_names_are_listed_once_and_in_order(door):
    names = importlib.import_module(door).__all__
    constants = [name for name in names if name.isupper()]
    assert len(set(names)) == len(names)
    assert constants + sorted(set(names) - set(constants), key=_case) == names


def _case(name: str) -> tuple[bool, str]:
    """Classes before functions, as ruff sorts them."""
    return (not name[0].isupper(), name)


def test_public_errors_are_at_the_front_door():
    errors = importlib.import_module("glyph_shared.errors")
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    named = {name for name in defined if issubclass(getattr(errors, name), Exception)}
    assert named <= set(glyph_shared.__all__)
