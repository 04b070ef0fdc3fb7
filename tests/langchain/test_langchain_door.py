"""The face has one door."""

from __future__ import annotations

import ast
from pathlib import Path

import langchain_glyph


def test_the_door_lists_exactly_what_it_re_exports():
    docstring, *rest = ast.parse(Path(langchain_glyph.__file__).read_text(encoding="utf-8")).body
    assert isinstance(docstring.value, ast.Constant)
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.Assign) for node in rest)
    imports = [node for node in rest if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names]
    assert langchain_glyph.__all__ == sorted(names)
    assert {"GlyphMiddleware", "page_blocks", "render_pages"} < set(names)
