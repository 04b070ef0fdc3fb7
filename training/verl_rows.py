"""Drawn examples as the rows that verl's ``RLHFDataset`` reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from rich.progress import track

from glyph_shared import InputError
from glyph_shared.rendering.visual_tokens import TOKEN_SIDE_PX
from training.data.drawing import draw
from training.data.rows import Row, stored_row
from training.stages.rows import read_examples

IMAGE = "<image>"
"""Where verl puts the next image of an example."""

_MARKS = (IMAGE, "<video>", "<audio>")

SCHEMA = pyarrow.schema({
    "data_source": pyarrow.string(),
    "prompt": pyarrow.list_(
        pyarrow.struct({"role": pyarrow.string(), "content": pyarrow.string()})
    ),
    "images": pyarrow.list_(
        pyarrow.struct({"bytes": pyarrow.binary(), "min_pixels": pyarrow.int64()})
    ),
    "reward_model": pyarrow.struct({"style": pyarrow.string(), "ground_truth": pyarrow.string()}),
    "extra_info": pyarrow.struct({
        "index": pyarrow.int64(), "id": pyarrow.string(), "question": pyarrow.string(),
    }),
})  # fmt: skip


def stored_rows(paths: Sequence[str]) -> Iterator[Row]:
    """Yields drawn examples as ``training.data.rows.stored_row`` writes them.

    Raises:
        InputError: A file cannot be read, or a line is no example.
    """
    if not all(path.endswith(".parquet") for path in paths):
        yield from (stored_row(draw(example)) for example in read_examples(paths))
        return
    for path in paths:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1):
            yield from batch.to_pylist()


def write_rows(rows: Iterable[Row], path: Path, most_visual_tokens: int = 0) -> None:
    """Writes drawn examples for verl, whole or not at all.

    Raises:
        InputError: A text holds one of verl's own marks, or no example is within the budget.
    """
    draft, written = path.with_suffix(".new"), 0
    with parquet.ParquetWriter(draft, SCHEMA, compression="none") as file:
        for stored in track(rows, f"{path.stem}: pages", disable=not sys.stderr.isatty()):
            if not most_visual_tokens or stored["visual_tokens"] <= most_visual_tokens:
                file.write_table(pyarrow.Table.from_pylist([verl_row(stored, written)], SCHEMA))
                written += 1
    if not written:
        raise InputError(
            f"no example for {str(path)!r} within {most_visual_tokens} visual tokens; raise "
            "most_visual_tokens, or make shorter ones"
        )
    draft.replace(path)


def verl_row(stored: Mapping[str, Any], index: int) -> Row:
    """Returns a drawn example as verl reads it.

    Raises:
        InputError: Its text holds one of verl's own marks.
    """
    prompt = json.loads(stored["prompt"])
    texts = [part["text"] for turn in prompt for part in turn["content"] if "text" in part]
    for mark in _MARKS:
        if any(mark in text for text in texts):
            raise InputError(
                f"example {stored['id']!r} holds {mark!r} in its text, which verl would take for "
                "a page; write it another way there"
            )
    return {
        "data_source": stored["task"],
        "prompt": [{"role": turn["role"], "content": _content(turn)} for turn in prompt],
        # verl's reader of images would enlarge pages of less than four visual tokens.
        "images": [{"bytes": png, "min_pixels": TOKEN_SIDE_PX**2} for png in stored["images"]],
        "reward_model": {"style": "rule", "ground_truth": stored["example"]},
        "extra_info": {"index": index, "id": stored["id"], "question": "\n".join(texts)},
    }


def _content(turn: Mapping[str, Any]) -> str:
    return "".join(part.get("text", IMAGE) for part in turn["content"])
