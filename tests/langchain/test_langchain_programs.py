"""What the face offers opens with a program that runs."""

from __future__ import annotations

import inspect
from itertools import dropwhile, takewhile

import pytest
from samples import LINES
from test_chat_ways import LONG, images, scripted

import langchain_glyph

SAID = {
    "ChatGlyph": "yes\nyes",
    "GlyphBlobParser": "Call me Ishmael.\n",
    "GlyphMiddleware": "yes\n",
    "page_blocks": "yes\n",
    "render_pages": "yes\n",
}
"""What the programs print; those of the others print nothing."""


def program(name):
    """Returns what stands indented first in a docstring."""
    lines = inspect.getdoc(getattr(langchain_glyph, name)).splitlines()
    block = dropwhile(lambda line: not line.startswith(" "), lines)
    return inspect.cleandoc("\n".join(takewhile(lambda one: one[:1] in ("", " "), block)))


@pytest.mark.parametrize("name", langchain_glyph.__all__)
def test_it_opens_with_a_program_that_runs(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "lisbon.txt").write_text("The code is 4711.\n")
    made = {"book": LONG, "chapters": [LINES[:2000], LINES[2000:]]}
    with scripted("yes") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
        code = program(name).replace("http://127.0.0.1:8000/v1", server.base_url)
        assert name in code
        exec(compile(code, name, "exec"), made)
    assert capsys.readouterr().out == SAID.get(name, "")
    assert bool(server.requests) == SAID.get(name, "").startswith("yes")
    assert all(len(images(request)) > 2 for request in server.requests)
    if "pages" in made:
        assert made["pages"][0].metadata["visual_tokens"] > 0
