"""Imports run one way: a room imports only the rooms below it, and no room a framework."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import glyph_shared

ROOT = Path(glyph_shared.__file__).parent

# Each room with every room it may bring along. The front door and the command may import all.
BELOW = {
    "errors": set(),
    "names": {"errors"},
    "extras": set(),
    "metrics": set(),
    "waiting": set(),
    "runner": {"waiting", "errors"},
    "documents": {"errors"},
    "rendering": {"names", "errors"},
    "planning": {"rendering", "documents", "names", "errors"},
    "reader": {"rendering", "names", "errors"},
    "asking": {"planning", "rendering", "documents", "waiting", "names", "errors"},
    "serving": {"reader", "rendering", "names", "errors"},
    "page_folder": {"planning", "rendering", "documents", "names", "errors"},
}
BELOW["planted_facts"] = {"documents", "errors"}
BELOW["doctor"] = {"asking", "reader"} | BELOW["asking"] | BELOW["reader"]
BELOW["demo"] = {"asking", "serving", "planted_facts"} | BELOW["asking"] | BELOW["serving"]
BELOW["cli"] = {"demo", "doctor", "page_folder"} | BELOW["demo"] | BELOW["doctor"]

HEAVY = {"torch", "transformers", "vllm", "ray", "trl", "datasets", "matplotlib", "training"} | {
    "llama_index", "langchain", "langchain_core", "langchain_openai",
}  # fmt: skip

# Serving and the reader are for the command: a client and a face need neither.
COMMANDS = {"onnxruntime", "uvicorn", "starlette", "typer"}

# The front door imports every room, so it is replaced by an empty package here.
IMPORT_ALONE = """
import importlib, json, sys, types
front_door = types.ModuleType("glyph_shared")
front_door.__path__ = [sys.argv[1]]
sys.modules["glyph_shared"] = front_door
importlib.import_module(sys.argv[2])
print(json.dumps(sorted(sys.modules)))
"""
IMPORT_WHOLE = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


def _modules(*arguments: str) -> set[str]:
    command = (sys.executable, "-c", *arguments)
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def _tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_every_room_is_listed_here():
    rooms = {path.stem for path in ROOT.glob("*.py")} | {
        path.parent.name for path in ROOT.glob("*/__init__.py")
    }
    assert rooms - {"__init__"} == set(BELOW)


@pytest.mark.parametrize("room", sorted(BELOW))
def test_a_room_brings_along_only_rooms_below_it_and_nothing_heavy(room):
    modules = _modules(IMPORT_ALONE, str(ROOT), f"glyph_shared.{room}")
    rooms = {name.split(".")[1] for name in modules if name.startswith("glyph_shared.")}
    assert rooms - {room} <= BELOW[room]
    assert not _tops(modules) & HEAVY


def test_the_front_door_brings_along_nothing_heavy():
    modules = _modules(IMPORT_WHOLE, "glyph_shared")
    assert not _tops(modules) & (HEAVY | COMMANDS)


@pytest.mark.parametrize(
    ("face", "frameworks"),
    [
        ("llama_index_glyph", {"llama_index"}),
        ("langchain_glyph", {"langchain", "langchain_core", "langchain_openai"}),
    ],
)
def test_a_face_brings_along_no_other_framework_and_nothing_heavy(face, frameworks):
    missing = {name for name in frameworks if find_spec(name) is None}
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    modules = _modules(IMPORT_WHOLE, face)
    assert frameworks <= _tops(modules)
    assert not _tops(modules) & ((HEAVY | COMMANDS) - frameworks)
    rooms = {name.split(".")[1] for name in modules if name.startswith("glyph_shared.")}
    assert not rooms & {"serving", "reader", "demo", "doctor", "cli"}


def _imported(path: Path) -> set[str]:
    """Returns the packages that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


LLAMA_INDEX = {
    *("llama_index", "llama_index_instrumentation"),
    *("PIL", "jinja2", "markupsafe", "typer"),  # the comparison's command and report
}


@pytest.mark.parametrize(
    ("face", "others"),
    [
        ("llama_index_glyph", LLAMA_INDEX),
        ("langchain_glyph", {"langchain", "langchain_core", "langchain_openai"}),
    ],
)
def test_a_face_imports_its_framework_and_the_ground_alone(face, others):
    files = list((ROOT.parent / face).rglob("*.py"))
    assert files
    own = {face, "glyph_shared", "openai", "pydantic", "typing_extensions"} | others
    strangers = {path.name: _imported(path) - own - sys.stdlib_module_names for path in files}
    assert not {name: found for name, found in strangers.items() if found}


def test_the_ground_names_no_framework():
    strangers = {path: _imported(path) & (HEAVY - {"matplotlib"}) for path in ROOT.rglob("*.py")}
    assert not {path: found for path, found in strangers.items() if found}
