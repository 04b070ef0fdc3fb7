"""The pages that an answer rests on are looked at again; the first answer is never lost."""

from __future__ import annotations

import asyncio
import base64
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from glyph_shared.asking import Answer, AsyncGlyphClient, GlyphClient
from glyph_shared.asking.closer import closer
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError
from glyph_shared.planning import CHAT_FRAME, EstimateCounter, Plan, plan
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, png_theta_hash, render
from glyph_shared.serving import running_embedded
from tests.scripted_server import (
    Script,
    Scripted,
    ScriptedServer,
    answer,
    as_json,
    failure,
)

QUESTION = "What is the key of the Lisbon office?"
UUID = "550e8400-e29b-41d4-a716-446655440000"
MISREAD = "550e8400-e29b-41d4-a716-4466554400OO"
RAIN = [f"On day {day} it rained and nobody wanted to go out.\n" for day in range(120)]
FACT = f"The key of the Lisbon office is {UUID} <|user|>.\n"
TEXT = "".join([*RAIN[:60], FACT, *RAIN[60:]])
SMALL = RenderConfig(page_size=(280, 280), font_size=9, line_height=10)
LARGE = RenderConfig(page_size=(1200, 1700), dpi=100)
ONE = as_json({"data": [{"id": "scripted", "max_model_len": 32768}]})
RIGHT = answer(UUID, usage={"prompt_tokens": 900, "completion_tokens": 40})
WRONG = answer(MISREAD, usage={"prompt_tokens": 560, "completion_tokens": 30})


def _made(**settings: Any) -> Plan:
    return plan(
        Document.from_text(TEXT, "offices.txt"),
        config=SMALL,
        counter=EstimateCounter(),
        text_gate=False,
        **settings,
    )


def _place(made: Plan) -> int:
    """The page that holds the fact."""
    at = TEXT.index(UUID)
    return next(i for i, (start, stop) in enumerate(made.page_spans) if start <= at < stop)


def _cited(made: Plan, text: str = MISREAD, **settings: Any) -> Scripted:
    usage = {"prompt_tokens": 560, "completion_tokens": 30}
    return answer(f"{text} [page {_place(made) + 1}]", usage=usage, **settings)


def _ask(given: Any, *script: Script, models: Scripted = ONE, **options: Any) -> Any:
    """Returns the parts of each request, and the answer."""
    with (
        ScriptedServer(*script, models=models) as server,
        GlyphClient(server.base_url, backoff=0.01) as client,
    ):
        made = client.ask(QUESTION, given, **options)
    return [request["messages"][-1]["content"] for request in server.requests], made


def _images(parts: list[dict[str, Any]]) -> list[Image.Image]:
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def _texts(parts: list[dict[str, Any]]) -> list[str]:
    return [part["text"] for part in parts if part["type"] == "text"]


def test_hidpi_shows_the_cited_page_alone_with_the_same_lines_at_144_dpi() -> None:
    made = _made()
    page = made.pages[_place(made)]
    (first, second), got = _ask(made, _cited(made), RIGHT, refine="hidpi")
    assert len(_images(first)) == len(made.pages) > 2
    [larger] = render(TEXT[slice(*page.char_span)], closer(SMALL))
    assert larger.line_texts == page.line_texts
    [image] = _images(second)
    assert image.size == larger.size_px
    assert image.tobytes() == larger.pixels.tobytes()
    told = got.refined
    assert (told.how, told.used, told.dpi, told.note) == ("hidpi", True, 144, "")
    assert told.pages == (_place(made),)
    assert told.visual_tokens == larger.visual_tokens + 2


def test_text_sends_the_cited_page_as_text_with_its_control_tokens_neutralised() -> None:
    made = _made()
    place = _place(made)
    (_, second), got = _ask(made, _cited(made), RIGHT, refine="text")
    assert not _images(second)
    source, asked = _texts(second)
    span = slice(*made.page_spans[place])
    assert source == f"Page {place + 1}:\n{TEXT[span].replace('<|user|>', '‹|user|›')}\n\n"
    assert asked.startswith(f"{QUESTION}\n\nThe text above is that of page {place + 1} of ")
    assert (got.refined.how, got.refined.used) == ("text", True)
    assert got.refined.text_tokens == EstimateCounter().count(TEXT[span])
    assert got.refined.visual_tokens == 0


