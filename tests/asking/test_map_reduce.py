from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from glyph_shared.asking import Answer, AsyncGlyphClient, GlyphClient, Progress
from glyph_shared.documents import Document
from glyph_shared.errors import ServerError
from glyph_shared.planning import Plan, plan
from glyph_shared.rendering import RenderConfig
from tests.scripted_server import Script, Scripted, ScriptedServer, answer, as_json, failure

QUESTION = "What is the access code of the Lisbon office?"
FILLER = [f"On day {day} it rained and nobody wanted to go out.\n" for day in range(80)]
FACT = "The access code of the Lisbon office is 4711.\n"
TEXT = "".join([*FILLER[:40], FACT, *FILLER[40:]])
REFUSAL = "Not on these pages."


@pytest.fixture(scope="module")
def windows() -> Plan:
    """Returns a plan of one page per window."""
    document = Document.from_text(TEXT, "offices.txt")
    config = RenderConfig.preset("reader")
    made = plan(document, 420, config=config, overflow="map_reduce", max_tokens=40, text_gate=False)
    assert len(made.windows) == len(made.pages) > 3
    return made


def _models(combine: str | None) -> Scripted:
    glyph = {"refusal": REFUSAL, "combine": combine} if combine else None
    return as_json({"data": [{"id": "scripted", "max_model_len": 32768, "glyph": glyph}]})


def _numbered(plan: Plan, replies: dict[int, Scripted], other: Scripted) -> Script:
    """Answers by the page that is asked about."""
    by_url = {plan.pages[number].data_url(): reply for number, reply in replies.items()}

    def reply(request: dict[str, Any]) -> Scripted:
        part = request["messages"][-1]["content"][0]
        return by_url.get(part.get("image_url", {}).get("url", ""), other)

    return reply


def _asked(server: ScriptedServer, plan: Plan) -> list[tuple[int, str]]:
    """Returns page and question of each request about one page."""
    numbers = {page.data_url(): page.index for page in plan.pages}
    asked = []
    for request in server.requests:
        page, question = request["messages"][-1]["content"]
        asked.append((numbers[page["image_url"]["url"]], question["text"]))
    return asked


def _ask(server: ScriptedServer, given: Plan, **options: Any) -> Answer:
    with GlyphClient(server.base_url, backoff=0.01) as client:
        return client.ask(QUESTION, given, **options)


def test_the_most_probable_answer_wins_and_refusals_rank_below(windows: Plan) -> None:
    replies = {1: answer("1234", logprob=-0.9), 2: answer("4711", logprob=-0.1)}
    script = _numbered(windows, replies, answer(REFUSAL, logprob=-0.001))
    with ScriptedServer(script, models=_models("best_supported")) as server:
        made = _ask(server, windows)
        assert server.calls == len(windows.windows)
        assert server.most_at_once == 1
    assert all(request["logprobs"] for request in server.requests)
    assert (made.text, made.logprob, made.answered_by) == ("4711", -0.1, (2,))
    assert [reading.refused for reading in made.windows[:4]] == [True, False, False, True]
    assert made.left_out == ()
    assert made.usage.requests == len(windows.windows)


def test_the_citation_comes_from_the_window_that_answered(windows: Plan) -> None:
    number = next(i for i, (a, b) in enumerate(windows.page_spans) if "4711" in TEXT[a:b])
    script = _numbered(windows, {number: answer("4711", logprob=-0.1)}, answer(REFUSAL))
    with ScriptedServer(script, models=_models("best_supported")) as server:
        [cited] = _ask(server, windows).citations
    assert (cited.page_index, cited.quote, cited.line) == (number, "4711", 41)
    assert (cited.path, cited.found_by) == ("offices.txt", "text")


def test_nothing_but_refusals_is_a_refusal(windows: Plan) -> None:
    with ScriptedServer(answer(REFUSAL), models=_models("best_supported")) as server:
        made = _ask(server, windows)
    assert (made.text, made.refused, made.citations, made.answered_by) == (REFUSAL, True, (), ())


def test_a_window_without_a_word_counts_as_read(windows: Plan) -> None:
    script = _numbered(windows, {0: answer("4711", logprob=-1.0)}, answer(""))
    with ScriptedServer(script, models=_models("best_supported")) as server:
        made = _ask(server, windows)
    assert made.text == "4711"
    assert made.left_out == ()


