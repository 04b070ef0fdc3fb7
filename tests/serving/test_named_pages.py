"""The embedded server's side of vLLM's uuid protocol: pages named instead of sent."""

from __future__ import annotations

import pytest
from scripted_reader import Caller, ScriptedReader, data_url, image_part, page_png, user

from glyph_shared.asking import GlyphClient
from glyph_shared.rendering import pixel_digest, render
from glyph_shared.serving import running_embedded
from glyph_shared.serving.api_errors import ApiError
from glyph_shared.serving.chat_request import ImagePart
from glyph_shared.serving.kept_pages import KeptPages
from glyph_shared.serving.page_images import PageGate

TEXT = "The access code of the Lisbon office is 4711."


@pytest.fixture
def drawn(reader):
    return render(TEXT, reader.render_config)[0]


@pytest.fixture
def fresh(reader):
    """A caller of a server that keeps nothing yet."""
    with running_embedded(reader) as base_url:
        yield Caller(base_url)


def sent(page, name=None):
    part = image_part(page.data_url())
    return part if name is None else {**part, "uuid": name}


def named(name, url=None):
    return {"type": "image_url", "image_url": url, "uuid": name}


@pytest.mark.parametrize("url", [None, {"url": ""}])
def test_a_page_that_was_sent_may_be_named_afterwards(fresh, reader, drawn, url):
    fresh.chat(user(sent(drawn, drawn.digest), "Who?"))
    ink = reader.ink
    assert fresh.chat(user(named(drawn.digest, url), "Who else?")).status == 200
    assert reader.ink == ink != []
    assert [asked[:2] for asked in reader.asked] == [(1, "Who?"), (1, "Who else?")]


def test_a_page_is_kept_whether_it_came_with_a_name_or_not(fresh, drawn):
    fresh.chat(user(sent(drawn), "Who?"))
    assert fresh.chat(user(named(drawn.digest), "Who?")).status == 200


def test_a_page_that_is_not_kept_is_missed_in_vllms_words(fresh, reader, drawn):
    reply = fresh.chat(user(sent(drawn), named("0" * 64), "Who?"))
    assert reply.status == 400
    assert reply.error["message"] == ("Cache miss for image at index 1 but data is not provided.")
    assert reader.asked == []


def test_one_name_cannot_be_two_pages(fresh, reader):
    """A client that gives its page another's name neither replaces that nor is believed."""
    [white, black] = [page_png(reader.render_config, ink=ink) for ink in (255, 0)]
    name = "f" * 64
    for png in (white, black):
        fresh.chat(user({**image_part(data_url(png)), "uuid": name}, "Who?"))
    assert reader.ink == [1.0]
    assert "Cache miss" in fresh.chat(user(named(name), "Who?")).error["message"]


def test_a_refused_page_is_not_kept(fresh, reader, drawn):
    other = page_png(reader.render_config, theta="0123456789abcdef")
    assert fresh.chat(user(image_part(data_url(other)), "Who?")).status == 400
    assert fresh("/health").status == 200
    pixels = PageGate(reader.render_config, ("0123456789abcdef",)).decode(other, 1)
    reply = fresh.chat(user(named(pixel_digest(pixels)), "Who?"))
    assert "Cache miss" in reply.error["message"]


def test_an_image_without_address_and_name_is_refused(fresh):
    reply = fresh.chat(user({"type": "image_url", "image_url": None}, "Who?"))
    assert "page 1 must be a data:image/png;base64 URL" in reply.error["message"]


def test_pages_used_longest_ago_are_dropped(reader):
    gate = PageGate(reader.render_config, reader.accepted_thetas)
    pages = [render(f"{TEXT} {n}", reader.render_config)[0] for n in range(3)]
    kept = KeptPages(gate, limit_bytes=sum(len(page.png) for page in pages[1:]))
    for page in (*pages[:2], pages[0], pages[2]):
        kept.read(ImagePart(**sent(page)), 1)
    with pytest.raises(ApiError, match="Cache miss"):
        kept.read(ImagePart(**named(pages[1].digest)), 1)
    assert (kept.read(ImagePart(**named(pages[2].digest)), 1) == pages[2].pixels).all()


def test_tokens_of_named_pages_are_counted(fresh, drawn):
    by_bytes, by_name = (
        fresh("/tokenize", {"messages": [user(part, "Who?")]}).json["count"]
        for part in (sent(drawn), named(drawn.digest))
    )
    assert by_bytes == by_name


def test_usage_tells_what_the_reader_had_in_memory(call, reader, page):
    reader.cached = 256
    usage = call.chat(user(page, "Who?")).json["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 256


def test_the_client_names_pages_to_the_embedded_server_even_after_a_restart():
    reader, text = ScriptedReader(), TEXT * 200
    with running_embedded(reader) as base_url, GlyphClient(base_url) as client:
        first = client.ask("Who?", text)
        again = client.ask("Who?", text)
    port = int(base_url.split(":")[-1].removesuffix("/v1"))
    with running_embedded(reader, port=port), client:
        after = client.ask("Who?", text)
    assert first.text == again.text == after.text == "4711"
    assert after.left_out == ()
