"""The examples about documents run, and say what they promise."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

SAID = {
    "full_context": "4711\n6650\n",
    "map_reduce": "The access code of the Lisbon office is 4711.\n"
    "The access code of the Oslo office is 2093.\n"
    "The access code of the Porto office is 8812.\n"
    "2093\n",
}


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs_with_the_embedded_reader(name, reader_url, monkeypatch, capsys):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    runpy.run_path(str(EXAMPLES / f"langchain_{name}.py"), run_name="__main__")
    assert capsys.readouterr().out == SAID[name]
