"""The face has one door, and brings along what it needs and no more."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import llama_index_glyph

IMPORT = "import llama_index_glyph, json, sys; print(json.dumps(sorted(sys.modules)))"


def test_the_door_lists_exactly_what_it_re_exports():
    docstring, *rest = ast.parse(Path(llama_index_glyph.__file__).read_text(encoding="utf-8")).body
    assert isinstance(docstring.value, ast.Constant)
    assert all(isinstance(node, ast.ImportFrom | ast.Assign) for node in rest)
    imports = [node for node in rest if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert llama_index_glyph.__all__ == sorted(names)


def test_the_face_brings_along_no_other_framework_and_nothing_heavy():
    run = subprocess.run((sys.executable, "-c", IMPORT), capture_output=True, text=True, check=True)
    modules = set(json.loads(run.stdout))
    tops = {name.partition(".")[0] for name in modules}
    heavy = {"torch", "transformers", "vllm", "ray", "trl", "datasets", "training"}
    assert not tops & (heavy | {"langchain", "langchain_core", "langchain_openai"})
    assert not tops & {"onnxruntime", "uvicorn", "starlette", "typer"}
    assert not [name for name in modules if name.startswith("glyph_shared.serving")]
