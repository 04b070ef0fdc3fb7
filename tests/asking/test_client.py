from __future__ import annotations

import asyncio
import base64
import threading
import warnings
from contextlib import nullcontext
from typing import Any

import openai
import pytest

from glyph_shared.asking import Answer, AsyncGlyphClient, GlyphClient, Sampling, TokenCountWarning
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, FontWarning, InputError, OverLengthError, ServerError
from glyph_shared.planning import plan
from glyph_shared.rendering import Page, RenderConfig, png_theta_hash, render
from tests.scripted_server import Scripted, ScriptedServer, answer, as_json, failure, streamed

QUESTION = "What is the access code of the Lisbon office?"
WHOLE_PAGE = RenderConfig(auto_crop_last_page=False)
FACT = "The access code of the Lisbon office is 4711."
PROSE = f"{'It rained all day and nobody went out. ' * 40}{FACT} {'Then the sun came out. ' * 40}"


def _models(**entry: Any) -> Any:
    return as_json({"object": "list", "data": [{"id": "scripted", **entry}]})


def _reader_entry(**glyph: Any) -> Any:
    config = RenderConfig.preset("reader").model_dump(mode="json", by_alias=True)
    told = {"render_config": config, "refusal": "Not on these pages.", "text_gate": False}
    return _models(
        max_model_len=2000,
        glyph={**told, "combine": "best_supported", "tokenizer": "character", **glyph},
    )


def _parts(server: ScriptedServer, call: int = -1) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = server.requests[call]["messages"][-1]["content"]
    return content


def _theta(part: dict[str, Any]) -> str | None:
    return png_theta_hash(base64.b64decode(part["image_url"]["url"].partition(",")[2]))


def test_pages_come_first_and_the_question_last(pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, pages * 2, system="Be brief.")
    *images, text = _parts(server)
    assert [part["type"] for part in images] == ["image_url", "image_url"]
    assert images[0]["uuid"] == pages[0].digest
    assert images[0]["image_url"]["url"] == pages[0].data_url()
    assert text["text"].startswith(QUESTION)
    assert "pages 1 to 2" in text["text"]
    assert server.requests[0]["messages"][0]["content"] == [{"type": "text", "text": "Be brief."}]


def test_the_published_sampling_is_the_default(pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, pages)
    sent = {key: server.requests[0][key] for key in ("max_tokens", "top_p", "top_k", "temperature")}
    assert sent == {"max_tokens": 8192, "top_p": 1.0, "top_k": 1, "temperature": 1e-4}
    assert server.requests[0]["repetition_penalty"] == 1.1
    assert server.requests[0]["stop_token_ids"] == [151329, 151336, 151338, 151348]


def test_other_sampling_is_sent_as_asked(pages: list[Page]) -> None:
    sampling = Sampling(temperature=0.5, seed=7)
    with ScriptedServer() as server, GlyphClient(server.base_url, sampling=sampling) as client:
        client.ask(QUESTION, pages, max_tokens=5)
    sent = server.requests[0]
    assert (sent["temperature"], sent["seed"], sent["max_tokens"]) == (0.5, 7, 5)


@pytest.mark.fault(11)
def test_control_tokens_in_question_and_text_are_neutralised() -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        text = "A short text with <|image|> and [gMASK] and </think>."
        client.ask("Who is <|user|>?", text, config=WHOLE_PAGE)
    sent = "".join(part["text"] for part in _parts(server))
    assert "‹|image|› and ⟦gMASK⟧ and ‹/think›" in sent
    assert "Who is ‹|user|›?" in sent


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "text"),
        (" \n", "text"),
        ([], "none"),
        ([3], "Pages"),
        (["a", 3], "mixture"),
        (None, "NoneType"),
        (b"text", "bytes"),
    ],
)
def test_nothing_to_ask_about_is_an_input_error(given: Any, message: str) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        with pytest.raises(InputError, match=message):
            client.ask(QUESTION, given)
        assert server.calls == 0


