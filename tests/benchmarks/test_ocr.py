"""The measurements of what is read off pages work; how well it is read, no test says."""

from __future__ import annotations

import pytest

from glyph_shared.rendering import RenderConfig, render
from tests.benchmarks import legibility, ocr, texts, uuid_needles

needs_tesseract = pytest.mark.skipif(not ocr.is_installed(), reason=ocr.NEEDS)


def _by_table(needle: str, text: str) -> int:
    """The textbook's table, its first row zero: a place may begin anywhere."""
    row = [0] * (len(text) + 1)
    for done, char in enumerate(needle, start=1):
        before, row = row, [done]
        for place, other in enumerate(text):
            row.append(min(before[place] + (char != other), before[place + 1] + 1, row[-1] + 1))
    return min(row)


@pytest.mark.parametrize(
    ("needle", "text", "distance"),
    [
        ("abc", "xxabcxx", 0),
        ("abc", "xxaxbcxx", 1),
        ("abc", "xxacxx", 1),
        ("abc", "xxaqcxx", 1),
        ("abc", "", 3),
        ("abc", "zzz", 3),
    ],
)
def test_the_nearest_place_of_a_string_is_found(needle, text, distance):
    assert ocr.nearest_distance(needle, text) == distance == _by_table(needle, text)


def test_the_nearest_distance_is_the_tables_on_prose():
    text = texts.prose(2_000)
    for start in range(0, 1_900, 190):
        needle = text[start : start + 30].replace("e", "o").replace(" t", "")
        assert ocr.nearest_distance(needle, text) == _by_table(needle, text)


def test_every_needle_stands_in_the_haystack_and_on_a_page():
    text, needles = uuid_needles.haystack(20, uuid_needles.CHARS_PER_PAGE)
    assert len(set(needles)) == 20
    drawn = "\n".join(line for page in render(text) for line in page.line_texts)
    assert all(needle in drawn for needle in needles)


def test_the_sidecar_of_needles_costs_some_text_tokens_each():
    row = uuid_needles.sidecar_cost(20, 20, 8_500)
    assert (row.needles, row.per_page) == (20, 20)
    assert 15 < row.text_tokens_per_needle < 40
    assert row.tokenizer


def test_a_second_look_at_144_dpi_costs_four_times_the_first():
    row = uuid_needles.second_look_cost(1)
    assert row.visual_tokens_hidpi == pytest.approx(4 * row.visual_tokens, rel=0.05)
    assert row.text_tokens > row.visual_tokens


def test_a_page_for_the_reader_states_its_fact_once():
    text, truth = uuid_needles.fact_page(3)
    assert text.count(f"The access code of the Lisbon office is {truth}.") == 1
    assert len(render(text, RenderConfig.preset("reader"))) == 1


@needs_tesseract
def test_tesseract_reads_more_of_a_page_that_is_drawn_larger():
    accuracy = {}
    for dpi in (36, 144):
        pages = render(texts.one_paragraph(300), RenderConfig(dpi=dpi))
        accuracy[dpi] = ocr.mean_accuracy(ocr.read_pages(pages, dpi, 2))
    assert accuracy[36] < accuracy[144]
    assert accuracy[144] > 0.95


@needs_tesseract
def test_legibility_names_the_px_per_em_and_the_best_enlargement(monkeypatch):
    monkeypatch.setattr(legibility, "CHARS_PER_PAGE", 400)
    monkeypatch.setattr(legibility, "CONFIG", RenderConfig(page_size=(196, 84)))
    row = legibility.measure(60, 1)
    assert (row.dpi, row.em_px, row.pages) == (60, 7.5, 1)
    assert row.accuracy >= row.accuracy_as_it_is
    assert row.scale in ocr.scales(60)
