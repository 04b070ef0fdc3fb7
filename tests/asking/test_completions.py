"""Chats of frameworks' models: fields of their own, no page sent twice, one clock for a call."""

from __future__ import annotations

import asyncio
import copy
import threading

import pytest

from glyph_shared import ConfigError, RenderConfig, render
from glyph_shared.asking import (
    AsyncGlyphClient,
    ChatReply,
    Connections,
    Endpoint,
    GlyphClient,
    page_link,
)
from glyph_shared.asking import chat as chat_module
from glyph_shared.asking.exchange import Exchange
from glyph_shared.asking.sampling import Sampling
from glyph_shared.errors import ContextLength, IncompleteStream, ServerError
from glyph_shared.rendering import image_folder, keep_image
from tests.clock import turned
from tests.page_keeper import Keeper, images, models, sent, vllm
from tests.scripted_server import Scripted, ScriptedServer, answer, as_json, failure, streamed

STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n"
LONG = STORY * 400
WAYS = ("complete", "stream", "acomplete", "astream")
SMALL = RenderConfig(page_size=(560, 280))
FACT = "The access code of the Lisbon office is 4711."
QUESTION = "What is the access code of the Lisbon office?"


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


FIRST = [user(f"{LONG}Who spoke of it?")]
GROWN = [*FIRST, assistant("Nobody."), user("When did it leave?")]


def connected(server, **settings):
    return Connections(Endpoint.resolve(base_url=server.base_url, **settings))


def told(held, way, messages, fields=None, **options):
    """Returns all that comes back: the reply, and the pieces of a stream before it."""
    if way == "complete":
        return [held.pages(Sampling()).complete(messages, fields, **options)]
    if way == "stream":
        return list(held.pages(Sampling()).stream_completion(messages, fields, **options))
    return asyncio.run(_told(held, way, messages, fields, options))


async def _told(held, way, messages, fields, options):
    client = held.async_pages(Sampling())
    if way == "acomplete":
        return [await client.complete(messages, fields, **options)]
    return [piece async for piece in client.stream_completion(messages, fields, **options)]


def yes(request):
    return streamed("y", "es") if request.get("stream") else answer("yes")


# ---- pages go once ----


@pytest.mark.parametrize("way", WAYS)
def test_the_second_call_of_a_growing_chat_sends_no_page_again(way):
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        for messages in (FIRST, GROWN):
            reply = told(held, way, messages)[-1]
    first, second = server.requests
    assert reply.replies[0].text == "yes"
    assert all(sent(first))
    assert len(sent(second)) == len(sent(first)) > 2
    assert not any(sent(second))


def test_a_page_that_joins_a_growing_chat_is_the_only_one_sent():
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        told(held, "complete", FIRST)
        told(held, "complete", [*FIRST, assistant("Nobody."), user("The mill was old.\n" * 1500)])
    before = len(sent(server.requests[0]))
    shown = sent(server.requests[1])
    assert shown[:before] == [False] * before
    assert all(shown[before:])
    assert len(shown) > before


def test_what_one_way_of_asking_sent_none_of_the_others_sends_again():
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        for way in WAYS:
            told(held, way, FIRST)
    assert [any(sent(request)) for request in server.requests] == [True, False, False, False]
    assert (server.model_calls, server.version_calls) == (1, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_dropped_a_page_gets_all_once_more(way):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        held = connected(server)
        told(held, way, FIRST)
        keeper.kept.pop()
        pieces = told(held, way, GROWN)
    assert pieces[-1].replies[0].text == "yes"
    assert "".join(piece.text for piece in pieces[:-1]) == ("yes" if "stream" in way else "")
    assert [any(sent(request)) for request in server.requests] == [True, False, True]
    assert all(sent(server.requests[-1]))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (failure(400, "maximum context length is 10 tokens"), ContextLength),
        (failure(401, "no such key"), ServerError),
        (failure(404, "no such model"), ServerError),
        (failure(500, "out of order"), ServerError),
    ],
    ids=["length", "key", "model", "broken"],
)
def test_a_failure_of_another_kind_is_not_cured_by_bytes(way, refusal, error):
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        held = connected(server, max_retries=0)
        told(held, way, FIRST)
        keeper.reply = lambda request: refusal
        with pytest.raises(error):
            told(held, way, GROWN)
    assert server.calls == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_misses_what_it_is_sent_is_asked_twice_and_no_more(way):
    miss = failure(400, "Cache miss for image at index 0 but data is not provided.")
    keeper = Keeper(yes)
    with vllm(keeper) as server:
        held = connected(server)
        told(held, way, FIRST)
        keeper.reply = lambda request: miss
        with pytest.raises(ServerError, match="Cache miss"):
            told(held, way, FIRST)
    assert [any(sent(request)) for request in server.requests] == [True, False, True]