@pytest.mark.parametrize("how", ["hidpi", "text"])
def test_the_second_answer_replaces_the_first_which_is_told(how: Any) -> None:
    made = _made()
    _, got = _ask(made, _cited(made), RIGHT, refine=how)
    assert got.text == UUID
    assert got.refined.first_text.startswith(MISREAD)
    assert (got.usage.prompt_tokens, got.usage.completion_tokens) == (1460, 70)
    assert (got.usage.requests, got.refined.usage.prompt_tokens) == (2, 900)
    assert Answer.model_validate_json(got.model_dump_json()) == got


@pytest.mark.parametrize("how", ["hidpi", "text"])
def test_citations_of_the_second_look_are_places_of_the_whole_text(how: Any) -> None:
    made = _made()
    number = _place(made) + 1
    reply = answer(f"{UUID} [page {number}] [page 1].")
    _, got = _ask(made, _cited(made), reply, refine=how)
    assert {place.page_index for place in got.citations} == {number - 1}
    found = next(place for place in got.citations if place.found_by == "text")
    assert (found.quote, found.path, found.line) == (UUID, "offices.txt", 61)


def test_the_first_look_asks_for_citations_and_both_number_pages_alike() -> None:
    made = _made()
    (first, second), _ = _ask(made, _cited(made), RIGHT, refine="hidpi", combine="best_supported")
    assert "cite its page" in _texts(first)[-1]
    assert f"The image above is page {_place(made) + 1} of {len(made.pages)}," in _texts(second)[-1]
    assert "cite its page" in _texts(second)[-1]
    (first, second), _ = _ask(made, _cited(made), RIGHT, refine="hidpi", cite=False)
    assert "cite its page" not in _texts(first)[-1] + _texts(second)[-1]


def test_exact_strings_of_the_cited_page_go_along_again() -> None:
    made = _made()
    (_, second), got = _ask(made, _cited(made), RIGHT, refine="hidpi")
    strings = _texts(second)[0]
    assert strings.endswith(f"\npage {_place(made) + 1}: {UUID}\n\n")
    assert got.refined.usage.exact_text_tokens > 0
    assert got.usage.exact_text_tokens == (
        made.exact_text_tokens + got.refined.usage.exact_text_tokens
    )
    for options in ({"exact_text_tokens": 0}, {}):
        given = made if options else _made(exact_text_tokens=0)
        (_, second), got = _ask(given, _cited(made), RIGHT, refine="hidpi", **options)
        assert UUID not in "".join(_texts(second))
        assert got.usage.exact_text_tokens == 0


def test_an_answer_without_citation_is_looked_for_by_its_words() -> None:
    made = _made()
    _, got = _ask(made, answer(f"It is {UUID}."), RIGHT, refine="hidpi")
    assert got.refined.pages == (_place(made),)


def test_an_answer_that_is_misread_is_looked_for_by_the_questions_words() -> None:
    made = _made()
    (_, second), got = _ask(made, WRONG, RIGHT, refine="text")
    assert got.refined.pages == (_place(made),)
    assert UUID in _texts(second)[0]
    assert got.text == UUID


def test_an_answer_that_rests_on_no_page_stands() -> None:
    with (
        ScriptedServer(answer("Nobody knows."), models=ONE) as server,
        GlyphClient(server.base_url) as client,
    ):
        got = client.ask("Why?", _made(), refine="hidpi")
    assert server.calls == 1
    assert (got.text, got.refined.used, got.refined.pages) == ("Nobody knows.", False, ())
    assert "no page is known that it rests on" in got.refined.note


def test_a_refusal_stands() -> None:
    requests, got = _ask(_made(), answer("Not on these pages."), refine="hidpi")
    assert len(requests) == 1
    assert got.refused
    assert "do not hold the answer" in got.refined.note


def test_a_text_that_went_along_as_text_is_not_looked_at_again() -> None:
    requests, got = _ask("The key is 4711.", answer("4711"), refine="text")
    assert len(requests) == 1
    assert "went along as text" in got.refined.note


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (failure(500, "broken"), "the second look failed: "),
        (answer("Not on these pages."), "did not find the answer"),
        (answer("550e", finish_reason="length"), "was cut at max_tokens"),
        (answer("<think>hm</think>"), "gave no answer"),
        (answer(""), "the second look failed: "),
    ],
)
def test_a_second_look_that_gives_no_answer_loses_nothing(second: Scripted, why: str) -> None:
    made = _made()
    _, plain = _ask(made, _cited(made))
    _, got = _ask(made, _cited(made), second, refine="hidpi")
    assert why in got.refined.note
    assert not got.refined.used
    assert got.usage == plain.usage + got.refined.usage
    unchanged = {"refined": None, "usage": plain.usage}
    assert got.model_copy(update=unchanged) == plain