def test_partial_answers_are_summed_up_by_a_further_request(windows: Plan) -> None:
    replies = {0: answer("Rain [page 1]."), 2: answer("The code is 4711 [page 3].")}

    def other(request: dict[str, Any]) -> Scripted:
        is_text = request["messages"][-1]["content"][0]["type"] == "text"
        return answer("Rain [page 1], and the code 4711 [page 3]." if is_text else REFUSAL)

    inner = _numbered(windows, replies, Scripted())

    def script(request: dict[str, Any]) -> Scripted:
        found = inner(request)
        return found if found.pieces else other(request)

    with ScriptedServer(script, models=_models(None)) as server:
        made = _ask(server, windows)
        assert server.calls == len(windows.windows) + 1
        assert 1 < server.most_at_once <= 4
    notes = server.requests[-1]["messages"][-1]["content"][0]["text"]
    assert "From page 1:\nRain [page 1]." in notes
    assert "From page 3:\nThe code is 4711 [page 3]." in notes
    assert REFUSAL not in notes
    assert made.text == "Rain [page 1], and the code 4711 [page 3]."
    assert made.answered_by == (0, 2)
    cited = [place.page_index for place in made.citations if place.found_by == "model"]
    assert cited == [0, 2]


def test_partial_answers_are_not_lost_if_summing_them_up_fails(windows: Plan) -> None:
    def script(request: dict[str, Any]) -> Scripted:
        is_text = request["messages"][-1]["content"][0]["type"] == "text"
        return failure(400, "no room") if is_text else answer("Rain.")

    with ScriptedServer(script, models=_models(None)) as server:
        made = _ask(server, windows)
    assert made.text.startswith("From page 1:\nRain.\n\nFrom page 2:\nRain.")
    assert "side by side" in made.overflow_note
    assert "no room" in made.overflow_note
    assert len(made.windows) == made.usage.requests == len(windows.windows)


@pytest.mark.fault(57)
def test_a_cancelled_reading_of_windows_closes_its_connections(windows: Plan) -> None:
    async def run(base_url: str) -> None:
        async with AsyncGlyphClient(base_url) as client:
            asking = asyncio.create_task(client.ask(QUESTION, windows))
            while server.calls < 4:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    with ScriptedServer(Scripted((30.0,)), models=_models(None)) as server:
        asyncio.run(run(server.base_url))
        assert server.calls == 4
        assert server.open_connections == 0


def test_a_single_partial_answer_needs_no_summing_up(windows: Plan) -> None:
    script = _numbered(windows, {2: answer("4711 [page 3]")}, answer(REFUSAL))
    with ScriptedServer(script, models=_models(None)) as server:
        assert _ask(server, windows).text == "4711 [page 3]"
        assert server.calls == len(windows.windows)
        assert f"page 3 of {len(windows.pages)}" in str(server.requests)


def test_many_long_partial_answers_are_summed_up_in_rounds(windows: Plan) -> None:
    def script(request: dict[str, Any]) -> Scripted:
        is_text = request["messages"][-1]["content"][0]["type"] == "text"
        return answer("short" if is_text else "long " * 20)

    models = as_json({"data": [{"id": "scripted", "max_model_len": 480}]})
    with ScriptedServer(script, models=models) as server:
        assert _ask(server, windows, max_tokens=200).text == "short"
        rounds = server.calls - len(windows.windows)
    assert 2 < rounds < len(windows.windows)


def test_all_questions_about_a_window_come_before_the_next_window(windows: Plan) -> None:
    with (
        ScriptedServer(answer("yes", logprob=-1.0), models=_models("best_supported")) as server,
        GlyphClient(server.base_url) as client,
    ):
        answers = client.ask_many(["Who?", "Where?", "When?"], windows)
    expected = list(itertools.product(range(len(windows.pages)), ["Who?", "Where?", "When?"]))
    assert _asked(server, windows) == expected
    assert [made.text for made in answers] == ["yes"] * 3


def test_questions_about_one_window_share_its_pages() -> None:
    with ScriptedServer(answer("yes")) as server, GlyphClient(server.base_url) as client:
        made = plan(TEXT, text_gate=False)
        assert len(client.ask_many(["Who?", "Where?"], made)) == 2
    first, second = (request["messages"][-1]["content"] for request in server.requests)
    assert first[:-1] == second[:-1]


def test_concurrency_is_bounded_as_asked(windows: Plan) -> None:
    slow = Scripted((0.05, *answer("yes", logprob=-1.0).pieces))
    with ScriptedServer(slow, models=_models("best_supported")) as server:
        _ask(server, windows, concurrency=2)
        assert server.most_at_once == 2


