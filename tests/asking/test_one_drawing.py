"""However many ask about a document at once, through whatever client, its pages are drawn once."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from glyph_shared.asking import AsyncGlyphClient, GlyphClient
from glyph_shared.rendering import RenderConfig, Renderer, default_store
from tests.scripted_server import ScriptedServer

TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(200))
SMALL = RenderConfig(page_size=(560, 280))
REQUESTS = 100


@pytest.fixture
def drawn(monkeypatch):
    """Lists the pages that are drawn."""
    pages, draw = [], Renderer._draw

    def counting(self, index, layout):
        page = draw(self, index, layout)
        pages.append(page)
        return page

    monkeypatch.setattr(Renderer, "_draw", counting)
    return pages


def ask_from_threads(base_url):
    with GlyphClient(base_url) as client, ThreadPoolExecutor(REQUESTS) as pool:
        questions = [f"Did it rain on day {number}?" for number in range(REQUESTS)]
        answers = list(pool.map(lambda asked: client.ask(asked, TEXT, config=SMALL), questions))
    return [answer.text for answer in answers]


def ask_from_clients_of_their_own(base_url):
    def ask(number):
        with GlyphClient(base_url) as client:
            return client.ask(f"Did it rain on day {number}?", TEXT, config=SMALL).text

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(ask, range(20)))


def ask_from_tasks(base_url):
    async def run():
        async with AsyncGlyphClient(base_url) as client:
            asked = (f"Did it rain on day {number}?" for number in range(REQUESTS))
            made = await asyncio.gather(*(client.ask(one, TEXT, config=SMALL) for one in asked))
        return [answer.text for answer in made]

    return asyncio.run(run())


def pages_of(request):
    parts = request["messages"][0]["content"]
    return tuple(part["image_url"]["url"] for part in parts if part["type"] == "image_url")


@pytest.mark.fault(58)
@pytest.mark.parametrize("ask", [ask_from_threads, ask_from_clients_of_their_own, ask_from_tasks])
def test_a_hundred_requests_for_one_document_draw_it_once(drawn, ask):
    with ScriptedServer() as server:
        texts = ask(server.base_url)
    assert set(texts) == {"yes"}
    assert [page.index for page in drawn] == list(range(len(drawn)))
    assert len(drawn) > 2
    assert len(server.requests) == len(texts)
    assert len({pages_of(request) for request in server.requests}) == 1
    assert default_store().usage().entries == 1