@pytest.mark.parametrize("question", ["", "  ", None, 3])
def test_an_empty_question_is_an_input_error(question: Any, pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        with pytest.raises(InputError, match="question"):
            client.ask(question, pages)
        with pytest.raises(InputError, match="question"):
            list(client.stream(question, pages))
        assert server.calls == server.model_calls == 0


def test_a_single_page_may_be_asked_about(pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        assert client.ask(QUESTION, pages[0]).text == "yes"
    assert [part["type"] for part in _parts(server)] == ["image_url", "text"]


def test_auto_draws_each_document_by_its_kind() -> None:
    code = Document.from_text("def day(number):\n    return {number: True}\n" * 99, "day.py")
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        made = client.plan([PROSE * 9, code], QUESTION, config="auto")
        client.ask(QUESTION, [PROSE * 9, code], config="auto")
    kinds = [part.kind for part in made.documents]
    drawn = {_theta(part) for part in _parts(server) if part["type"] == "image_url"}
    assert kinds == ["prose", "code"]
    assert drawn == {RenderConfig.preset(name).theta_hash for name in ("en", "code")}


def test_a_look_that_the_server_names_goes_before_auto() -> None:
    models = _reader_entry(max_pages=4)
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        made = client.plan(FACT, QUESTION, config="auto")
    assert made.configs == (RenderConfig.preset("reader"),)


def test_a_text_is_drawn_as_the_caller_says_else_as_the_server_says_else_as_preset_en() -> None:
    reader, code = RenderConfig.preset("reader"), RenderConfig.preset("code")
    with ScriptedServer(models=_reader_entry()) as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, FACT)
        assert _theta(_parts(server)[0]) == reader.theta_hash
        client.ask(QUESTION, FACT, config=code)
        assert _theta(_parts(server)[0]) == code.theta_hash
        assert server.model_calls == 1
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, PROSE * 8)
        assert _theta(_parts(server)[0]) == RenderConfig.preset("en").theta_hash


def test_a_plan_can_be_looked_at_before_it_is_asked_about() -> None:
    with ScriptedServer(models=_reader_entry()) as server, GlyphClient(server.base_url) as client:
        made = client.plan([Document.from_text(FACT, "a"), Document.from_text(PROSE, "b")])
        assert server.calls == 0
        assert made.config == RenderConfig.preset("reader")
        client.ask(QUESTION, made, cite=False)
        assert len(_parts(server)) >= 2


def test_several_documents_are_asked_about_together() -> None:
    documents = [Document.from_text(PROSE, "a.txt"), Document.from_text(FACT, "b.txt")]
    with ScriptedServer(answer("4711 [page 2]")) as server, GlyphClient(server.base_url) as client:
        config = RenderConfig.preset("en").model_copy(update={"auto_crop_last_page": False})
        cited = client.ask(QUESTION, documents, config=config).citations
    assert {place.path for place in cited if place.found_by == "text"} <= {"a.txt", "b.txt"}
    assert [(c.page_index, c.path) for c in cited if c.found_by == "model"] in ([(1, "b.txt")], [])


def test_a_theta_that_is_unknown_here_is_a_config_error() -> None:
    models = _reader_entry(render_config={"page-size": "560,448", "hologram": True})
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ConfigError, match="hologram"):
            client.ask(QUESTION, FACT)
        assert server.calls == 0


@pytest.mark.fault(36)
@pytest.mark.parametrize("font", ["/etc/passwd", "..\\secret.ttf", "fonts/a.ttf", "a\0.ttf"])
def test_a_server_names_fonts_and_never_opens_files(font: str) -> None:
    models = _reader_entry(render_config={"font-path": font})
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ConfigError, match=r"the server asks for .*bare name"):
            client.ask(QUESTION, FACT)
        assert server.calls == 0


def test_a_font_of_the_server_that_is_not_here_is_a_config_error() -> None:
    models = _reader_entry(render_config={"font-path": "No Such Sans"})
    with (
        ScriptedServer(models=models) as server,
        GlyphClient(server.base_url) as client,
        pytest.raises(ConfigError, match=r"the server asks for .*No Such Sans"),
    ):
        client.ask(QUESTION, FACT)


def test_text_tokens_are_counted_by_the_server_that_is_asked() -> None:
    tokens = as_json({"count": 70_000})
    with (
        ScriptedServer(tokens=tokens) as server,
        GlyphClient(server.base_url, api_key="sk-1") as client,
    ):
        report = client.plan(PROSE, QUESTION, max_tokens=5).report
        assert report.text_tokens == 70_000
        assert report.tokenizer == f"scripted at {server.base_url[7:-3]}"
    assert server.counted[-1]["model"] == "scripted"
    assert server.headers[-1]["authorization"] == "Bearer sk-1"
    assert server.model_calls == 1


def test_a_server_that_cannot_count_tokens_or_counts_chars_is_planned_for_all_the_same() -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        assert "scripted" not in client.plan(PROSE).report.tokenizer
        assert server.counted
    with ScriptedServer(models=_reader_entry()) as server, GlyphClient(server.base_url) as client:
        assert "scripted" not in client.plan(PROSE).report.tokenizer
        assert not server.counted


