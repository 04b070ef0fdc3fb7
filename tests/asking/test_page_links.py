"""Pages that a chat names by digest: read where it is sent, and nothing else is."""

from __future__ import annotations

import json
import os

import pytest

from glyph_shared import (
    ConfigError,
    GlyphClient,
    InputError,
    RenderConfig,
    pages_of_history,
    render,
)
from glyph_shared.asking import page_link
from glyph_shared.rendering import image_folder, keep_image, kept_image
from tests.scripted_server import ScriptedServer, answer

STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n" * 90


@pytest.fixture
def page():
    made = render(STORY)[0]
    keep_image(made, image_folder(None))
    return made


def asked(*digests, question="Who spoke?"):
    links = [{"type": "image_url", "image_url": {"url": page_link(one)}} for one in digests]
    return {"role": "user", "content": [*links, {"type": "text", "text": question}]}


def test_a_page_read_back_is_the_page(page):
    read = kept_image(page.digest, image_folder(None))
    assert (read.png, read.digest, read.size_px) == (page.png, page.digest, page.size_px)
    assert (read.theta_hash, read.visual_tokens) == (page.theta_hash, page.visual_tokens)
    assert (read.pixels == page.pixels).all()


def test_a_link_is_sent_as_the_page_itself(page):
    given = [asked(page.digest)]
    before = json.dumps(given)
    with ScriptedServer(answer("Nobody.")) as server:
        assert GlyphClient(server.base_url).chat(given).text == "Nobody."
    [image, _] = server.requests[0]["messages"][0]["content"]
    assert image["image_url"]["url"] == page.data_url()
    assert image["uuid"] == page.digest
    assert json.dumps(given) == before


def test_a_linked_page_is_counted_as_a_page(page):
    paged = pages_of_history([asked(page.digest)])
    bare = pages_of_history([asked()])
    assert paged.visual_tokens - bare.visual_tokens == page.visual_tokens + 2


def test_a_link_of_an_older_turn_stays_among_its_pages(page):
    said = {"role": "assistant", "content": STORY}
    chat = [asked(page.digest, question=STORY), said, {"role": "user", "content": "Who?"}]
    paged = pages_of_history(chat, threshold_tokens=50, keep_last=1)
    urls = [part["image_url"]["url"] for part in paged.messages[0]["content"][:-2]]
    assert page.data_url() in urls
    assert len(urls) == len(paged.pages) + 1


def test_the_embedded_reader_reads_linked_pages(reader_url):
    theta = RenderConfig.preset("reader")
    pages = [
        page
        for city, code in [("Lisbon", 4711), ("Porto", 8812)]
        for page in render(f"The access code of the {city} office is {code}.", theta)
    ]
    for page in pages:
        keep_image(page, image_folder(None))
    question = "What is the access code of the {} office?"
    with GlyphClient(reader_url) as client:
        for city, code in [("Lisbon", "4711"), ("Porto", "8812")]:
            given = asked(*(page.digest for page in pages), question=question.format(city))
            assert client.chat([given]).text == code
        said = {"role": "user", "content": "The access code of the Faro office is 2093."}
        given = asked(pages[0].digest, question=question.format("Faro"))
        assert client.chat([said, given]).text == "2093"


def test_a_page_that_is_gone_is_told(page):
    (image_folder(None) / f"{page.digest}.png").unlink()
    with pytest.raises(InputError, match=f"page {page.digest} is not in .* draw its document"):
        pages_of_history([asked(page.digest)])


@pytest.mark.parametrize(
    "digest", ["../../etc/passwd", "", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/../x"]
)
def test_a_link_names_no_file(digest):
    with pytest.raises(InputError, match="is a sha256"):
        pages_of_history([asked(digest)])


@pytest.mark.parametrize("damage", ["another page", "half a page", "no page", "too large"])
def test_a_file_that_is_not_the_page_is_never_sent(page, damage):
    path = image_folder(None) / f"{page.digest}.png"
    other = render("Something else.")[0].png
    sizes = (1 << 30).to_bytes(4, "big") * 2
    path.write_bytes(
        {
            "another page": other,
            "half a page": page.png[: len(page.png) // 2],
            "no page": b"secret",
            "too large": page.png[:16] + sizes + page.png[24:],
        }[damage]
    )
    with pytest.raises(InputError, match="remove it"):
        pages_of_history([asked(page.digest)])


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_in_the_folder_leads_to_no_secret(page, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path = image_folder(None) / f"{page.digest}.png"
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(InputError, match="cannot be read"):
        pages_of_history([asked(page.digest)])


def test_no_page_is_kept_where_the_cache_is_off(monkeypatch):
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    with pytest.raises(ConfigError, match="page images need a folder"):
        pages_of_history([asked("a" * 64)])
