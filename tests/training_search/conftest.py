"""A text, settings that measure it in a moment, and a server that reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.search.settings import Settings, read_settings

SENTENCE = "the harbour master wrote down every ship that came in before the ice closed the bay"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Ninety paragraphs, thirty for each part."""
    path = tmp_path / "text.txt"
    paragraphs = (
        f"Entry {number}. " + " ".join(SENTENCE.split()[number % 7 :] * 4) + "."
        for number in range(90)
    )
    path.write_text("\n\n".join(paragraphs), encoding="utf-8")
    return path


@pytest.fixture
def make(text: Path, tmp_path: Path):
    """Makes settings of a small search; ``base_url`` reads the pages."""

    def settings(base_url: str, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "output": str(tmp_path / "run"),
            "probe.text": str(text),
            "probe.chars": 3000,
            "probe.excerpts": 1,
            "probe.excerpt_chars": 200,
            "probe.reader": "server",
            "probe.base_url": base_url,
            "budget.runs": 1,
            "budget.evaluations": 8,
            "population": 4,
            "genes.dpi": "[72, 80, 96]",
            "genes.font": "[DejaVuSans.ttf]",
            **changes,
        }
        return read_settings(None, [f"{name}={value}" for name, value in values.items()])

    return settings
