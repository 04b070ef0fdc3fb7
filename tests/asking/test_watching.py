"""Those who watch requests see what is sent, without bytes, and what comes back."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from glyph_shared import ConfigError, GlyphClient, RenderConfig, render
from glyph_shared.asking.watching import watched_by_all
from glyph_shared.errors import ServerError
from tests.page_keeper import Keeper, vllm
from tests.scripted_server import ScriptedServer, answer, failure, streamed

SMALL = RenderConfig(page_size=(560, 280))
TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(300))
PAGES = render(TEXT, SMALL)
SCHEMA = {"type": "object", "properties": {"day": {"type": "integer"}}}


class Diary:
    """Keeps what is told, in order."""

    def __init__(self):
        self.told = []

    @asynccontextmanager
    async def watch(self, messages):
        self.told.append(("sent", json.dumps(messages)))
        try:
            yield self
        except ServerError:
            self.told.append(("failed", ""))
            raise
        self.told.append(("done", ""))

    def piece(self, text):
        self.told.append(("piece", text))

    def reply(self, reply):
        self.told.append(("reply", reply.text))

    @property
    def kinds(self):
        return [kind for kind, _ in self.told]


def test_a_watcher_sees_pages_by_their_names_and_the_reply():
    diary = Diary()
    with ScriptedServer(answer("Nobody.")) as server, GlyphClient(server.base_url) as client:
        client.ask("Who went out?", PAGES, watch=diary.watch)
    assert diary.kinds == ["sent", "reply", "done"]
    sent = diary.told[0][1]
    assert all(f"[page {page.digest}]" in sent for page in PAGES)
    assert "Who went out?" in sent
    assert "base64" not in sent


def test_pages_that_go_without_their_bytes_and_a_second_try_are_one_request():
    diary, keeper = Diary(), Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        client.ask("Who went out?", PAGES)
        keeper.kept.clear()
        client.ask("Did it rain?", PAGES, watch=diary.watch)
    assert server.calls == 3
    assert diary.kinds == ["sent", "reply", "done"]
    assert all(f"[page {page.digest}]" in diary.told[0][1] for page in PAGES)


def test_a_watcher_hears_a_stream_piece_by_piece():
    diary = Diary()
    with ScriptedServer(streamed("No", "body.")) as server, GlyphClient(server.base_url) as client:
        assert "".join(client.stream("Who?", PAGES, watch=diary.watch)) == "Nobody."
    assert diary.kinds == ["sent", "piece", "piece", "reply", "done"]


def test_a_watcher_hears_of_a_failure():
    diary = Diary()
    with (
        ScriptedServer(failure(401)) as server,
        GlyphClient(server.base_url) as client,
        pytest.raises(ServerError),
    ):
        client.ask("Who?", PAGES, watch=diary.watch)
    assert diary.kinds == ["sent", "failed"]


def test_several_watchers_are_told_the_same():
    diaries = [Diary(), Diary()]
    watch = watched_by_all([diary.watch for diary in diaries])
    with ScriptedServer(streamed("No", "body.")) as server, GlyphClient(server.base_url) as client:
        assert "".join(client.stream("Who?", PAGES, watch=watch)) == "Nobody."
    assert diaries[0].kinds == ["sent", "piece", "piece", "reply", "done"]
    assert diaries[1].told == diaries[0].told


# ---- answers that follow a schema ----


def test_an_answer_follows_a_schema_and_cites_nothing():
    with ScriptedServer(answer('{"day": 7}')) as server, GlyphClient(server.base_url) as client:
        client.ask("Which day?", PAGES, answer_schema=SCHEMA)
    [request] = server.requests
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["schema"] == SCHEMA
    assert request["messages"][-1]["content"][-1]["text"] == "Which day?"


def test_a_second_look_follows_the_schema_too():
    told = answer("nobody went out")
    with ScriptedServer(told) as server, GlyphClient(server.base_url) as client:
        client.ask("Who?", TEXT, config=SMALL, answer_schema=SCHEMA, refine="hidpi")
    assert ["response_format" in request for request in server.requests] == [True, True]


def test_a_schema_is_a_mapping():
    client = GlyphClient("http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match="JSON schema"):
        client.ask("Which day?", TEXT, answer_schema="a day")
