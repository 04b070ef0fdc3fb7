"""Rows of drawn examples as parquet keeps them, and the trainer's rows made of either."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Literal

from PIL import Image

from training.data.drawing import DrawnExample, answer_message, rl_row, sft_row, without_pages
from training.tasks.example import Example, from_row

Form = Literal["sft", "rl"]
Row = dict[str, Any]


def trainer_row(drawn: DrawnExample, form: Form, *, think: bool = False) -> Row:
    """Returns the row of a drawn example, as ``sft_row`` or ``rl_row`` make it."""
    return sft_row(drawn, think=think) if form == "sft" else rl_row(drawn)


def stored_row(drawn: DrawnExample) -> Row:
    """Returns the row of a drawn example as parquet keeps it: JSON texts and PNG files."""
    return {
        "id": drawn.example.id,
        "task": drawn.example.task,
        "visual_tokens": drawn.visual_tokens,
        "prompt": json.dumps(drawn.prompt, ensure_ascii=False),
        "example": without_pages(drawn.example),
        "images": [page.png for page in drawn.all_pages],
    }


def row_of_stored(stored: Mapping[str, Any], form: Form, *, think: bool = False) -> Row:
    """Returns the row that ``trainer_row`` would, of a stored one."""
    prompt = json.loads(stored["prompt"])
    row: Row = {
        "images": [Image.open(io.BytesIO(png)) for png in stored["images"]],
        "task": stored["task"],
    }
    if form == "rl":
        return {"prompt": prompt, **row, "example": stored["example"]}
    answer = answer_message(read_example(stored["example"]), think=think)
    return {"messages": [*prompt, answer], **row}


def read_example(text: str) -> Example:
    """Returns the example in a row; its pages are left out.

    Raises:
        InputError: The text holds none.
    """
    return from_row(json.loads(text))
