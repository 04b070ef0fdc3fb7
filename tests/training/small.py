"""Small examples for runs of a minute: one page of a line each, and questions about it."""

from __future__ import annotations

import json
from pathlib import Path

from training.tasks.example import Example, Pages, text_mark, to_row, user

THETA = json.dumps(
    {
        "dpi": 72,
        "page_size": [112, 28],
        "font_size": 11,
        "line_height": 14,
        "margin_x": 2,
        "margin_y": 2,
    }
)
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


def examples(count: int) -> list[Example]:
    """Pages of one word, to be read aloud."""
    return [
        Example(
            id=str(number),
            task="ocr",
            turns=(user(Pages(WORDS[number % len(WORDS)], THETA, first=1), _asked(number)),),
            target=text_mark(0),
        )
        for number in range(count)
    ]


def _asked(number: int) -> str:
    """Questions of several lengths, so that batches have to be padded."""
    return "Read." + " And again." * (number % 3)


def write_examples(path: Path, count: int = 16) -> Path:
    """Writes examples as ``python -m training.data`` does."""
    rows = [json.dumps(to_row(example)) for example in examples(count)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
