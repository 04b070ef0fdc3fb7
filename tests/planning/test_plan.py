"""Plans say what goes to the model and what it costs, and refuse what does not fit."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.documents import Document, Location
from glyph_shared.errors import ConfigError, FontError, InputError, OverLengthError
from glyph_shared.planning import CHAT_FRAME, PAGE_MARKS, EstimateCounter, Plan, drawing, plan
from glyph_shared.rendering import RenderConfig, render

SMALL = RenderConfig(
    page_size=(280, 140),
    font_size=9,
    line_height=10,
    auto_crop_width=False,
    auto_crop_last_page=False,
)
PAGE_COST = 10 * 5 + PAGE_MARKS


class Words:
    """Counts words, so that a test can do the sums."""

    name = "words"

    def count(self, text):
        return len(text.split())


def prose(lines):
    return "".join(f"line {number} of a text that fills the width\n" for number in range(lines))


def planned(text, window, **settings):
    settings = {"config": SMALL, "counter": Words(), "max_tokens": 100} | settings
    return plan(text, window, **settings)


def room_for(pages, *, extra=0):
    """Returns the window that holds this many pages beside 100 tokens of answer."""
    return pages * PAGE_COST + 100 + CHAT_FRAME + extra


def pages_of(text):
    return len(render(text, SMALL))


def test_pages_marks_frame_question_and_answer_fill_the_window_exactly():
    text = prose(40)
    count = pages_of(text)
    made = planned(text, room_for(count, extra=4), question="what is line seven")
    assert made.mode == "pages"
    assert len(made.pages) == count
    assert made.visual_tokens == count * PAGE_COST
    assert made.reserve == 100 + CHAT_FRAME + 4
    assert [(w.start_page, w.stop_page) for w in made.windows] == [(0, count)]
    with pytest.raises(OverLengthError):
        planned(text, room_for(count, extra=3), question="what is line seven")


def test_the_report_is_of_the_context_alone():
    made = planned(prose(40), 10_000, question="this is not counted")
    assert made.report.text_tokens == 40 * 9
    assert made.report.visual_tokens == made.visual_tokens
    assert made.report.tokenizer == "words"


def test_what_is_too_long_is_refused_with_both_numbers_and_a_way_out():
    text = prose(100)
    count = pages_of(text)
    with pytest.raises(OverLengthError) as caught:
        planned(text, room_for(2))
    assert caught.value.needed == count * PAGE_COST
    assert caught.value.limit == 2 * PAGE_COST
    for said in (f"{count * PAGE_COST:,}", f"{2 * PAGE_COST:,}", "map_reduce", "words", "dpi"):
        assert said in str(caught.value)


def test_what_is_far_too_long_is_refused_without_drawing_it_all(monkeypatch):
    drawn = []
    cost = drawing.page_cost
    monkeypatch.setattr(drawing, "page_cost", lambda page: drawn.append(page) or cost(page))
    text = prose(1000)
    with pytest.raises(OverLengthError, match="about") as caught:
        planned(text, room_for(2))
    count = pages_of(text)
    assert len(drawn) < count / 2
    assert caught.value.needed == pytest.approx(count * PAGE_COST, rel=0.1)


def test_windows_take_consecutive_pages_up_to_the_budget():
    text = prose(100)
    count = pages_of(text)
    made = planned(text, room_for(3), overflow="map_reduce")
    assert [window.start_page for window in made.windows] == list(range(0, count, 3))
    assert made.windows[-1].stop_page == len(made.pages) == count
    assert all(window.visual_tokens <= 3 * PAGE_COST for window in made.windows)
    assert made.visual_tokens == count * PAGE_COST


def test_what_fits_is_one_window_even_if_it_might_be_divided():
    assert len(planned(prose(20), 10_000, overflow="map_reduce").windows) == 1


def test_the_servers_image_limit_counts_too():
    text = prose(60)
    count = pages_of(text)
    made = planned(text, 100_000, overflow="map_reduce", max_pages=2)
    assert {window.stop_page - window.start_page for window in made.windows} <= {1, 2}
    with pytest.raises(OverLengthError, match=f"{count} pages .*max_pages=2") as caught:
        planned(text, 100_000, max_pages=2)
    assert (caught.value.needed, caught.value.limit) == (count, 2)


def test_a_page_beyond_the_window_fails_under_either_policy():
    for overflow in ("error", "map_reduce"):
        with pytest.raises(OverLengthError):
            planned(prose(5), room_for(1) - 1, overflow=overflow, text_gate=False)


def test_a_question_that_leaves_no_room_is_named():
    with pytest.raises(OverLengthError, match="shorten the question"):
        planned("text", 150, question="word " * 60)


def test_text_stays_text_where_that_is_cheaper():
    made = planned("only a few words", 10_000)
    assert made.mode == "text"
    assert (made.pages, made.windows, made.visual_tokens) == ((), (), 0)
    assert made.report.text_tokens == 4
    assert made.report.visual_tokens == PAGE_COST
    assert made.text == "only a few words"


def test_the_gate_can_be_switched_off():
    made = planned("only a few words", 10_000, text_gate=False)
    assert made.mode == "pages"
    assert len(made.pages) == 1


def test_cheap_text_that_does_not_fit_is_not_sent_as_text():
    with pytest.raises(OverLengthError):
        planned("few words " * 40 + "\n" * 100, 170)


def test_planned_pages_are_the_rendered_pages():
    text = prose(30)
    for made, drawn in zip(planned(text, 10_000).pages, render(text, SMALL), strict=True):
        assert made.png == drawn.png
        assert made.digest == drawn.digest
        assert np.array_equal(made.pixels, drawn.pixels)
        assert made.data_url() == drawn.data_url()
        for name in ("index", "size_px", "char_span", "visual_tokens", "lines", "line_texts"):
            assert getattr(made, name) == getattr(drawn, name)


def test_coloured_pages_keep_their_pixels():
    config = SMALL.model_copy(update={"font_color": "#FF0000"})
    made = planned(prose(3), 10_000, config=config, text_gate=False)
    assert np.array_equal(made.pages[0].pixels, render(prose(3), config)[0].pixels)


def test_a_digest_is_that_of_the_pixels():
    page = planned(prose(3), 10_000, text_gate=False).pages[0]
    width, height = page.size_px
    expected = hashlib.sha256(f"{width}x{height}:".encode() + page.pixels.tobytes()).hexdigest()
    assert page.digest == expected


def test_planning_twice_gives_the_same_bytes():
    first, second = (planned(prose(30), 10_000) for _ in range(2))
    assert [page.png for page in first.pages] == [page.png for page in second.pages]
    assert first.summary() == second.summary()


def two_documents():
    return [Document.from_text(prose(20), "a.txt"), Document.from_text(prose(30), "b.txt")]


def test_each_document_starts_on_a_page_of_its_own():
    first, second = two_documents()
    made = planned([first, second], 10_000)
    ahead = pages_of(first.text)
    assert [(d.start_page, d.stop_page) for d in made.documents] == [
        (0, ahead),
        (ahead, len(made.pages)),
    ]
    assert made.pages[ahead].char_span[0] == 0


def test_spans_of_all_documents_count_in_the_plans_text():
    first, second = two_documents()
    made = planned([first, second], 10_000)
    for page, (start, stop) in zip(made.pages, made.page_spans, strict=True):
        first_word = page.line_texts[0].split()[0]
        assert made.text[start:stop].startswith(first_word)
    place = made.documents[1].start
    assert made.text[place:].startswith("line 0")
    assert made.locate(place) == Location("b.txt", 1)
    assert made.locate(place - 1).path == "a.txt"
    assert made.locate(len(made.text) - 1) == Location("b.txt", 30)


@pytest.mark.parametrize("offset", [-1, 5])
def test_places_outside_are_refused(offset):
    with pytest.raises(IndexError, match=r"0\.\.4"):
        planned("words", 10_000).locate(offset)


@pytest.mark.parametrize(
    "context", ["", " \n", [], ["text", ""], Document.from_text("", "a.txt"), None, 3, [3], b"abc"]
)
def test_a_context_without_text_is_refused(context):
    with pytest.raises(InputError):
        planned(context, 10_000)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"overflow": "cut"}, "got 'cut'"),
        ({"max_tokens": -1}, "max_tokens must not be negative; got -1"),
        ({"max_pages": 0}, "max_pages must be positive or None; got 0"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number; got 1.5"),
        ({"config": "en"}, "config"),
        ({"config": {"dpi": 72}}, "config"),
        ({"missing": "foo"}, "missing"),
    ],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        planned("text", 10_000, **settings)


def test_a_window_must_be_positive():
    with pytest.raises(ConfigError, match="window must be positive; got -1"):
        planned("text", -1)


@pytest.mark.parametrize("window", ["x", float("nan"), None])
def test_a_window_must_be_a_whole_number(window):
    with pytest.raises(ConfigError, match="window"):
        planned("text", window)


def test_chars_without_a_font_are_counted_or_refused():
    text = "a\U000f1234b " * 3
    assert planned(text, 10_000, text_gate=False).replaced == 3
    with pytest.raises(FontError):
        planned(text, 10_000, missing="error")


def test_a_summary_is_plain_and_names_the_tokenizer():
    made = planned(two_documents(), 10_000)
    summary = json.loads(json.dumps(made.summary()))
    assert summary["documents"] == ["a.txt", "b.txt"]
    assert summary["tokenizer"] == "words"
    assert summary["pages"] == len(made.pages)
    assert summary["compression_ratio"] == round(made.report.ratio, 3)
    assert summary["theta"] == SMALL.theta_hash
    assert "words" in str(made)
    assert "png" not in repr(made)


def test_a_single_page_is_written_in_the_singular():
    assert "\n1 page in 1 request of up to " in str(planned(prose(2), 10_000, text_gate=False))
    many = planned(prose(60), room_for(2), overflow="map_reduce", text_gate=False)
    assert f"{len(many.pages)} pages in {len(many.windows)} requests, each of up to " in str(many)


def test_a_summary_tells_the_marks_among_the_visual_tokens():
    told = planned(prose(60), 10_000, text_gate=False).summary()
    assert told["page_marks"] == PAGE_MARKS * told["pages"]
    assert told["visual_tokens"] == PAGE_COST * told["pages"]


def test_without_room_only_what_takes_it_is_blamed():
    with pytest.raises(OverLengthError, match=r"max_tokens \(100, .*\) leaves no room") as caught:
        planned("words", 100)
    assert "question" not in str(caught.value)
    with pytest.raises(OverLengthError, match=r"question \(2 tokens\) leave no room .* shorten"):
        planned("words", 100 + CHAT_FRAME + 2, question="Who else?")


def test_the_defaults_are_the_papers():
    made = plan("word " * 3000)
    assert (made.window, made.reserve) == (131_072, 8192 + CHAT_FRAME)
    assert made.config == RenderConfig.preset("en")
    assert made.mode == "pages"
    assert isinstance(made, Plan)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 120), st.integers(1, 9))
def test_windows_tile_the_pages_and_never_overflow(lines, pages):
    made = planned(prose(lines), room_for(pages), overflow="map_reduce", text_gate=False)
    edges = [0, *(window.stop_page for window in made.windows)]
    assert [window.start_page for window in made.windows] == edges[:-1]
    assert edges[-1] == len(made.pages)
    assert all(window.visual_tokens <= made.budget.context for window in made.windows)


def test_the_estimate_is_the_counter_of_last_resort(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert plan("word " * 9).report.tokenizer == EstimateCounter.name