def test_a_server_of_another_make_is_sent_no_names():
    with ScriptedServer(yes, models=models(owned_by="openai")) as server:
        told(connected(server), "complete", FIRST)
    assert all(part.keys() == {"type", "image_url"} for part in images(server.requests[0]))


def test_images_that_a_chat_brings_itself_go_as_they_came():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        for _ in range(2):
            told(held, "complete", [user([image, {"type": "text", "text": f"{LONG}Who?"}])])
    *pages, own = images(server.requests[1])
    assert own == image
    assert not [page for page in pages if page["image_url"]]


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_a_chat_names_goes_once_too(way):
    page = render(STORY)[0]
    keep_image(page, image_folder(None))
    link = {"type": "image_url", "image_url": {"url": page_link(page.digest)}}
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        for _ in range(2):
            told(held, way, [user([link, {"type": "text", "text": "Who spoke of it?"}])])
    assert [sent(request) for request in server.requests] == [[True], [False]]


@pytest.mark.parametrize("way", WAYS)
def test_the_embedded_reader_is_sent_no_page_again(way, reader_url, monkeypatch):
    payloads = []

    def kept(name):
        send = getattr(Exchange, name)

        def sending(exchange, payload, *given):
            payloads.append(payload)
            return send(exchange, payload, *given)

        monkeypatch.setattr(Exchange, name, sending)

    kept("complete")
    kept("stream")
    held = Connections(Endpoint.resolve(base_url=reader_url))
    replies = [told(held, way, [user(f"{FACT}\n{QUESTION}")])[-1] for _ in range(2)]
    assert [reply.replies[0].text for reply in replies] == ["4711", "4711"]
    assert [sent(payload) for payload in payloads] == [[True], [False]]
    assert replies[0].costs == {"pages": 1, "refused": False, "visual_tokens": 320}


# ---- fields of the request ----


@pytest.mark.parametrize("way", WAYS)
def test_a_callers_fields_go_before_the_clients_sampling(way):
    fields = {"temperature": 0.5, "tools": [{"type": "function"}], "extra_body": {"top_k": 9}}
    with ScriptedServer(yes) as server:
        told(connected(server), way, [user("Is it?")], fields, max_tokens=7)
    [request] = server.requests
    named = ("temperature", "top_k", "repetition_penalty", "max_tokens", "model", "tools")
    assert [request[name] for name in named] == [0.5, 9, 1.1, 7, "scripted", fields["tools"]]


@pytest.mark.parametrize(
    ("fields", "told_of"),
    [
        ({"tools": ["x"]}, r"no tools; .* \(glyph serve --tools\)"),
        ({"response_format": {"type": "json_object"}}, r"no response_format; .* \(glyph serve\)"),
        ({"stop": ["x"]}, "no stop;"),
        ({"n": 2}, "no n above 1;"),
    ],
)
def test_the_embedded_reader_refuses_fields_that_it_cannot_heed(fields, told_of):
    with ScriptedServer(yes, models=models(glyph={"tokenizer": "character"})) as server:
        with pytest.raises(ConfigError, match=f"takes {told_of}"):
            told(connected(server), "complete", [user("Is it?")], fields)
        assert server.calls == 0


def test_each_choice_is_a_reply():
    choices = [
        {"index": n, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for n, text in enumerate(("yes", "no"))
    ]
    with ScriptedServer(as_json({"id": "1", "model": "m", "choices": choices})) as server:
        [made] = told(connected(server), "complete", [user("Is it?")], {"n": 2})
    assert [reply.text for reply in made.replies] == ["yes", "no"]
    assert [choice.message.content for choice in made.raw.choices] == ["yes", "no"]
    assert made.model == "m"


def test_a_stream_ends_with_its_reply_and_hands_its_chunks_on():
    with ScriptedServer(streamed("<think>Hm.</think>4", "711")) as server:
        *pieces, last = told(connected(server), "stream", [user("Which?")])
    assert isinstance(last, ChatReply)
    assert "".join(piece.text for piece in pieces) == "4711"
    assert "".join(piece.thinking for piece in pieces) == last.replies[0].thinking == "Hm."
    assert [piece.chunk.model for piece in pieces] == ["scripted"] * len(pieces)


def test_a_stream_that_began_with_a_call_of_a_tool_is_not_begun_again():
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "x", "arguments": ""}}
    chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}], "model": "scripted"}
    error = {"error": {"message": "engine died", "code": 500}}
    with ScriptedServer(streamed(chunk, error)) as server:
        with pytest.raises(ServerError, match="engine died"):
            told(connected(server), "stream", [user("Which?")], {"tools": [{"type": "function"}]})
        assert server.calls == 1


