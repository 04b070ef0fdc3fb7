"""Pages that a server holds go by their name alone, and none that it may lack is left out."""

from __future__ import annotations

import asyncio
import json

import pytest

from glyph_shared.asking import AsyncGlyphClient, GlyphClient
from glyph_shared.asking.held_pages import CacheMiss, HeldPages, PageNames, page_names
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ContextLength, EmptyResponse, ServerError
from glyph_shared.rendering import RenderConfig, render
from tests.page_keeper import NEW, Keeper, images, models, sent, vllm
from tests.scripted_server import ScriptedServer, answer, as_json, failure, streamed

SMALL = RenderConfig(page_size=(560, 280))
TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(300))
PAGES = render(TEXT, SMALL)


def test_a_second_question_sends_no_page_again():
    with vllm(Keeper()) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        client.ask("Who went out?", PAGES)
    first, second = server.requests
    assert all(sent(first))
    assert not any(sent(second))
    assert [part["uuid"] for part in images(second)] == [page.digest for page in PAGES]
    assert server.version_calls == 1


def test_all_before_the_question_is_the_same_json_but_for_the_bytes():
    with vllm(Keeper()) as server, GlyphClient(server.base_url) as client:
        for question in ("Did it rain?", "Who went out?"):
            client.ask(question, PAGES, system="Be brief.", cite=False)
    for request, question in zip(server.requests, ("Did it rain?", "Who went out?"), strict=True):
        *_, last = request["messages"][-1]["content"]
        assert last == {"type": "text", "text": question}
        last["text"] = ""
        for part in images(request):
            part["image_url"] = None
    first, second = map(json.dumps, server.requests)
    assert first == second


def test_only_the_pages_of_a_document_that_joins_are_sent():
    more = render("A new letter.", SMALL)
    with vllm(Keeper()) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        client.ask("Who wrote?", [*PAGES, *more])
    assert sent(server.requests[1]) == [False] * len(PAGES) + [True]


def test_a_stream_sends_no_page_again():
    keeper = Keeper(lambda request: streamed("y", "es"))
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        for question in ("Did it rain?", "Who went out?"):
            with client.stream(question, PAGES) as stream:
                assert "".join(stream) == "yes"
    assert not any(sent(server.requests[1]))


def test_an_asynchronous_client_sends_no_page_again():
    async def ask_twice(base_url):
        async with AsyncGlyphClient(base_url) as client:
            await client.ask("Did it rain?", PAGES)
            await client.ask("Who went out?", PAGES)

    with vllm(Keeper()) as server:
        asyncio.run(ask_twice(server.base_url))
    assert not any(sent(server.requests[1]))


def test_each_client_sends_its_pages_once():
    with vllm(Keeper()) as server:
        for _ in range(2):
            with GlyphClient(server.base_url) as client:
                client.ask("Did it rain?", PAGES)
    assert all(sent(server.requests[0]))
    assert all(sent(server.requests[1]))


def test_after_a_miss_the_request_goes_once_more_with_all_pages():
    keeper = Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        keeper.kept.clear()  # the server was started anew
        assert client.ask("Who went out?", PAGES).text == "yes"
        client.ask("And then?", PAGES)
    assert [any(sent(request)) for request in server.requests] == [True, False, True, False]


def test_one_page_that_was_dropped_is_missed_and_sent_again():
    keeper = Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        keeper.kept.remove(PAGES[1].digest)
        assert client.ask("Who went out?", PAGES).text == "yes"
    assert all(sent(server.requests[-1]))


def test_a_stream_that_misses_a_page_begins_anew_and_shows_nothing_twice():
    keeper = Keeper(lambda request: streamed("y", "es"))
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        with client.stream("Did it rain?", PAGES) as stream:
            list(stream)
        keeper.kept.clear()
        with client.stream("Who went out?", PAGES) as stream:
            assert list(stream) == ["y", "es"]
    assert all(sent(server.requests[-1]))


def test_a_stream_that_misses_a_page_within_its_answer_is_an_error():
    error = {"error": {"message": "Cache miss for image at index 0", "code": 400}}
    with (
        vllm(Keeper(lambda request: streamed("y", error))) as server,
        GlyphClient(server.base_url) as client,
        client.stream("Did it rain?", PAGES) as stream,
        pytest.raises(CacheMiss),
    ):
        list(stream)
    assert server.calls == 1


def test_pages_about_which_a_model_says_nothing_are_held_too():
    keeper = Keeper(lambda request: answer(""))
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        for _ in range(2):
            with pytest.raises(EmptyResponse):
                client.ask("Did it rain?", PAGES)
    assert not any(sent(server.requests[1]))