def test_chars_that_are_drawn_as_the_replacement_are_one_warning() -> None:
    text = f"{PROSE} \U000f1234\U000f1235"
    with (
        ScriptedServer(models=_reader_entry()) as server,
        GlyphClient(server.base_url) as client,
        pytest.warns(FontWarning, match="no font has 2 ") as caught,
    ):
        client.ask(QUESTION, text)
    assert len(caught) == 1


@pytest.mark.fault(34)
def test_pages_beyond_the_servers_limit_are_refused_or_read_in_parts(pages: list[Page]) -> None:
    models = _models(max_model_len=100_000, glyph={"max_pages": 2})
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(OverLengthError, match="3 pages and may have 2") as caught:
            client.ask(QUESTION, pages * 3)
        assert server.calls == 0
        made = client.ask(QUESTION, pages * 3, overflow="map_reduce", max_pages=9)
        assert [(w.start_page, w.stop_page) for w in made.windows] == [(0, 2), (2, 3)]
        made = client.ask(QUESTION, pages * 3, overflow="map_reduce", max_pages=1)
        assert len(made.windows) == 3
    assert (caught.value.needed, caught.value.limit) == (3, 2)


def test_pages_beyond_the_window_are_read_in_parts(pages: list[Page]) -> None:
    models = _models(max_model_len=1000)
    with ScriptedServer(models=models) as server, GlyphClient(server.base_url) as client:
        made = client.ask(QUESTION, pages * 3, overflow="map_reduce", cite=False, max_tokens=9)
    assert [(w.start_page, w.stop_page) for w in made.windows] == [(0, 2), (2, 3)]


def test_a_short_text_goes_along_as_text_unless_the_server_reads_only_pages() -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, FACT, config=WHOLE_PAGE)
        assert [part["type"] for part in _parts(server)] == ["text", "text"]
    with ScriptedServer(models=_reader_entry()) as server, GlyphClient(server.base_url) as client:
        client.ask(QUESTION, FACT)
        assert [part["type"] for part in _parts(server)] == ["image_url", "text"]
        assert _parts(server)[-1]["text"] == QUESTION


def test_a_server_without_a_model_list_is_asked_all_the_same(pages: list[Page]) -> None:
    with ScriptedServer(models=failure(404)) as server, GlyphClient(server.base_url) as client:
        assert client.ask(QUESTION, pages).text == "yes"
    assert server.requests[0]["model"] == "glyph"


def test_a_named_model_wins_over_the_first_one_served(pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url, "mine") as client:
        client.ask(QUESTION, pages)
    assert server.requests[0]["model"] == "mine"


