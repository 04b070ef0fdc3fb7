"""The loader's benchmark measures what it says; how fast that is, no test says."""

import pytest

from tests.benchmarks import loader_bench
from training.data.drawing import draw


def test_every_step_of_a_training_page_is_clocked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loader_bench, "ROUNDS", 1)
    monkeypatch.setattr(loader_bench, "image_processor", lambda: None)
    costs = loader_bench.measure(4)
    assert len(costs) == 4
    assert all(cost.ms > 0 and cost.pages >= 4 for cost in costs)


def test_the_pages_are_full():
    for example in loader_bench.dense_examples(12, loader_bench.A4):
        pages = draw(example).all_pages
        assert [page.size_px for page in pages] == [(595, 842)] * loader_bench.PAGES_EACH
        assert min(len(page.lines) for page in pages) > 70
