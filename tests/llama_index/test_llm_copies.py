"""An LLM is written down, pickled and copied; its secrets stay where they are."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
import pprint
import traceback

import pytest
from llama_index.core import Settings
from recording import old_recorder, recorded
from ways import WAYS, ask

from glyph_shared import GlyphError, RenderConfig
from llama_index_glyph import GlyphLLM
from tests.scripted_server import ScriptedServer, answer, failure, streamed

KEY = "sk-canary-42bb07"
TEXT = "On day one it rained, and nobody went out.\n" * 400
ECHO = failure(500, f"Authorization: Bearer {KEY}")


def forms(llm):
    """Every form in which an LLM may reach a log, a trace, a file or another process."""
    yield repr(llm)
    yield str(llm)
    yield pprint.pformat(vars(llm))
    yield pprint.pformat(llm.__pydantic_private__)
    yield repr(llm.to_dict())
    yield llm.to_json()
    yield llm.model_dump_json()
    yield repr(llm.to_payload())
    yield repr(llm.ask_options())
    yield repr(pickle.dumps(llm))
    yield repr(copy.deepcopy(llm))


@pytest.mark.parametrize("given", ["key", "address"])
def test_no_form_of_an_llm_shows_the_key(given):
    url = f"http://me:{KEY}@host/v1" if given == "address" else "http://127.0.0.1:9/v1"
    llm = GlyphLLM(url, api_key=KEY if given == "key" else None, context_window=9000)
    llm._connections.told_entry = lambda: None
    assert not [form for form in forms(llm) if KEY in form]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("echoes", [False, True], ids=["answers", "echoes the key"])
def test_the_key_is_in_nothing_that_a_question_leaves_behind(way, echoes, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("GLYPH_API_KEY", KEY)
    old, manager = old_recorder()

    def reply(request):
        if echoes:
            return ECHO
        return streamed("Yes.") if request.get("stream") else answer("Yes.")

    told = []
    with ScriptedServer(reply) as server, recorded() as recorder:
        llm = GlyphLLM(server.base_url, max_retries=1, callback_manager=manager)
        try:
            told += map(repr, ask(llm, way, f"{TEXT}Did it rain?"))
        except GlyphError as error:
            told += [str(error), repr(error), *traceback.format_exception(error)]
    assert bool(echoes) == bool([text for text in told if "***" in text])
    told += [text for _, text in recorder.events] + old.started + old.ended + [caplog.text]
    assert {head["authorization"] for head in server.headers} == {f"Bearer {KEY}"}
    assert not [text[:200] for text in told if KEY in text]


SETTINGS = {
    "model": "mine",
    "temperature": 0.5,
    "max_tokens": 77,
    "long_text_tokens": 99,
    "additional_kwargs": {"top_p": 0.5},
    "config": RenderConfig.preset("code"),
    "system_prompt": "Be brief.",
}


def restored(llm):
    yield GlyphLLM.from_dict(llm.to_dict())
    yield GlyphLLM.from_json(llm.to_json())
    yield pickle.loads(pickle.dumps(llm))
    yield copy.copy(llm)
    yield copy.deepcopy(llm)
    yield llm.model_copy()


def test_what_is_written_down_can_be_read_back():
    llm = GlyphLLM("http://127.0.0.1:9/v1", **SETTINGS)
    assert json.loads(llm.to_json())["class_name"] == "GlyphLLM"
    for again in restored(llm):
        assert again.to_dict() == llm.to_dict()
        assert again.ask_options() == llm.ask_options()


def test_a_copy_that_was_used_before_asks_again(monkeypatch):
    monkeypatch.setenv("GLYPH_API_KEY", KEY)
    with ScriptedServer(answer("yes")) as server:
        llm = GlyphLLM(server.base_url, api_key=KEY)
        llm.complete("Is it?")
        asyncio.run(llm.acomplete("Is it?"))
        for again in restored(llm):
            assert again.complete("Is it?").text == "yes"
            assert asyncio.run(again.acomplete("Is it?")).text == "yes"
            assert again.pages_client().ask("Is it?", "Yes.").text == "yes"
        assert {head["authorization"] for head in server.headers} == {f"Bearer {KEY}"}


def test_a_copy_within_the_process_keeps_the_key():
    with ScriptedServer(answer("yes")) as server:
        llm = GlyphLLM(server.base_url, api_key=KEY)
        for again in (copy.copy(llm), copy.deepcopy(llm), llm.model_copy()):
            again.complete("Is it?")
        assert {head["authorization"] for head in server.headers} == {f"Bearer {KEY}"}


def test_it_may_be_the_llm_of_the_settings():
    with ScriptedServer(answer("yes")) as server:
        before = Settings._llm
        Settings.llm = GlyphLLM(server.base_url)
        try:
            assert Settings.llm.complete("Is it?").text == "yes"
        finally:
            Settings._llm = before