@pytest.mark.fault(14, 34)
def test_a_text_beyond_the_window_is_an_error_before_anything_is_sent() -> None:
    with (
        ScriptedServer(models=_models(max_model_len=2000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        with pytest.raises(OverLengthError):
            client.ask(QUESTION, PROSE * 50)
        assert server.calls == 0


@pytest.mark.fault(34)
def test_pages_beyond_the_window_are_not_sent(pages: list[Page]) -> None:
    with (
        ScriptedServer(models=_models(max_model_len=700)) as server,
        GlyphClient(server.base_url) as client,
    ):
        assert client.ask(QUESTION, pages * 2).text == "yes"
        with pytest.raises(OverLengthError, match=r"972 tokens.* 700") as caught:
            client.ask(QUESTION, pages * 3)
        assert server.calls == 1
    assert (caught.value.needed, caught.value.limit) == (972, 700)


def test_a_model_list_that_hangs_meets_the_deadline_of_the_question(pages: list[Page]) -> None:
    with ScriptedServer(models=Scripted((30.0,))) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ServerError, match=r"within 0\.2 s"):
            client.ask(QUESTION, pages, timeout=0.2)
        assert server.calls == 0


def test_thinking_is_kept_apart_whoever_separates_it(pages: list[Page]) -> None:
    told = [
        answer("<think>hm</think>\n4711<|user|>"),
        answer("4711", reasoning="hm"),
        answer("hm</think>4711"),
    ]
    with ScriptedServer(*told) as server, GlyphClient(server.base_url) as client:
        answers = [client.ask(QUESTION, pages) for _ in told]
    assert [(made.text, made.thinking) for made in answers] == [("4711", "hm")] * 3


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    "reply",
    [answer("<think>on and on", finish_reason="length"), answer(None, reasoning="on and on")],
)
def test_thinking_without_an_answer_is_flagged(reply: Any, pages: list[Page]) -> None:
    with ScriptedServer(reply) as server, GlyphClient(server.base_url) as client:
        made = client.ask(QUESTION, pages)
    assert (made.text, made.thinking, made.only_thinking) == ("", "on and on", True)


@pytest.mark.fault(50)
def test_a_reply_that_met_max_tokens_is_flagged(pages: list[Page]) -> None:
    replies = [answer("47", finish_reason="length"), streamed("47", finish_reason="length")]
    with ScriptedServer(*replies) as server, GlyphClient(server.base_url) as client:
        assert client.ask(QUESTION, pages).truncated
        stream = client.stream(QUESTION, pages)
        assert list(stream) == ["47"]
        assert stream.answer.truncated


def test_usage_is_told_in_both_forms(pages: list[Page]) -> None:
    details = {"cached_tokens": 128, "multimodal_tokens": {"image": 320}}
    usage = {"prompt_tokens": 380, "completion_tokens": 3, "prompt_tokens_details": details}
    replies = [answer("4711", usage=usage), streamed("47", "11", usage=usage)]
    with ScriptedServer(*replies) as server, GlyphClient(server.base_url) as client:
        whole = client.ask(QUESTION, pages).usage
        stream = client.stream(QUESTION, pages)
        assert list(stream) == ["47", "11"]
    assert whole == stream.answer.usage
    assert (whole.prompt_tokens, whole.completion_tokens) == (380, 3)
    assert (whole.cached_tokens, whole.visual_tokens, whole.requests) == (128, 320, 1)


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    ("prompt", "visual", "message"),
    [
        (380, None, None),
        (200, None, "200 prompt tokens .* 322 of them for 1 page;"),
        (900, None, "900 prompt tokens .* 322 of them for 1 page;"),
        (380, 320, None),
        (380, 322, None),
        (380, 300, "300 visual tokens where 320 to 322"),
        (380, 340, "340 visual tokens where 320 to 322"),
    ],
)
def test_another_count_of_tokens_than_planned_is_a_warning_with_the_figures(
    prompt: int, visual: int | None, message: str | None, pages: list[Page]
) -> None:
    details = {"multimodal_tokens": {"image": visual}} if visual is not None else None
    usage = {"prompt_tokens": prompt, "completion_tokens": 3, "prompt_tokens_details": details}
    expected = pytest.warns(TokenCountWarning, match=message) if message else nullcontext()
    with (
        ScriptedServer(answer("4711", usage=usage)) as server,
        GlyphClient(server.base_url) as client,
        expected,
    ):
        client.ask(QUESTION, pages)


def test_an_answer_is_tied_to_page_file_and_line(tmp_path: Any) -> None:
    document = Document.from_text(f"{PROSE}\n{FACT.replace('4711', '2222')}", "offices.txt")
    with (
        ScriptedServer(answer("The code is 4711 [page 1].")) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, plan(document, text_gate=False))
    cited, found = made.citations[:2]
    assert (cited.found_by, cited.page_index, cited.path) == ("model", 0, "offices.txt")
    assert found.found_by == "text"
    assert "4711" in found.quote
    assert document.text[slice(*found.char_span)] == found.quote
    assert (found.path, found.line, found.page_index) == ("offices.txt", 1, 0)


def test_pages_alone_are_searched_by_what_is_drawn_on_them() -> None:
    drawn = render(PROSE, RenderConfig.preset("reader"))
    with ScriptedServer(answer("4711")) as server, GlyphClient(server.base_url) as client:
        [found] = client.ask(QUESTION, drawn).citations
    assert found.page_index == next(i for i, page in enumerate(drawn) if _holds(page, "4711"))
    assert PROSE[slice(*found.char_span)] == "4711"


def _holds(page: Page, word: str) -> bool:
    return word in PROSE[slice(*page.char_span)]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("not on these pages", True),
        ("Not on these pages. [page 1]", True),
        ("Not on these pages in full. It is: 4711.\n4711", False),
    ],
)
def test_a_refusal_is_flagged_and_has_no_citations(
    text: str, refused: bool, pages: list[Page]
) -> None:
    with ScriptedServer(answer(text)) as server, GlyphClient(server.base_url) as c:
        made = c.ask(QUESTION, pages)
    assert made.refused is refused
    assert bool(made.citations) is not refused


def test_a_stream_that_is_not_read_to_its_end_has_no_answer(pages: list[Page]) -> None:
    with ScriptedServer(streamed("47", "11")) as server, GlyphClient(server.base_url) as client:
        with client.stream(QUESTION, pages) as stream:
            assert next(iter(stream)) == "47"
            with pytest.raises(InputError, match="end"):
                _ = stream.answer
        assert server.open_connections == 0


