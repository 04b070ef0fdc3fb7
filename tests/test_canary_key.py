"""A key is given to everything that takes one, and looked for in everything that comes out."""

from __future__ import annotations

import copy
import logging
import pickle
import pprint
import traceback
import warnings

import pytest
from typer.testing import CliRunner

from glyph_shared import GlyphClient, GlyphError
from glyph_shared.cli import app
from glyph_shared.planning import ServerAddress, ServerTokenCounter
from glyph_shared.serving.vllm_command import shown_command, vllm_config
from tests.scripted_server import ScriptedServer, as_json, failure, streamed

KEY = "sk-canary-77aa01"
TEXT = "On day one it rained, and nobody went out.\n" * 400
ECHO = failure(500, f"Authorization: Bearer {KEY}")


def forms(value):
    """Every form in which a value may reach a log, a trace, a file or another process."""
    yield repr(value)
    yield str(value)
    yield pprint.pformat(vars(value))
    yield repr(pickle.dumps(value))
    yield repr(copy.deepcopy(value))


@pytest.fixture
def settings():
    address = ServerAddress.of("http://host/v1", KEY)
    return {
        "address": address,
        "basic": ServerAddress.of(f"http://me:{KEY}@host/v1"),
        "client": GlyphClient("http://host/v1", api_key=KEY),
        "serve": vllm_config(api_key=KEY),
    }


@pytest.mark.fault(35)
@pytest.mark.parametrize("kind", ["address", "basic", "client", "serve"])
def test_no_form_of_a_setting_shows_the_key(settings, kind):
    assert not [form for form in forms(settings[kind]) if KEY in form]


@pytest.mark.fault(35)
def test_a_dumped_setting_does_not_hold_the_key(settings):
    serve = settings["serve"]
    assert KEY not in serve.model_dump_json() + repr(serve.model_dump()) + shown_command(serve)
    assert pickle.loads(pickle.dumps(serve)).api_key is None
    assert pickle.loads(pickle.dumps(settings["address"])).authorization is None
    assert settings["address"].authorization == f"Bearer {KEY}"


@pytest.mark.fault(35)
def test_a_counter_shows_the_key_to_its_server_alone():
    echo = as_json({"count": f"Bearer {KEY}"})
    with ScriptedServer(tokens=echo) as server:
        counter = ServerTokenCounter(server.base_url, api_key=KEY)
        with pytest.raises(GlyphError, match="without a count") as caught:
            counter.count("text")
    assert server.headers[-1]["authorization"] == f"Bearer {KEY}"
    shown = [str(caught.value), *traceback.format_exception(caught.value)]
    shown += [repr(counter), pprint.pformat(vars(counter)), pprint.pformat(vars(counter._server))]
    assert not [text for text in shown if KEY in text]


COMMANDS = [
    ("ask", "book.txt", "Did it rain?"),
    ("ask", "book.txt", "Did it rain?", "--json"),
    ("count", "book.txt"),
    ("count", "book.txt", "--json"),
    ("doctor",),
    ("render", "book.txt", "-o", "pages"),
    ("cache",),
    ("serve", "--show"),
]


@pytest.mark.fault(35, 75)
@pytest.mark.parametrize("script", [streamed("Yes."), ECHO], ids=["answers", "echoes the key"])
def test_the_key_is_in_nothing_that_a_session_leaves_behind(script, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLYPH_API_KEY", KEY)
    monkeypatch.setenv("GLYPH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "book.txt").write_text(TEXT, encoding="utf-8")
    told = []
    with ScriptedServer(script, tokens=as_json({"count": 9000, "note": KEY})) as server:
        monkeypatch.setenv("GLYPH_BASE_URL", server.base_url)
        for command in COMMANDS:
            told.append(CliRunner().invoke(app, command).output)
        with warnings.catch_warnings(record=True) as warned, GlyphClient(backoff=0.01) as client:
            warnings.simplefilter("always")
            made = client.plan(TEXT, "Did it rain?")
            told += [repr(made), repr(made.pages[0]), str(made.summary()), repr(pickle.dumps(made))]
            try:
                told += list(forms(client.ask("Did it rain?", made)))
            except GlyphError as error:
                told += [str(error), *traceback.format_exception(error)]
            told += [str(warning.message) for warning in warned]
    assert {head.get("authorization") for head in server.headers} == {f"Bearer {KEY}"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {".pages", ".png", ".jsonl"} <= {path.suffix for path in files}
    assert not [path.name for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in caplog.text
    assert not [text[:200] for text in told if KEY in text]
