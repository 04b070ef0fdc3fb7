"""A survey tells what a context costs at several θ."""

from __future__ import annotations

import pytest

from glyph_shared.errors import InputError
from glyph_shared.planning import CHAT_FRAME, EstimateCounter, default_configs, plan, survey
from glyph_shared.planning.budget import page_cost
from glyph_shared.rendering import Page, RenderConfig, render

TEXT = "It was a plain text, of plain words, told at some length.\n" * 400


def test_a_row_counts_what_a_plan_would():
    (row,) = survey(TEXT, {"en": RenderConfig.preset("en")}, counter=EstimateCounter())
    made = plan(TEXT, counter=EstimateCounter())
    assert row.report == made.report
    assert row.pages == len(made.pages)
    assert (row.requests, row.fits, row.replaced) == (1, True, 0)


def test_what_fits_is_counted_where_the_context_is_longer():
    config = RenderConfig.preset("en")
    pages = render(TEXT, config)
    budget = page_cost(pages[0]) + page_cost(pages[1])
    window = budget + 100 + 6
    (row,) = survey(TEXT, {"en": config}, window=window, max_tokens=100)
    assert row.chars_that_fit == pages[1].char_span[1]
    assert row.requests == -(-len(pages) // 2)
    assert not row.fits
    share = row.chars_that_fit / len(TEXT)
    assert row.text_tokens_that_fit == round(row.report.text_tokens * share)


def test_what_would_fit_is_in_proportion_where_the_context_is_shorter():
    (row,) = survey(TEXT, {"en": RenderConfig.preset("en")}, window=100_000, max_tokens=1000)
    budget = 100_000 - 1000 - 6
    assert row.chars_that_fit == len(TEXT) * budget // row.report.visual_tokens


def test_the_default_rows_go_from_dense_to_sharp():
    rows = {row.name: row for row in survey(TEXT)}
    assert list(rows) == list(default_configs())
    plain, kept, sharp, sharpest = rows.values()
    assert plain.report.ratio >= kept.report.ratio > sharp.report.ratio > sharpest.report.ratio
    assert {row.report.tokenizer for row in rows.values()} == {plain.report.tokenizer}


def test_no_page_is_encoded(monkeypatch):
    def refuse(self):
        raise AssertionError("a survey needs no PNG")

    monkeypatch.setattr(Page, "png", property(refuse))
    assert all(row.pages for row in survey(TEXT))


def test_a_survey_needs_no_room_for_an_answer():
    config = RenderConfig.preset("en")
    cost = sum(map(page_cost, render(TEXT, config)))
    (row,) = survey(TEXT, {"en": config}, window=cost + CHAT_FRAME, max_tokens=0)
    assert (row.fits, row.chars_that_fit) == (True, len(TEXT))


def test_an_empty_context_is_refused():
    with pytest.raises(InputError):
        survey(" ")