@pytest.mark.fault(57)
def test_leaving_a_stream_early_closes_its_connection(pages: list[Page]) -> None:
    slow = streamed("47", 30.0, "11")

    async def leave(base_url: str) -> None:
        async with AsyncGlyphClient(base_url).stream(QUESTION, pages) as stream:
            async for _ in stream:
                break

    with ScriptedServer(slow) as server, GlyphClient(server.base_url) as client:
        asyncio.run(leave(server.base_url))
        assert server.open_connections == 0
        for _ in client.stream(QUESTION, pages):
            break
        assert server.open_connections == 0


@pytest.mark.fault(57)
def test_a_cancelled_request_closes_its_connection(pages: list[Page]) -> None:
    async def cancel(server: ScriptedServer) -> None:
        asking = asyncio.create_task(AsyncGlyphClient(server.base_url).ask(QUESTION, pages))
        while not server.calls:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with ScriptedServer(streamed(30.0)) as server:
        asyncio.run(cancel(server))
        assert server.open_connections == 0


def test_one_async_client_works_in_one_event_loop_after_another(pages: list[Page]) -> None:
    with ScriptedServer(answer("4711")) as server:
        client = AsyncGlyphClient(server.base_url)
        texts = [asyncio.run(client.ask(QUESTION, pages)).text for _ in range(3)]
        assert server.model_calls == 1
    assert texts == ["4711"] * 3


def test_the_clients_connections_are_prepared_outside_the_event_loop(
    pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    class Watched(openai.DefaultAsyncHttpxClient):
        def __init__(self, **settings: Any) -> None:
            threads.append(threading.current_thread())
            super().__init__(**settings)

    monkeypatch.setattr(openai, "DefaultAsyncHttpxClient", Watched)
    with ScriptedServer(answer("4711")) as server:
        asyncio.run(AsyncGlyphClient(server.base_url).ask(QUESTION, pages))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.fault(62)
def test_the_blocking_client_works_where_an_event_loop_is_running(pages: list[Page]) -> None:
    async def notebook(base_url: str) -> Answer:
        with GlyphClient(base_url) as client:
            return client.ask(QUESTION, pages)

    with ScriptedServer(answer("4711")) as server:
        assert asyncio.run(notebook(server.base_url)).text == "4711"


def test_several_threads_may_share_a_client(pages: list[Page]) -> None:
    texts: list[str] = []
    with ScriptedServer(answer("4711")) as server, GlyphClient(server.base_url) as client:
        threads = [
            threading.Thread(target=lambda: texts.append(client.ask(QUESTION, pages).text))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["4711"] * 8


def test_a_closed_client_may_be_used_again_and_leaves_no_thread(pages: list[Page]) -> None:
    before = threading.active_count()
    with ScriptedServer(answer("4711")) as server:
        client = GlyphClient(server.base_url)
        for _ in range(2):
            assert client.ask(QUESTION, pages).text == "4711"
            client.close()
    assert threading.active_count() == before


def test_a_forgotten_client_ends_its_thread(pages: list[Page]) -> None:
    before = set(threading.enumerate())
    with ScriptedServer(answer("4711")) as server:
        client = GlyphClient(server.base_url)
        client.ask(QUESTION, pages)
        [thread] = [
            each for each in set(threading.enumerate()) - before if each.name == "glyph-client"
        ]
        del client
        thread.join(10)
    assert set(threading.enumerate()) <= before


def test_what_the_server_says_of_itself_can_be_read() -> None:
    with ScriptedServer(models=_reader_entry()) as server, GlyphClient(server.base_url) as client:
        entry = client.model_entry()
    assert entry.max_model_len == 2000
    assert entry.glyph is not None
    assert entry.glyph.combine == "best_supported"


def test_a_model_list_that_is_refused_is_an_error_that_says_so(pages: list[Page]) -> None:
    with ScriptedServer(models=failure(401)) as server, GlyphClient(server.base_url) as client:
        with pytest.raises(ServerError, match="GLYPH_API_KEY"):
            client.ask(QUESTION, pages)
        assert server.calls == 0


@pytest.mark.fault(57)
def test_no_warning_is_left_behind(pages: list[Page]) -> None:
    with warnings.catch_warnings(record=True) as caught, ScriptedServer() as server:
        warnings.simplefilter("always")
        asyncio.run(AsyncGlyphClient(server.base_url).ask(QUESTION, pages))
    assert not caught
