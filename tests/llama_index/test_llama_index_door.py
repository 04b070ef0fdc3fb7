"""The face has one door, and brings along what it needs and no more."""

from __future__ import annotations

import json
import subprocess
import sys

IMPORT = "import llama_index_glyph, json, sys; print(json.dumps(sorted(sys.modules)))"


def test_the_face_brings_along_no_other_framework_and_nothing_heavy():
    run = subprocess.run((sys.executable, "-c", IMPORT), capture_output=True, text=True, check=True)
    modules = set(json.loads(run.stdout))
    tops = {name.partition(".")[0] for name in modules}
    heavy = {"torch", "transformers", "vllm", "ray", "trl", "datasets", "training"}
    assert not tops & (heavy | {"langchain", "langchain_core", "langchain_openai"})
    assert not tops & {"onnxruntime", "uvicorn", "starlette", "typer"}
    assert not [name for name in modules if name.startswith("glyph_shared.serving")]
