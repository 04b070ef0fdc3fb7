"""The examples run, and say what they promise."""

from __future__ import annotations

import asyncio
import json
import runpy
from pathlib import Path

import pytest

from tests.scripted_server import ScriptedServer, answer, streamed

EXAMPLES = Path(__file__).parents[2] / "examples"

SAID = {
    "query_engine": "4711\n  page 1, lisbon.txt: The access code of the Lisbon office is 4711.\n"
    "  2 pages, ",
    "hybrid": "2093\n  2 of 4 documents were read\n",
    "chat": "4711\n8812\n",
    "ingestion": "new pages in a second run: 0\n8812\n",
}


@pytest.fixture(autouse=True)
def _closed_loop():
    """Closes the event loop that LlamaIndex's blocking chats make and leave behind."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def run(name):
    runpy.run_path(str(EXAMPLES / f"llama_index_{name}.py"), run_name="__main__")


def test_every_example_is_run_here():
    names = {path.stem.removeprefix("llama_index_") for path in EXAMPLES.glob("llama_index_*.py")}
    assert names == {*SAID, "agent", "compare"}


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs_with_the_embedded_reader(name, reader_url, monkeypatch, capsys):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    run(name)
    assert SAID[name] in capsys.readouterr().out


def test_the_comparison_shows_what_a_lost_document_costs(reader_url, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    monkeypatch.chdir(tmp_path)
    run("compare")
    assert capsys.readouterr().out.splitlines() == [
        "glyph: 100% right",
        "mine: 67% right",
        "comparison/report.html",
    ]
    assert (tmp_path / "comparison" / "report.html").stat().st_size > 10_000


def test_a_chain_of_langchain_is_compared_like_any_other_arm(
    reader_url, monkeypatch, capsys, tmp_path
):
    pytest.importorskip("langchain_openai")
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "langchain_compare.py"), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == [
        "glyph: 100% right, {'right': 3}",
        "mine: 67% right, {'right': 2, 'gold not retrieved': 1}",
        "comparison/report.html",
    ]


def test_the_agent_says_that_the_embedded_reader_calls_no_tools(reader_url, monkeypatch):
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    with pytest.raises(SystemExit, match=r"calls no tools.* glyph serve --tools"):
        run("agent")


def test_the_agent_asks_its_documents(monkeypatch, capsys):
    def model(request):
        said = request["messages"]
        if not request.get("tools"):
            return answer("4711")
        if said[-1]["role"] == "tool":
            return streamed("It is 4711." if "4711" in str(said[-1]) else "?")
        function = {"name": "office_handbook", "arguments": json.dumps({"input": "Which code?"})}
        call = {"index": 0, "id": "1", "type": "function", "function": function}
        delta = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
        return streamed({**chunk, "choices": [choice]}, finish_reason="tool_calls")

    with ScriptedServer(model) as server:
        monkeypatch.setenv("GLYPH_BASE_URL", server.base_url)
        run("agent")
    assert capsys.readouterr().out == "It is 4711.\n"
    assert "image_url" in json.dumps(server.requests)
