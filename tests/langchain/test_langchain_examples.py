"""The examples run, and say what they promise."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest
from test_chat_ways import images

from tests.scripted_server import ScriptedServer, answer, as_json

EXAMPLES = Path(__file__).parents[2] / "examples"

SAID = {
    "agent": "4711\n8812\n",
    "full_context": "4711\n6650\n",
    "map_reduce": "The access code of the Lisbon office is 4711.\n"
    "The access code of the Oslo office is 2093.\n"
    "The access code of the Porto office is 8812.\n"
    "2093\n",
}


def run(name):
    runpy.run_path(str(EXAMPLES / f"langchain_{name}.py"), run_name="__main__")


def test_every_example_is_run():
    names = {path.stem.removeprefix("langchain_") for path in EXAMPLES.glob("langchain_*.py")}
    # The comparison needs LlamaIndex too, and is run among its tests.
    assert names == {*SAID, "tracing", "compare"}


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs_with_the_embedded_reader(name, reader_url, monkeypatch, capsys):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    run(name)
    assert capsys.readouterr().out == SAID[name]


def test_an_agent_reads_its_handbook(monkeypatch, capsys):
    def model(request):
        asked = [one for one in request["messages"] if one["role"] == "user" and _city(one)]
        if any(one["role"] == "tool" for one in request["messages"][-2:]):
            return answer(f"It is on the pages, {_city(asked[-1])}.")
        city = json.dumps({"city": _city(asked[-1])})
        function = {"name": "handbook", "arguments": city}
        call = {"id": f"c{len(asked)}", "type": "function", "function": function}
        said = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": said, "finish_reason": "tool_calls"}
        return as_json({"id": "1", "model": "scripted", "choices": [choice]})

    with ScriptedServer(model) as server:
        monkeypatch.setenv("GLYPH_BASE_URL", server.base_url)
        run("agent")
    said = capsys.readouterr().out
    assert said == "It is on the pages, Lisbon.\nIt is on the pages, Porto.\n"
    assert [bool(images(request)) for request in server.requests] == [False, True, True, True]


def _city(message):
    found = re.search(r"code of the (\w+) office\?", json.dumps(message["content"]))
    return found and found[1]


def test_a_trace_of_a_hundred_pages_is_small(reader_url, monkeypatch, capsys):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    run("tracing")
    said, size, largest = capsys.readouterr().out.splitlines()
    assert said == "4711"
    assert int(size.split()[0]) >= 100
    assert float(largest.split()[2]) <= 50