def test_progress_is_told_after_each_window(windows: Plan) -> None:
    told: list[Progress] = []
    with ScriptedServer(answer("yes"), models=_models("best_supported")) as server:
        _ask(server, windows, progress=told.append)
    total = len(windows.windows)
    assert [step.windows_done for step in told] == list(range(1, total + 1))
    assert told[-1] == Progress(total, total, len(windows.pages), len(windows.pages))


def test_an_error_in_the_progress_callback_reaches_the_caller(windows: Plan) -> None:
    def stop(_: Progress) -> None:
        raise KeyError("stop")

    with (
        ScriptedServer(answer("yes"), models=_models(None)) as server,
        pytest.raises(KeyError, match="stop"),
    ):
        _ask(server, windows, progress=stop)


@pytest.mark.fault(52, 55)
def test_a_window_that_fails_is_left_out_and_listed(windows: Plan) -> None:
    script = _numbered(windows, {1: failure(500, "died")}, answer("yes", logprob=-1.0))
    with ScriptedServer(script, models=_models("best_supported")) as server:
        made = _ask(server, windows)
    [left] = made.left_out
    assert (left.start_page, left.stop_page) == (1, 2)
    assert "died" in left.reason
    assert len(made.windows) == len(windows.windows) - 1


@pytest.mark.fault(52)
def test_a_server_that_dies_is_not_asked_for_every_window(windows: Plan) -> None:
    script = _numbered(windows, {0: answer("yes", logprob=-1.0)}, failure(504, "gone"))
    with ScriptedServer(script, models=_models("best_supported")) as server:
        made = _ask(server, windows)
        assert server.calls == 4
    assert made.text == "yes"
    reasons = [left.reason for left in made.left_out]
    assert len(reasons) == len(windows.windows) - 1
    assert all("gone" in reason for reason in reasons[:3])
    assert all("failures in a row" in reason for reason in reasons[3:])


def test_a_server_that_never_answers_is_an_error(windows: Plan) -> None:
    with (
        ScriptedServer(failure(401), models=_models("best_supported")) as server,
        pytest.raises(ServerError, match="401"),
    ):
        _ask(server, windows)
    assert server.calls == 3


def test_a_time_budget_ends_the_reading_and_says_what_was_left_out(windows: Plan) -> None:
    slow = Scripted((0.2, *answer("yes", logprob=-1.0).pieces))
    with ScriptedServer(slow, models=_models("best_supported")) as server:
        made = _ask(server, windows, time_budget=0.1)
        assert server.calls == 1
    assert made.text == "yes"
    assert len(made.left_out) == len(windows.windows) - 1
    assert all("time budget of 0.1 s" in left.reason for left in made.left_out)


def test_a_text_beyond_the_window_is_read_in_windows_where_the_server_weighs_answers() -> None:
    config = RenderConfig.preset("reader").model_dump(mode="json", by_alias=True)
    glyph = {"render_config": config, "combine": "best_supported", "text_gate": False}
    models = as_json({"data": [{"id": "s", "max_model_len": 800, "glyph": glyph}]})
    with (
        ScriptedServer(answer("4711", logprob=-1.0), models=models) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, TEXT)
        assert server.calls == len(made.windows) > 1


@pytest.mark.parametrize(("told", "asked", "most"), [(2, None, 2), (None, 3, 3), (4, 1, 1)])
def test_no_request_has_more_pages_than_allowed(
    told: int | None, asked: int | None, most: int
) -> None:
    glyph = {"combine": "best_supported", "text_gate": False, "max_pages": told}
    models = as_json({"data": [{"id": "s", "max_model_len": 9000, "glyph": glyph}]})
    config = RenderConfig.preset("reader")
    with (
        ScriptedServer(answer("4711", logprob=-1.0), models=models) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.ask(QUESTION, TEXT, config=config, max_pages=asked)
    contents = [request["messages"][-1]["content"] for request in server.requests]
    assert max(len(parts) - 1 for parts in contents) == most


def test_a_stream_over_windows_ends_with_the_same_answer(windows: Plan) -> None:
    async def run(base_url: str) -> Answer:
        stream = AsyncGlyphClient(base_url).stream(QUESTION, windows)
        assert [piece async for piece in stream] == ["yes"]
        return stream.answer

    with ScriptedServer(answer("yes", logprob=-1.0), models=_models("best_supported")) as server:
        assert asyncio.run(run(server.base_url)) == _ask(server, windows)
