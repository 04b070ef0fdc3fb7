"""Each package has one door: it re-exports, lists what it re-exports, and does nothing else."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import glyph_shared

FACES = {"llama_index_glyph": "llama_index", "langchain_glyph": "langchain_openai"}
"""Each face, and a module of its framework."""

DOORS = (
    "glyph_shared",
    *(
        f"glyph_shared.{module.name}"
        for module in pkgutil.iter_modules(glyph_shared.__path__)
        if module.ispkg
    ),
    *(face for face, framework in FACES.items() if find_spec(framework)),
)

IMPORT_WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[2:]:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
__import__(sys.argv[1])
"""


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
    if door in FACES:
        # What says what to install has to come before all that needs it.
        check, *rest = rest
        assert [alias.name for alias in check.names] == [f"{door}.extra"]
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


@pytest.mark.parametrize(
    ("face", "absent", "extra"),
    [
        ("llama_index_glyph", ["llama_index"], "llama-index"),
        ("langchain_glyph", ["langchain_core"], "langchain"),
        ("langchain_glyph", ["langchain_openai"], "langchain"),
        ("langchain_glyph", ["langchain"], "langchain"),
    ],
)
def test_a_face_without_its_framework_says_what_to_install(face, absent, extra):
    command = (sys.executable, "-c", IMPORT_WITHOUT, face, *absent)
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f'pip install "glyph-context[{extra}]"' in run.stderr.splitlines()[-1]


def test_public_errors_are_at_the_front_door():
    errors = importlib.import_module("glyph_shared.errors")
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    named = {name for name in defined if issubclass(getattr(errors, name), Exception)}
    assert named <= set(glyph_shared.__all__)