# ---- one clock ----


SLOW = Scripted((60.0,))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["timeout of the call", "timeout of the endpoint"])
def test_a_server_that_does_not_answer_is_left_at_the_deadline(way, how):
    per_call = how == "timeout of the call"
    with ScriptedServer(SLOW) as server:
        held = connected(server, timeout=60.0 if per_call else 0.4)
        with pytest.raises(ServerError, match=r"within 0\.4 s"):
            told(held, way, [user("Is it?")], **({"timeout": 0.4} if per_call else {}))
        assert server.open_connections == 0


@pytest.mark.parametrize("way", WAYS)
def test_further_calls_are_made_within_the_deadline(way, monkeypatch):
    turned(monkeypatch, step=1)
    with ScriptedServer(failure(503, retry_after="0")) as server:
        held = connected(server, max_retries=1000, timeout=60.0)
        with pytest.raises(ServerError):
            told(held, way, [user("Is it?")])
        # A clock for each call would let all thousand go.
        assert 1 < server.calls < 60


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_goes_on_for_ever_is_left_at_the_deadline(way, monkeypatch):
    turned(monkeypatch, step=1)
    with (
        ScriptedServer(streamed(*["drip "] * 600)) as server,
        pytest.raises(IncompleteStream, match="within 60 s") as caught,
    ):
        told(connected(server, timeout=60.0), way, [user("Is it?")])
    assert caught.value.partial_text.startswith("drip drip ")


def test_the_clock_of_a_stream_starts_when_it_is_read(monkeypatch):
    clock = turned(monkeypatch)
    with ScriptedServer(yes) as server:
        client = connected(server).pages(Sampling())
        stream = client.stream_completion([user("Is it?")], timeout=60.0)
        clock.now += 1000
        assert "".join(piece.text for piece in stream if not isinstance(piece, ChatReply)) == "yes"


@pytest.mark.parametrize("way", WAYS)
def test_the_deadline_counts_the_drawing(way, monkeypatch):
    goes_on = threading.Event()

    def draw(*given, **settings):
        goes_on.wait(60)
        return pages_of_history(*given, **settings)

    pages_of_history = chat_module.pages_of_history
    monkeypatch.setattr(chat_module, "pages_of_history", draw)
    timer = threading.Timer(1.0, goes_on.set)
    timer.start()
    with ScriptedServer(yes) as server:
        with pytest.raises(ServerError, match=r"within 0\.3 s"):
            told(connected(server, timeout=0.3), way, FIRST)
        timer.join()
        assert server.calls == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_deadline_counts_the_question_what_the_server_is(way):
    with ScriptedServer(yes, models=SLOW) as server:
        with pytest.raises(ServerError, match=r"within 0\.3 s"):
            told(connected(server), way, [user("Is it?")], timeout=0.3)
        assert server.calls == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_embedded_readers_windows_have_one_deadline_together(way):
    card = models(glyph={"tokenizer": "character", "max_pages": 1, "combine": "best_supported"})

    def slowly(request):
        whole = yes(request)
        return Scripted((0.3, *whole.pieces), content_type=whole.content_type)

    text = "\n".join(f"On day {number} it rained in the hills." for number in range(400))
    with ScriptedServer(slowly, models=card) as server:
        held = connected(server, timeout=1.0)
        with pytest.raises(ServerError, match="within 1 s"):
            told(held, way, [user(f"{text}\n{QUESTION}")], config=SMALL)
    assert server.calls < 8


def test_the_clients_have_the_same_two_methods():
    with ScriptedServer(yes) as server:
        with GlyphClient(server.base_url) as client:
            assert client.complete([user("Is it?")]).replies[0].text == "yes"

        async def ask():
            async with AsyncGlyphClient(server.base_url) as client:
                return await client.complete([user("Is it?")])

        assert asyncio.run(ask()).replies[0].text == "yes"


def test_what_is_known_of_a_server_is_known_to_copies_too():
    with vllm(Keeper(yes)) as server:
        held = connected(server)
        assert held.known_entry is None
        told(held, "complete", FIRST)
        assert held.known_entry.id == "scripted"
        for other in (copy.copy(held), copy.deepcopy(held)):
            told(other, "complete", FIRST)
    assert [any(sent(request)) for request in server.requests] == [True, False, False]
