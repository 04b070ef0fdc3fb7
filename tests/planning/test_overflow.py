"""What happens to a context beyond the window, and that nothing is left out silently."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.documents import Document, read_document
from glyph_shared.errors import ConfigError, OverLengthError
from glyph_shared.planning import LEGIBILITY_FLOOR_PX, EstimateCounter, Plan, plan
from glyph_shared.planning.denser import em_px, rungs
from glyph_shared.planning.passages import GAP, excerpt, merged, split_passages
from glyph_shared.rendering import RenderConfig

QUESTION = "What is the access code of the Lisbon office?"
FACT = "The access code of the Lisbon office is 4711.\n\n"
SMALL = RenderConfig(page_size=(280, 140), auto_crop_width=False, auto_crop_last_page=False)


def rain(days: int) -> str:
    return "".join(f"On day {day} it rained and nobody went out.\n\n" for day in range(days))


def planned(text: object, window: int, overflow: str, **options: object) -> Plan:
    options = {"config": SMALL, "counter": EstimateCounter(), "max_tokens": 100} | options
    return plan(text, window, overflow=overflow, text_gate=False, **options)


def needed(text: str, **options: object) -> int:
    return planned(text, 10**6, "error", **options).visual_tokens


TEXT = rain(300) + FACT + rain(300)


def test_hybrid_sends_the_passage_that_holds_the_answer():
    made = planned(TEXT, 1000, "hybrid", question=QUESTION)
    assert FACT.strip() in made.text
    assert len(made.windows) == 1
    assert made.visual_tokens <= made.budget.context
    assert made.locate(made.text.index("4711")).line == TEXT[: TEXT.index("4711")].count("\n") + 1


@pytest.mark.fault(55)
def test_hybrid_lists_all_that_it_leaves_out():
    made = planned(TEXT, 1000, "hybrid", question=QUESTION)
    left = sum(part.char_span[1] - part.char_span[0] for part in made.left_out)
    assert left + len(made.text.replace(GAP, "")) == len(TEXT)
    assert f"{left:,} of {len(TEXT):,} chars left out" in made.overflow_note
    assert made.overflow_note in str(made)
    assert all(part.reason for part in made.left_out)
    listed = json.loads(json.dumps(made.summary()))["left_out"]
    assert [tuple(part["char_span"]) for part in listed] == [p.char_span for p in made.left_out]


def test_hybrid_keeps_the_order_of_documents_and_drops_those_without_a_word():
    documents = [
        Document.from_text(rain(200), "rain.txt"),
        Document.from_text("The Lisbon office has a code.\n" + "Other matters.\n" * 300, "a.txt"),
        Document.from_text("Zzz. " * 300, "sleep.txt"),
        Document.from_text("An access code opens the Lisbon office.\n" * 3, "b.txt"),
    ]
    made = planned(documents, 600, "hybrid", question="Lisbon office access code")
    assert [placed.document.name for placed in made.documents] == ["a.txt", "b.txt"]
    unsent = {part.document: part for part in made.left_out}
    assert {"rain.txt", "sleep.txt"} <= unsent.keys()
    assert "shares no word" in unsent["sleep.txt"].reason


def test_hybrid_keeps_files_of_a_folder_apart(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text(rain(40), encoding="utf-8")
    (tmp_path / "code.txt").write_text(FACT, encoding="utf-8")
    made = planned(read_document(tmp_path), 700, "hybrid", question="Lisbon access code")
    assert made.locate(made.text.index("4711")).path == "code.txt"
    assert {part.path for part in made.left_out} == {f"{number}.txt" for number in range(6)}


def test_hybrid_is_not_needed_where_all_fits():
    made = planned(TEXT, 10**6, "hybrid")
    assert (made.left_out, made.overflow_note, made.text) == ((), "", TEXT)


def test_hybrid_needs_a_question_that_shares_a_word():
    with pytest.raises(ConfigError, match="question, which is empty"):
        planned(TEXT, 1000, "hybrid")
    with pytest.raises(OverLengthError, match="no passage shares a word"):
        planned(TEXT, 1000, "hybrid", question="Xylophone?")


def test_hybrid_respects_the_image_limit():
    made = planned(TEXT, 10**6, "hybrid", question=QUESTION, max_pages=3)
    assert 1 <= len(made.pages) <= 3
    assert "4711" in made.text


def test_hybrid_retrieves_by_the_question_and_not_by_what_goes_along():
    made = planned(
        TEXT, 1000, "hybrid", question="Speak of rain on each day.", retrieve_by="Lisbon code"
    )
    assert "4711" in made.text


def test_denser_takes_the_least_dense_rung_that_fits():
    config = RenderConfig()
    whole = needed(rain(2000), config=config)
    made = planned(rain(2000), whole * 9 // 10, "denser", config=config)
    before = [rung for rung in rungs(config) if rung.dpi > made.config.dpi]
    assert 60 <= made.config.dpi < 72
    assert len(made.windows) == 1
    assert made.left_out == ()
    assert f"{made.config.dpi:g} dpi instead of 72" in made.overflow_note
    for rung in before:
        with pytest.raises(OverLengthError):
            planned(rain(2000), whole * 9 // 10, "error", config=rung)


def test_denser_draws_line_breaks_before_it_makes_letters_smaller():
    config = RenderConfig(newline_markup="<br/>", auto_crop_width=False)
    text = "short line\n" * 3000
    made = planned(text, needed(text, config=config) * 2 // 3, "denser", config=config)
    assert made.config.dpi == 72
    assert "line breaks drawn as marks" in made.overflow_note


@pytest.mark.fault(55)
def test_denser_refuses_below_the_floor_and_names_it_and_the_alternatives():
    with pytest.raises(OverLengthError) as caught:
        planned(rain(2000), needed(rain(2000), config=RenderConfig()) // 3, "denser", config=None)
    said = str(caught.value)
    for part in (f"{LEGIBILITY_FLOOR_PX:g} px", "60 dpi", "'hybrid'", "'map_reduce'"):
        assert part in said
    assert caught.value.needed > caught.value.limit


def test_denser_cannot_lower_the_number_of_pages():
    with pytest.raises(OverLengthError, match="max_pages=2"):
        planned(rain(2000), 10**6, "denser", config=RenderConfig(), max_pages=2)


@pytest.mark.parametrize("size", [7, 9, 14])
@pytest.mark.parametrize("dpi", [50, 61, 72, 96, 120])
@pytest.mark.parametrize("narrow", [1.0, 0.75])
def test_the_ladder_only_goes_down_and_ends_at_the_floor(size, dpi, narrow):
    config = RenderConfig(font_size=size, line_height=size + 1, dpi=dpi, horizontal_scale=narrow)
    ladder = list(rungs(config))
    if em_px(config) <= LEGIBILITY_FLOOR_PX:
        assert ladder == []
        return
    steps = [config.dpi, *(rung.dpi for rung in ladder)]
    assert steps == sorted(set(steps), reverse=True)
    assert all(em_px(rung) >= LEGIBILITY_FLOOR_PX for rung in ladder)
    if ladder:
        assert em_px(ladder[-1].model_copy(update={"dpi": ladder[-1].dpi - 1})) < 7.5


@pytest.mark.fault(55)
def test_map_reduce_leaves_nothing_out():
    made = planned(TEXT, 1000, "map_reduce")
    assert len(made.windows) > 1
    assert (made.text, made.left_out) == (TEXT, ())


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="ab .\n\r。é", min_size=1, max_size=400), st.integers(2, 60))
def test_passages_tile_a_document_and_all_of_them_are_the_document(text, size):
    document = Document.from_text(text, "a.txt")
    spans = [(part.start, part.end) for part in split_passages([document], size)]
    assert merged(spans) == [(0, len(text))]
    assert all(0 < end - start <= size for start, end in spans)
    assert excerpt(document, merged(spans)).text == text


def test_an_excerpt_keeps_the_lines_of_its_file():
    document = Document.from_text("one\ntwo\nthree\nfour\n", "a.txt")
    part = excerpt(document, [(4, 8), (14, 19)])
    assert part.text == f"two\n{GAP}four\n"
    assert (part.locate(0).line, part.locate(part.text.index("four")).line) == (2, 4)
