"""The shipped looks stand in the journals of the searches that found them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config import FOUND_PRESETS
from training.search.genome import Genome
from training.search.journal import read_rows

JOURNALS = Path("docs/search")


def measured(name: str) -> list[dict[str, Any]]:
    rows = read_rows(JOURNALS / f"{name}.jsonl")
    return [row for row in rows if row["kind"] == "evaluation"]


@pytest.mark.parametrize("name", FOUND_PRESETS)
def test_a_shipped_look_was_measured_and_beat_the_reference(name):
    first, *others = measured(name)
    assert Genome.of_json(first["genome"]) == Genome.of(RenderConfig.preset("reference"))
    shipped = Genome.of(RenderConfig.preset(name))
    [found] = [row for row in others if Genome.of_json(row["genome"]) == shipped]
    for measure in ("compression_ratio", "accuracy"):
        assert found["measures"][measure] > first["measures"][measure]


@pytest.mark.parametrize("name", FOUND_PRESETS)
def test_each_look_of_a_journal_comes_from_looks_before_it(name):
    rows = measured(name)
    assert [row["number"] for row in rows] == list(range(len(rows)))
    assert all(parent < row["number"] for row in rows for parent in row["parents"])
