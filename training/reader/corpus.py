"""Filler text that every machine has: the standard library's docstrings and source.

`pydoc_data.topics` is left out on purpose: the demo and the evaluation read it, so the reader must
not have seen it. One file in ten is held out, chosen by a hash of its name.
"""

from __future__ import annotations

import ast
import json
import re
import sysconfig
import textwrap
import zlib
from dataclasses import dataclass
from pathlib import Path

SKIPPED_FOLDERS = {
    "test",
    "tests",
    "idle_test",
    "pydoc_data",
    "site-packages",
    "lib2to3",
    "__pycache__",
}
HELD_OUT_SHARE = 10


@dataclass(frozen=True)
class Corpus:
    """Filler of one split: reflowed paragraphs, docstrings as written, source code, words."""

    prose: list[str]
    docstrings: list[str]
    code: list[str]
    words: list[str]


def load_corpus(cache: Path, *, held_out: bool) -> Corpus:
    """Returns the filler of one split, built once and kept in the folder `cache`."""
    path = cache / "corpus.json"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_build()), encoding="utf-8")
    splits = json.loads(path.read_text(encoding="utf-8"))
    return Corpus(**splits["held_out" if held_out else "train"])


def _build() -> dict[str, dict[str, list[str]]]:
    splits: dict[str, dict[str, list[str]]] = {
        name: {"prose": [], "docstrings": [], "code": [], "words": []}
        for name in ("train", "held_out")
    }
    words: set[str] = set()
    for file in _source_files():
        source = file.read_text(encoding="utf-8", errors="replace").expandtabs(4)
        split = splits["held_out" if _is_held_out(file.name) else "train"]
        split["code"].append(source)
        for docstring in _docstrings(source):
            split["docstrings"].append(docstring)
            split["prose"].extend(_paragraphs(docstring))
        words.update(word.lower() for word in re.findall(r"\b[A-Za-z]{3,10}\b", source))
    for word in sorted(words):
        splits["held_out" if _is_held_out(word) else "train"]["words"].append(word)
    return splits


def _source_files() -> list[Path]:
    library = Path(sysconfig.get_paths()["stdlib"])
    files = (path for path in library.rglob("*.py") if path.stat().st_size > 500)
    return sorted(p for p in files if not SKIPPED_FOLDERS & set(p.relative_to(library).parts))


def _is_held_out(name: str) -> bool:
    return zlib.crc32(name.encode("utf-8")) % HELD_OUT_SHARE == 0


def _docstrings(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
    return [textwrap.dedent(text) for text in found if text and len(text) > 60]


def _paragraphs(docstring: str) -> list[str]:
    """Joins each paragraph's lines into one long line, as a book has them."""
    blocks = re.split(r"\n\s*\n", docstring)
    joined = (re.sub(r"\s+", " ", block).strip() for block in blocks)
    return [text for text in joined if len(text) > 40 and ">>>" not in text]
