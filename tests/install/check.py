"""Run by ``run.sh`` with the Python of an environment that the wheel was just installed into."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path

from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded

PACKAGES = {"glyph_shared", "llama_index_glyph", "langchain_glyph"}
DATA = (
    *(f"{package}/py.typed" for package in PACKAGES),
    "glyph_shared/rendering/presets/en.json",
    "glyph_shared/rendering/presets/reader.json",
    "glyph_shared/serving/chat_template.jinja",
    "glyph_shared/reader/weights/config.json",
    "glyph_shared/reader/weights/reader.json",
    "glyph_shared/reader/weights/tokenizer.json",
    "glyph_shared/reader/weights/model.safetensors",
    "glyph_shared/reader/weights/vision.onnx",
    "glyph_shared/reader/weights/language.onnx",
    *(
        f"llama_index_glyph/compare/report_assets/report.{kind}"
        for kind in ("html.j2", "css", "js")
    ),
)
FACT = "The access code of the Lisbon office is 4711."
QUESTION = "What is the access code of the Lisbon office?"


def main(extras: str) -> None:
    check_files()
    check_command()
    with running_embedded(Reader.load()) as url:
        for extra, (framework, answer) in FACES.items():
            if extra in extras:
                assert answer(url) == "4711", extra
            else:
                assert find_spec(framework) is None, framework


def check_files() -> None:
    folder = resources.files("glyph_shared").parent
    assert not [name for name in DATA if not folder.joinpath(name).is_file()]
    tops = {file.parts[0] for file in metadata.files("glyph-context") if file.suffix == ".py"}
    assert tops == PACKAGES


def check_command() -> None:
    assert metadata.version("glyph-context") in _glyph("--version")
    Path("note.txt").write_text("Call me Ishmael. " * 400, encoding="utf-8")
    [row] = json.loads(_glyph("count", "note.txt", "--preset", "en", "--json"))
    assert row["pages"] >= 1
    assert row["visual_tokens"] > 0
    Path("note.txt").write_text(FACT, encoding="utf-8")
    answer = json.loads(_glyph("ask", "--embedded", "note.txt", QUESTION, "--json"))
    assert answer["text"] == "4711"


def _glyph(*arguments: str) -> str:
    return subprocess.run(
        ("glyph", *arguments), stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout


def _llama_index_answers(url: str) -> str:
    from llama_index.core import Document

    from llama_index_glyph import GlyphLLM, GlyphQueryEngine

    engine = GlyphQueryEngine.from_documents([Document(text=FACT)], llm=GlyphLLM(url))
    return str(engine.query(QUESTION))


def _langchain_answers(url: str) -> str:
    from langchain_glyph import ChatGlyph

    return ChatGlyph(base_url=url).invoke(f"{FACT}\n{QUESTION}").text


FACES = {
    "llama-index": ("llama_index", _llama_index_answers),
    "langchain": ("langchain_core", _langchain_answers),
}


if __name__ == "__main__":
    main(sys.argv[1])
