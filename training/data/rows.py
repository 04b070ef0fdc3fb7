"""Rows as trainers take them: chat messages with places for pictures, and the pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from PIL import Image

from training.data.drawing import DrawnExample
from training.tasks.example import Example, completion, from_row, to_row

Form = Literal["sft", "rl"]
Row = dict[str, Any]


def trainer_row(drawn: DrawnExample, form: Form, *, think: bool = False) -> Row:
    """Returns the row of a drawn example.

    Args:
        drawn: The example with its pages.
        form: ``sft`` has ``messages`` with the target last; ``rl`` has the ``prompt`` alone, and
            ``example``, JSON for ``read_example``, which holds what its task scores by. Both have
            ``images`` and ``task``.
        think: Whether a thought goes before the target.
    """
    pictures = [Image.fromarray(page.pixels) for page in drawn.all_pages]
    return _row(drawn.example, drawn.prompt, pictures, form, think)


def stored_row(drawn: DrawnExample) -> Row:
    """Returns the row of a drawn example as parquet keeps it: JSON texts and PNG files."""
    return {
        "id": drawn.example.id,
        "task": drawn.example.task,
        "visual_tokens": drawn.visual_tokens,
        "prompt": json.dumps(drawn.prompt, ensure_ascii=False),
        "example": _slim(drawn.example),
        "images": [page.png for page in drawn.all_pages],
    }


def row_of_stored(stored: Mapping[str, Any], form: Form, *, think: bool = False) -> Row:
    """Returns the row that ``trainer_row`` would, of a stored one."""
    pictures: list[Image.Image] = [Image.open(io.BytesIO(png)) for png in stored["images"]]
    prompt = json.loads(stored["prompt"])
    return _row(read_example(stored["example"]), prompt, pictures, form, think)


def read_example(text: str) -> Example:
    """Returns the example in a row; its pages are left out.

    Raises:
        InputError: The text holds none.
    """
    return from_row(json.loads(text))


def _row(
    example: Example,
    prompt: Sequence[Mapping[str, Any]],
    pictures: list[Image.Image],
    form: Form,
    think: bool,
) -> Row:
    common = {"images": pictures, "task": example.task}
    if form == "rl":
        return {"prompt": list(prompt), **common, "example": _slim(example)}
    written = completion(example.thought, example.target, think=think)
    answer = {"role": "assistant", "content": [{"type": "text", "text": written}]}
    return {"messages": [*prompt, answer], **common}


def _slim(example: Example) -> str:
    return json.dumps(to_row(replace(example, turns=())), ensure_ascii=False)
