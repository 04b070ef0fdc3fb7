"""The benchmark's parts work; how fast anything is, no test says."""

from pathlib import Path

import matplotlib
import pytest

from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, render
from glyph_shared.serving import running_embedded
from tests.benchmarks import (
    auto_looks,
    floor,
    import_cost,
    kept_pages,
    page_parts,
    picture_bench,
    render_bench,
    second_question,
    texts,
    worker,
)
from tests.benchmarks.worker import Job


@pytest.mark.parametrize("name", ["prose", "one paragraph", "code", "chinese"])
def test_texts_have_the_length_asked_for(name):
    assert len(texts.named(name, 5_000)) == 5_000


def test_only_one_paragraph_has_no_newline():
    assert "\n" not in texts.one_paragraph(5_000)
    assert "\n" in texts.prose(5_000)


@pytest.mark.parametrize("deflate", ["isal", "zlib"])
def test_a_worker_reports_pages_bytes_memory_and_every_stage(deflate):
    cost = worker.run(Job("prose", 20_000, deflate=deflate))
    assert cost.pages > 1
    assert cost.png_bytes > 1_000 * cost.pages
    assert min(cost.layout, cost.raster, cost.png) > 0
    assert cost.resident_peak > cost.resident_before > 0


def test_streaming_draws_as_many_pages_as_the_pieces_hold():
    cost = worker.run(Job("prose", 1 << 17, streaming=True))
    text = "".join(texts.prose_chunks(1 << 17))
    assert cost.pages == len(render(text, RenderConfig.preset("reference")))


def test_every_step_of_a_page_is_clocked_and_the_renderer_left_as_it_was(monkeypatch):
    monkeypatch.setattr(page_parts, "ROUNDS", 1)
    plain = [getattr(owner, name) for owner, name in page_parts.STEPS.values()]
    rows = list(page_parts.page_parts())
    assert {row["step"] for row in rows} == {"layout", "PNG", *page_parts.STEPS}
    assert min(row["ms"] for row in rows) > 0
    assert [getattr(owner, name) for owner, name in page_parts.STEPS.values()] == plain


@pytest.mark.skipif(not floor.compiler(), reason="needs a C compiler")
def test_the_floor_draws_the_pages_of_the_text(tmp_path):
    font = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    least = floor.measure(floor.build(tmp_path), texts.prose(20_000), font, page_px=(595, 842))
    assert least.pages == worker.run(Job("prose", 20_000)).pages
    assert least.layout < least.raster < least.total("isal")


def test_the_articles_claim_stands_beside_a_named_tokenizer():
    rows = list(render_bench.article_rows(["prose"], 20_000))
    assert [row["dpi"] for row in rows] == [96, 72]
    for row in rows:
        assert row["tokenizer"]
        assert row["compression_ratio"] == row["text_tokens"] / row["visual_tokens"]


def test_a_second_question_draws_and_sends_nothing_and_is_read_from_the_cache():
    with running_embedded(Reader.load()) as base_url:
        first, second, third = second_question.measure("embedded", base_url, 2)
    assert [row.pages_drawn for row in (first, second, third)] == [2, 0, 0]
    assert second.sent_bytes < first.sent_bytes / 4 < third.sent_bytes
    assert first.cached_tokens == 0
    assert second.cached_tokens == third.cached_tokens > first.visual_tokens == 640


def test_each_text_of_the_corpus_is_taken_for_its_kind_and_auto_keeps_the_lines_of_two():
    for name, text in auto_looks.corpus().items():
        row = auto_looks.measure(text[:20_000], "auto")
        assert row.kind == name
        assert (row.kept > 0.95) == (name in ("code", "table"))


def test_pages_are_clocked_drawn_and_kept_and_read():
    [row] = kept_pages.kept_rows([("en", "prose", 30_000)], passes=1)
    assert row.pages == len(render(texts.prose(30_000)))
    assert min(row.draw, row.keep, row.read, row.kilobytes) > 0
    assert row.gain == row.draw / row.read


def test_pictures_are_clocked_beside_pdftoppm_where_there_is_one():
    [row] = picture_bench.measured(1, ["scan"])
    assert row.drawing > 0
    assert row.kilobytes > 10
    assert (row.ratio is None) == (row.pdftoppm is None)


def test_an_import_is_clocked():
    assert import_cost.cpu_seconds("glyph_shared", 1) > 0