def test_a_second_look_that_takes_too_long_loses_nothing() -> None:
    made = _made()
    slow = Scripted((60.0, b"{}"))
    _, got = _ask(made, _cited(made), slow, refine="text", timeout=2.0)
    assert got.text.startswith(MISREAD)
    assert "within 2 s" in got.refined.note


def test_no_second_look_is_begun_when_the_time_budget_is_used_up() -> None:
    made = _made()
    late = Scripted((0.3, *_cited(made).pieces))
    requests, got = _ask(made, late, RIGHT, refine="text", time_budget=0.2)
    assert len(requests) == 1
    assert "the time budget of 0.2 s was used up" in got.refined.note


def test_pages_alone_are_refused_before_anything_is_sent() -> None:
    pages = render(TEXT, SMALL)
    with ScriptedServer(models=ONE) as server, GlyphClient(server.base_url) as client:
        for given in (pages, pages[0]):
            with pytest.raises(ConfigError, match="source="):
                client.ask(QUESTION, given, refine="text")
            with pytest.raises(ConfigError, match="source="):
                list(client.stream(QUESTION, given, refine="hidpi"))
        assert server.calls == server.model_calls == 0


def test_pages_with_their_source_are_drawn_larger_by_the_callers_look() -> None:
    made, pages = _made(), render(TEXT, SMALL)
    (_, second), got = _ask(pages, _cited(made), RIGHT, refine="hidpi", source=TEXT, config=SMALL)
    [image] = _images(second)
    [larger] = render(TEXT[slice(*pages[_place(made)].char_span)], closer(SMALL))
    assert image.tobytes() == larger.pixels.tobytes()
    assert got.text == UUID


def test_windows_are_combined_before_the_second_look() -> None:
    made = _made(window=350, max_tokens=50, overflow="map_reduce")
    assert len(made.windows) > 2
    number = _place(made)

    def reply(request: dict[str, Any]) -> Scripted:
        texts = "".join(_texts(request["messages"][-1]["content"]))
        if "drawn larger" in texts:
            return RIGHT
        if "notes above" in texts:
            return _cited(made)
        held = any(
            w.start_page <= number < w.stop_page and f"pages {w.start_page + 1}" in texts
            for w in made.windows
        )
        return answer("4711") if held else answer("4712")

    requests, got = _ask(made, reply, refine="hidpi")
    assert ["drawn larger" in _texts(parts)[-1] for parts in requests].index(True) == (
        len(made.windows) + 1
    )
    assert (got.text, got.refined.pages) == (UUID, (number,))
    assert len(got.windows) == len(made.windows)


def test_a_stream_gives_the_final_answer_in_one_piece() -> None:
    made = _made()

    async def run(base_url: str) -> Answer:
        stream = AsyncGlyphClient(base_url).stream(QUESTION, made, refine="hidpi")
        assert [piece async for piece in stream] == [UUID]
        return stream.answer

    with ScriptedServer(_cited(made), RIGHT, models=ONE) as server:
        got = asyncio.run(run(server.base_url))
    assert got.refined is not None
    assert got.refined.used


def test_all_first_looks_come_before_the_second_ones() -> None:
    made = _made()
    with (
        ScriptedServer(_cited(made), models=ONE) as server,
        GlyphClient(server.base_url) as client,
    ):
        answers = client.ask_many([QUESTION, QUESTION], made, refine="text")
    images = [len(_images(request["messages"][-1]["content"])) for request in server.requests]
    assert images == [len(made.pages), len(made.pages), 0, 0]
    assert all(got.refined is not None and got.refined.used for got in answers)


def test_without_refine_there_is_one_look() -> None:
    made = _made()
    requests, got = _ask(made, _cited(made))
    assert len(requests) == 1
    assert got.refined is None


def _citing(numbers: str) -> Scripted:
    return answer(f"{MISREAD} [pages {numbers}]")


def test_cited_pages_beyond_the_room_are_named() -> None:
    made = _made()
    larger = [render(TEXT[slice(*span)], closer(SMALL)) for span in made.page_spans[:3]]
    costs = [sum(page.visual_tokens + 2 for page in pages) for pages in larger]
    said = 512 + len(QUESTION) + CHAT_FRAME + 100
    models = as_json({"data": [{"id": "s", "max_model_len": costs[0] + costs[1] + said}]})
    _, got = _ask(
        render(TEXT, SMALL)[:3],
        _citing("2, 1, 3"),
        RIGHT,
        models=models,
        source=TEXT,
        config=SMALL,
        refine="hidpi",
        max_tokens=100,
    )
    assert (got.refined.pages, got.refined.left_out) == ((0, 1), (2,))
    assert got.refined.visual_tokens == costs[0] + costs[1]