def test_a_server_that_misses_what_it_is_sent_is_not_asked_for_ever():
    miss = failure(400, "Cache miss for image at index 0 but data is not provided.")
    script = (answer("yes"), miss)
    with (
        ScriptedServer(*script, models=models(owned_by="vllm"), version=NEW) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.ask("Did it rain?", PAGES)
        for _ in range(2):
            with pytest.raises(ServerError, match="Cache miss"):
                client.ask("Did it rain?", PAGES)
    assert [any(sent(request)) for request in server.requests] == [True, False, True, True]


def without_a_cache(request):
    """Answers as vLLM does with ``--mm-processor-cache-gb 0``."""
    if all(sent(request)):
        return answer("yes")
    return failure(400, "Failed to apply Glm4vProcessor on data={'images': [None]}")


def test_a_server_without_a_cache_gets_all_pages_from_the_second_question_on():
    with vllm(without_a_cache) as server, GlyphClient(server.base_url) as client:
        for question in ("Did it rain?", "Who went out?", "And then?"):
            assert client.ask(question, PAGES).text == "yes"
    assert [any(sent(request)) for request in server.requests] == [True, False, True, True]


def test_a_stream_from_a_server_without_a_cache_is_complete():
    def script(request):
        whole = without_a_cache(request)
        return streamed("y", "es") if whole.status == 200 else whole

    with vllm(script) as server, GlyphClient(server.base_url) as client:
        for question in ("Did it rain?", "Who went out?"):
            with client.stream(question, PAGES) as stream:
                assert list(stream) == ["y", "es"]


def test_a_refusal_that_all_bytes_do_not_cure_is_told_and_names_go_on():
    keeper = Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        keeper.reply = lambda request: failure(400, "top_k must be at least 1")
        with pytest.raises(ServerError, match="top_k"):
            client.ask("Who went out?", PAGES)
        keeper.reply = lambda request: answer("yes")
        client.ask("Did it rain?", PAGES)
        client.ask("Who went out?", PAGES)
    assert not any(sent(server.requests[-1]))


def test_a_question_that_is_too_long_is_not_sent_twice():
    keeper = Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        keeper.reply = lambda request: failure(400, "maximum context length is 10 tokens")
        with pytest.raises(ContextLength):
            client.ask("Who went out?", PAGES)
    assert server.calls == 2


def test_windows_in_parallel_each_send_their_pages_once_more_after_a_restart():
    keeper = Keeper()
    with vllm(keeper) as server, GlyphClient(server.base_url) as client:
        options = {"overflow": "map_reduce", "max_pages": 1, "concurrency": 3}
        client.ask("Did it rain?", PAGES, **options)
        keeper.kept.clear()
        made = client.ask("Who went out?", PAGES, **options)
    assert made.left_out == ()
    assert len(made.windows) == len(PAGES)


@pytest.mark.parametrize("version", [as_json({"version": "0.10.1"}), failure(404), as_json([])])
def test_a_vllm_that_is_too_old_or_does_not_tell_gets_all_pages(version):
    with vllm(Keeper(), version) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        client.ask("Who went out?", PAGES)
    assert all(sent(server.requests[1]))
    assert images(server.requests[1])[0]["uuid"] == PAGES[0].digest


def test_a_server_of_another_make_is_sent_no_names():
    made_by = models(owned_by="openai")
    with ScriptedServer(models=made_by) as server, GlyphClient(server.base_url) as client:
        client.ask("Did it rain?", PAGES)
        client.ask("Who went out?", PAGES)
    assert all(part.keys() == {"type", "image_url"} for part in images(server.requests[1]))
    assert all(sent(server.requests[1]))
    assert server.version_calls == 0


@pytest.mark.parametrize(
    ("entry", "version", "names"),
    [
        ({"glyph": {"keeps_pages": True}}, None, PageNames.HELD),
        ({"owned_by": "vllm"}, "0.22.0", PageNames.HELD),
        ({"owned_by": "vllm"}, "1.0", PageNames.HELD),
        ({"owned_by": "vllm"}, "0.33.1.dev12+g0123abc", PageNames.HELD),
        ({"owned_by": "vllm"}, "0.9.9", PageNames.TAKEN),
        ({"owned_by": "vllm"}, "dev", PageNames.TAKEN),
        ({"glyph": {}}, None, PageNames.TAKEN),
        ({}, None, PageNames.TAKEN),
        ({"owned_by": "sglang"}, None, PageNames.REFUSED),
    ],
)
def test_what_a_server_says_decides_how_pages_go(entry, version, names):
    assert page_names(ModelEntry(id="m", **entry), version) is names


def test_names_beyond_the_bound_are_forgotten_oldest_first():
    held = HeldPages(most=2)
    held.add(["a", "b"])
    held.add(["a", "c"])
    assert held.among("abc") == {"a", "c"}
