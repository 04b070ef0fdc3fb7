"""Run by ``run.sh`` with the Python of an environment that the wheel was just installed into."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, metadata, resources
from pathlib import Path

FACES = {"llama-index": "llama_index_glyph", "langchain": "langchain_glyph"}
DATA = (
    "py.typed",
    "rendering/presets/en.json",
    "rendering/presets/reader.json",
    "serving/chat_template.jinja",
    "reader/weights/config.json",
    "reader/weights/tokenizer.json",
    "reader/weights/model.safetensors",
    "reader/weights/vision.onnx",
    "reader/weights/language.onnx",
)


def main(extras: str) -> None:
    import_module("glyph_shared")
    assert metadata.version("glyph-context") in _glyph("--version")
    package = resources.files("glyph_shared")
    assert not [name for name in DATA if not package.joinpath(name).is_file()]
    for face in FACES.values():
        assert resources.files("glyph_shared").parent.joinpath(face, "py.typed").is_file()
    assert not [file for file in metadata.files("glyph-context") if file.parts[0] == "tests"]
    Path("note.txt").write_text("Call me Ishmael. " * 400, encoding="utf-8")
    [row] = json.loads(_glyph("count", "note.txt", "--preset", "en", "--json"))
    assert row["pages"] >= 1
    assert row["visual_tokens"] > 0
    answer = json.loads(_glyph("ask", "--embedded", "note.txt", "Who is it?", "--json"))
    assert answer["model"] == "glyph-reader"
    for extra, module in FACES.items():
        if extra in extras:
            import_module(module)


def _glyph(*arguments: str) -> str:
    return subprocess.run(
        ("glyph", *arguments), stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout


if __name__ == "__main__":
    main(sys.argv[1])