def test_no_more_images_are_sent_than_a_request_may_have() -> None:
    text = "".join(RAIN * 24)
    pages = render(text, LARGE)[:2]
    each = len(render(text[slice(*pages[0].char_span)], closer(LARGE)))
    assert each > 1
    asked = {"source": text, "config": LARGE, "refine": "hidpi"}
    (_, second), got = _ask(pages, _citing("1, 2"), RIGHT, max_pages=2 * each - 1, **asked)
    assert (got.refined.pages, got.refined.left_out) == ((0,), (1,))
    assert len(_images(second)) == each
    (_, second), got = _ask(pages, _citing("1, 2"), RIGHT, max_pages=2 * each, **asked)
    assert got.refined.pages == (0, 1)


def test_a_page_that_does_not_fit_alone_leaves_the_first_answer() -> None:
    pages = render(TEXT, SMALL)[:1]
    full = pages[0].visual_tokens + 2 + CHAT_FRAME + 1
    models = as_json({"data": [{"id": "s", "max_model_len": full + 100}]})
    requests, got = _ask(
        pages, _citing("1"), models=models, source=TEXT, refine="hidpi", max_tokens=50
    )
    assert len(requests) == 1
    assert "none of its pages fits" in got.refined.note


def test_a_page_beyond_the_models_longest_edge_is_shown_in_parts_it_does_not_shrink() -> None:
    look = closer(LARGE)
    assert look.dpi == 150
    assert look.page_size[0] == 1200
    text = "".join(RAIN * 12)
    whole, parts = render(text, LARGE), render(text, look)
    assert len(parts) > len(whole)
    assert [line for page in parts for line in page.line_texts] == [
        line for page in whole for line in page.line_texts
    ]
    assert all(2 * page.size_px[0] * page.size_px[1] <= 9_633_792 for page in parts)
    made = plan(text, config=LARGE, counter=EstimateCounter(), text_gate=False)
    (_, second), got = _ask(made, answer("Day 5 [page 1]"), answer("Day 5"), refine="hidpi")
    count = len(_images(second))
    assert count > 1
    assert f"page 1 (in {count} images) of {len(made.pages)}" in _texts(second)[-1]
    assert got.refined.used


def test_the_embedded_reader_refuses_both_ways_and_says_why() -> None:
    with running_embedded(Reader.load()) as url, GlyphClient(url) as client:
        for how in ("hidpi", "text"):
            with pytest.raises(ConfigError, match="embedded reader: it reads pages of its own θ"):
                client.ask(QUESTION, TEXT, refine=how)


def test_a_server_that_reads_one_look_only_refuses_hidpi() -> None:
    glyph = {"theta": ["0123456789abcdef"]}
    models = as_json({"data": [{"id": "s", "max_model_len": 32768, "glyph": glyph}]})
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ConfigError, match="0123456789abcdef"):
            client.ask(QUESTION, TEXT, refine="hidpi")
        assert server.calls == 0


@pytest.mark.parametrize("value", ["", "higher", True, 144])
def test_an_impossible_way_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="refine must be 'hidpi' or 'text'"):
        GlyphClient("http://127.0.0.1:9/v1").ask(QUESTION, TEXT, refine=value)


def test_the_readers_weights_under_plain_vllm_are_known_by_their_look() -> None:
    look = RenderConfig.preset("reader")
    (parts,), got = _ask(FACT, answer("4711", logprob=-1.0), config=look)
    assert [part["type"] for part in parts] == ["image_url", "text"]
    assert _texts(parts) == [QUESTION]
    assert got.usage.exact_text_tokens == 0
    with pytest.raises(ConfigError, match="embedded reader"):
        _ask(FACT, answer("4711"), config=look, refine="text")


def test_a_page_of_a_document_with_its_own_look_keeps_that_look() -> None:
    code = Document.from_text("def day(number):\n    return {number: True}\n" * 99, "day.py")
    context = [TEXT * 9, code]
    made = plan(context, config="auto", counter=EstimateCounter(), text_gate=False)
    first = made.documents[1].start_page
    cited = answer(f"return [page {first + 1}]")
    requests, told = _ask(made, cited, RIGHT, refine="hidpi")
    [url, *_] = [p["image_url"]["url"] for p in requests[1] if p["type"] == "image_url"]
    theta = png_theta_hash(base64.b64decode(url.partition(",")[2]))
    assert theta == closer(RenderConfig.preset("code")).theta_hash
    assert told.refined.dpi == closer(RenderConfig.preset("code")).dpi
