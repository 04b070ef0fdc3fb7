"""Questions about pages, end to end: each test says the same of every server."""

from __future__ import annotations

import asyncio
import itertools
import socket

import pytest

from glyph_shared.errors import ContextLength, OverLengthError, ServerError
from glyph_shared.rendering import RenderConfig, Renderer
from tests.served.relay import Relay
from tests.served.server import CODE, FACT, FILLER, QUESTION, comes_true, image, page_image

FORTY = 40
TRANSCRIBE = "Transcribe this page."


@pytest.fixture(scope="module")
def forty_pages(served):
    """Forty pages, each of its own, with the fact on one of them."""
    if served.config == RenderConfig.preset("reader"):
        texts = [f"Day {number}. {FILLER * 4}" for number in range(FORTY)]
        texts[FORTY // 2] += FACT
        return [served.pages(text)[0] for text in texts]
    days = (f"Day {number}. {FILLER}" for number in itertools.count())
    text = itertools.chain(itertools.islice(days, 2500), [FACT], days)
    return list(itertools.islice(Renderer(served.config).render(text), FORTY))


@pytest.fixture(scope="module")
def page(served):
    return served.page_with_fact()


@pytest.fixture(scope="module")
def client(served):
    with served.client() as made:
        yield made


def test_a_fact_is_read_from_its_page(served, client, page):
    answer = client.ask(QUESTION, [page], **served.options)
    assert CODE in answer.text
    assert answer.usage.visual_tokens == page.visual_tokens
    assert not answer.truncated


def test_a_stream_says_what_a_whole_answer_says(served, client, page):
    whole = client.ask(QUESTION, [page], **served.options)
    with client.stream(QUESTION, [page], **served.options) as stream:
        pieces = list(stream)
    assert len(pieces) > 1
    assert "".join(pieces) == stream.answer.text
    assert CODE in whole.text
    assert CODE in stream.answer.text
    assert stream.answer.usage.prompt_tokens == whole.usage.prompt_tokens


def test_an_asynchronous_client_is_answered_side_by_side(served, page):
    async def ask_both():
        async with served.async_client() as client:
            asked = (client.ask(QUESTION, [page], **served.options) for _ in range(2))
            return await asyncio.gather(*asked)

    assert all(CODE in answer.text for answer in asyncio.run(ask_both()))


def test_leaving_a_stream_ends_the_answer_on_the_server(served, client):
    long = served.pages(FILLER * 14)[0]
    options = {**served.options, "max_tokens": min(served.window // 4, 8192)}
    with client.stream(TRANSCRIBE, [long], **options) as stream:
        next(iter(stream))
        assert served.running() == 1
    assert comes_true(lambda: served.running() == 0)


def test_a_fact_among_forty_pages_is_found(served, client, forty_pages):
    answer = client.ask(QUESTION, forty_pages, **served.options | served.corpus_options)
    assert CODE in answer.text
    assert answer.left_out == ()
    assert answer.usage.visual_tokens == sum(page.visual_tokens for page in forty_pages)


def test_a_second_question_sends_no_bytes_of_pages_and_finds_them_in_the_cache(served, forty_pages):
    if served.base_url.startswith("https"):
        pytest.skip("bytes are counted over plain http alone")
    with Relay(served.base_url) as relay, served.client(base_url=relay.base_url) as client:
        client.model_entry()
        relay.take()
        first = client.ask(QUESTION, forty_pages, **served.options | served.corpus_options)
        sent_first = relay.take()
        options = served.options | served.corpus_options
        second = client.ask("Who lives there?", forty_pages, **options)
        sent_second = relay.take()
    assert sent_first > sum(len(page.png) for page in forty_pages)
    assert sent_second < 500 * FORTY
    assert second.usage.visual_tokens == first.usage.visual_tokens
    assert second.usage.cached_tokens > 0.8 * second.usage.visual_tokens


def test_a_page_that_was_never_sent_is_missed(served, page):
    reply = served.chat(page_image(page), image(None, uuid="0" * 64))
    assert reply.status == 400
    assert "Cache miss for image at index 1" in reply.message


def test_a_named_page_is_answered_like_one_that_is_sent(served, page):
    by_bytes = served.chat(page_image(page))
    by_name = served.chat(image(None, uuid=page.digest))
    texts = [reply.json["choices"][0]["message"]["content"] for reply in (by_bytes, by_name)]
    assert texts[0] == texts[1]


def test_more_pages_than_allowed_are_refused(served, page):
    reply = served.chat(*[page_image(page)] * (served.max_pages + 1))
    assert reply.status == 400
    assert f"At most {served.max_pages} image(s)" in reply.message


def test_pages_beyond_the_window_are_refused_before_they_are_sent(served, client, page):
    count = served.window // page.visual_tokens + 1
    with pytest.raises(OverLengthError):
        client.ask(QUESTION, [page] * count, overflow="error", **served.options)


def test_a_question_beyond_the_window_is_an_error_with_both_numbers(served, client, page):
    with pytest.raises(ContextLength, match=f"the server's window is {served.window}"):
        client.ask("Who? " * served.window, [page], overflow="error", **served.options)
    assert CODE in client.ask(QUESTION, [page], **served.options).text


def test_a_wrong_key_is_refused_and_not_shown(served, page):
    wrong = "sk-wrong-canary-9876543210"
    if served.api_key == "none":
        pytest.skip("the given server asks for no key: set GLYPH_API_KEY where it does")
    with (
        served.client(api_key=wrong) as client,
        pytest.raises(ServerError, match="GLYPH_API_KEY") as told,
    ):
        client.ask(QUESTION, [page])
    assert told.value.status == 401
    assert wrong not in str(told.value)


def test_an_unknown_model_is_named_with_the_setting_to_check(served, page):
    with (
        served.client(model="no-such-model") as client,
        pytest.raises(ServerError, match="GLYPH_MODEL") as told,
    ):
        client.ask(QUESTION, [page])
    assert told.value.status == 404


def test_no_file_is_read_for_a_client(served, tmp_path, page):
    path = tmp_path / "page.png"
    path.write_bytes(page.png)
    reply = served.chat(image(path.as_uri()))
    assert reply.status in (400, 500)
    assert CODE not in reply.message


def test_no_address_is_fetched_for_a_client(served):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        reply = served.chat(image(f"http://127.0.0.1:{listener.getsockname()[1]}/page.png"))
        assert reply.status == 400
        with pytest.raises(TimeoutError):
            listener.accept()
