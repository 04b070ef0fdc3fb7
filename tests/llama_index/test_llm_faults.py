"""What goes wrong is told as everywhere in this project, in every way of asking."""

from __future__ import annotations

import base64

import pytest
from llama_index.core.llms import ChatMessage, DocumentBlock, ImageBlock, TextBlock
from ways import WAYS, ask

from glyph_shared import (
    ConfigError,
    ContextLength,
    EmptyResponse,
    IncompleteStream,
    InputError,
    OverLengthError,
    PdfError,
    RateLimited,
    ServerError,
)
from llama_index_glyph import GlyphLLM
from tests.documents.sheets import PROSE, pdf, prose
from tests.scripted_server import ScriptedServer, answer, as_json, failure, streamed

STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n"
STREAMS = [way for way in WAYS if "stream" in way]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        (failure(401, "no such key"), ServerError, "GLYPH_API_KEY"),
        (failure(404, "no such model"), ServerError, "GLYPH_MODEL"),
        (failure(400, "maximum context length is 32768 tokens"), ContextLength, "32768"),
        (failure(500, "out of order"), ServerError, "out of order"),
        (failure(429, "busy"), RateLimited, "busy"),
    ],
    ids=["key", "model", "length", "broken", "busy"],
)
def test_an_error_of_the_server_is_told_in_every_way(way, reply, error, told):
    with ScriptedServer(reply) as server, pytest.raises(error, match=told) as caught:
        ask(GlyphLLM(server.base_url, max_retries=0), way, "Is it?")
    assert caught.value.__context__ is None
    assert server.calls == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_that_another_call_may_cure_costs_nothing_but_the_call(way):
    def reply(request):
        if server.calls == 1:
            return failure(503, retry_after="0")
        return streamed("Yes.") if request.get("stream") else answer("Yes.")

    with ScriptedServer(reply) as server:
        ask(GlyphLLM(server.base_url, max_retries=1), way, "Is it?")
        assert server.calls == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_away_is_told_of(way):
    with ScriptedServer() as server:
        url = server.base_url
    with pytest.raises(ServerError, match="glyph serve"):
        ask(GlyphLLM(url, max_retries=0), way, "Is it?")


@pytest.mark.parametrize("way", WAYS)
def test_a_text_beyond_the_window_is_refused_before_it_is_sent(way):
    models = as_json({"data": [{"id": "scripted", "max_model_len": 4096}]})
    with ScriptedServer(models=models) as server:
        with pytest.raises(OverLengthError, match="window of 4,096"):
            ask(GlyphLLM(server.base_url), way, STORY * 3000)
        assert server.calls == 0


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_answer_is_an_error(way):
    def reply(request):
        return streamed() if request.get("stream") else answer("")

    with ScriptedServer(reply) as server, pytest.raises(EmptyResponse):
        ask(GlyphLLM(server.base_url), way, "Is it?")


@pytest.mark.parametrize("way", STREAMS)
@pytest.mark.parametrize("broken", [{"done": False}, {"done": False, "reset": True}])
def test_a_stream_that_breaks_is_an_error_that_keeps_what_came(way, broken):
    with (
        ScriptedServer(streamed("Nobody", " spoke", finish_reason=None, **broken)) as server,
        pytest.raises(IncompleteStream) as caught,
    ):
        ask(GlyphLLM(server.base_url), way, "Who spoke?")
    assert caught.value.partial_text == "Nobody spoke"


@pytest.mark.parametrize("way", ["stream_chat", "stream_complete"])
def test_a_stream_that_nobody_reads_on_ends_its_connection(way):
    with ScriptedServer(streamed("Nobody", 60.0, " spoke")) as server:
        given = [ChatMessage(role="user", content="Who?")] if "chat" in way else "Who?"
        stream = getattr(GlyphLLM(server.base_url), way)(given)
        while next(stream).delta != "Nobody":
            pass
        stream.close()
        del stream
        assert server.open_connections == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"base_url": "ftp://host"}, "http://"),
        ({"base_url": "http://host", "api_key": "ключ"}, "ASCII"),
        ({"base_url": "http://me:x@host", "api_key": "sk"}, "two credentials"),
        ({"timeout": -1}, "timeout"),
        ({"temperature": 9}, "temperature.*got 9"),
        ({"long_text_tokens": 0}, "long_text_tokens.*got 0"),
        ({"treshold_tokens": 9}, "treshold_tokens.*threshold_tokens"),
        ({"is_chat_model": False}, "is_chat_model"),
        ({"default_headers": {"X-Key": "x"}}, "default_headers"),
    ],
)
def test_an_impossible_setting_is_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        GlyphLLM(**settings)


# ---- files ----


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


def sent(server):
    [message] = server.requests[-1]["messages"]
    return message["content"]


def ask_about(server, *blocks, **settings):
    message = ChatMessage(role="user", blocks=[*blocks, TextBlock(text="Who wrote it?")])
    return GlyphLLM(server.base_url, **settings).chat([message])


def test_a_file_goes_as_text_under_its_name(server, tmp_path):
    (tmp_path / "story.txt").write_text(STORY, encoding="utf-8")
    ask_about(server, DocumentBlock(path=tmp_path / "story.txt"))
    assert sent(server) == [
        {"type": "text", "text": f"=== story.txt ===\n{STORY}\nWho wrote it?"},
    ]


def test_a_long_file_goes_on_pages(server, tmp_path):
    data = (STORY * 400).encode()
    ask_about(server, DocumentBlock(data=data, title="story.txt"))
    kinds = [part["type"] for part in sent(server)]
    assert kinds.count("image_url") > 2
    assert kinds[-1] == "text"
    assert sent(server)[-1]["text"].startswith("=== story.txt ===")


@pytest.mark.parametrize("named", [{}, {"title": "a paper"}, {"title": "paper.pdf"}])
def test_a_pdf_goes_as_its_text(server, named):
    ask_about(server, DocumentBlock(data=pdf(prose), **named))
    [part] = sent(server)
    assert PROSE[0] in part["text"]
    assert named.get("title", "document") in part["text"].partition("\n")[0]


def test_a_file_is_read_as_the_kind_it_is_said_to_be(server):
    block = DocumentBlock(data=b"<p>Call me <b>Ishmael</b>.</p>", document_mimetype="text/html")
    ask_about(server, block)
    assert "Call me Ishmael." in sent(server)[0]["text"]


@pytest.mark.parametrize(
    ("block", "error", "told"),
    [
        (DocumentBlock(url="http://host/a.pdf"), InputError, "http://host/a.pdf.*not fetched"),
        (ImageBlock(url="http://host/a.png"), InputError, "http://host/a.png.*not fetched"),
        (DocumentBlock(path="absent.txt"), InputError, "absent.txt"),
        (DocumentBlock(data=b"%PDF-1.4 broken"), PdfError, "document.pdf"),
        (DocumentBlock(data=bytes(range(256)) * 9), InputError, "document"),
    ],
    ids=["document's address", "image's address", "absent", "broken", "binary"],
)
def test_what_cannot_be_read_is_told_and_nothing_is_sent(server, block, error, told):
    with pytest.raises(error, match=told):
        ask_about(server, block)
    assert server.calls == 0


def test_an_image_that_comes_within_its_address_is_no_address(server):
    url = "data:image/png;base64," + base64.b64encode(b"x").decode()
    ask_about(server, ImageBlock(url=url))
    assert sent(server)[0]["image_url"]["url"] == url
