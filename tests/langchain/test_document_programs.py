"""The classes for documents open with programs that run."""

from __future__ import annotations

import inspect

import pytest
from samples import LINES

from langchain_glyph import (
    GlyphBlobParser,
    GlyphCompressor,
    GlyphCorpusRetriever,
    GlyphLoader,
    GlyphPageTransformer,
)


def program(face):
    """Returns what stands indented in the docstring of a class."""
    lines = inspect.cleandoc(face.__doc__).splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith(" " * 4))


@pytest.mark.parametrize(
    "face",
    [GlyphBlobParser, GlyphCompressor, GlyphCorpusRetriever, GlyphLoader, GlyphPageTransformer],
)
def test_a_class_opens_with_a_program_that_runs(face, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "lisbon.txt").write_text("The code is 4711.\n")
    made = {"book": LINES, "chapters": [LINES[:2000], LINES[2000:]]}
    code = program(face)
    assert face.__name__ in code
    exec(compile(code, face.__name__, "exec"), made)
    if face is GlyphBlobParser:
        assert capsys.readouterr().out == "Call me Ishmael.\n"
    if "pages" in made:
        assert made["pages"][0].metadata["visual_tokens"] > 0
