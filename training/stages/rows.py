"""Sets of examples as trainers take them; pages are drawn by the loader's workers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from datasets import Dataset

from glyph_shared import InputError
from training.data.drawing import draw, images
from training.data.example_file import ExampleFile
from training.data.rows import Form, Row, row_of_stored, trainer_row
from training.preferences import read_preferences
from training.stages.settings import DataSettings
from training.tasks.example import Example, from_row, to_row

_log = logging.getLogger(__name__)


def read_rows(data: DataSettings, paths: Sequence[str], form: Form) -> Dataset:
    """Returns the rows of files that ``python -m training.data`` wrote.

    Args:
        data: How much of an example is kept, and of what it is made.
        paths: JSONL, whose pages are drawn when they are needed, or parquet, which holds them.
        form: ``sft`` for ``messages``, the target last, and ``images``; ``rl`` for ``prompt``,
            ``images``, and ``example``, by which answers are scored.

    Raises:
        InputError: A file holds no examples, or none within the budget of visual tokens.
    """
    if all(path.endswith(".parquet") for path in paths):
        return _stored(data, paths, form)
    examples = list(read_examples(paths))
    kept = _within(data.most_visual_tokens, examples)
    make = partial(_drawn_row, form=form, think=data.think)
    return _table([to_row(examples[place]) for place in kept], make)


def read_pairs(data: DataSettings, paths: Sequence[str]) -> Dataset:
    """Returns rows of ``prompt``, ``images``, ``chosen`` and ``rejected`` of files of rankings.

    Raises:
        InputError: A line is no ranking, or no example is within the budget of visual tokens.
    """
    pairs = list(chain.from_iterable(read_preferences(Path(path)) for path in paths))
    kept = _within(data.most_visual_tokens, [pair.example for pair in pairs])
    rows = [
        {"example": to_row(pair.example), "chosen": pair.chosen, "rejected": pair.rejected}
        for pair in (pairs[place] for place in kept)
    ]
    return _table(rows, _pair)


def read_examples(paths: Sequence[str]) -> Iterator[Example]:
    """Yields the examples of JSONL files.

    Raises:
        InputError: A file cannot be read, or a line is no example; the error names it.
    """
    for path in paths:
        if not path.endswith(".jsonl"):
            raise InputError(f"examples are .jsonl files, or all .parquet files; got {path!r}")
        yield from ExampleFile(path)


def _stored(data: DataSettings, paths: Sequence[str], form: Form) -> Dataset:
    table = Dataset.from_parquet(list(paths))
    kept = _affordable(data.most_visual_tokens, table["visual_tokens"])
    make = partial(row_of_stored, form=form, think=data.think)
    return table.select(kept).with_transform(partial(_transform, make=make))


def _within(most_visual_tokens: int, examples: Sequence[Example]) -> list[int]:
    """Returns the places of examples that the budget holds; without one nothing is drawn for it."""
    costs = [draw(one).visual_tokens for one in examples if most_visual_tokens]
    return _affordable(most_visual_tokens, costs or [0] * len(examples))


def _affordable(most_visual_tokens: int, costs: Sequence[int]) -> list[int]:
    """Returns the places of what the budget holds; the rest would end a run midway."""
    kept = [
        place
        for place, cost in enumerate(costs)
        if not most_visual_tokens or cost <= most_visual_tokens
    ]
    if dropped := len(costs) - len(kept):
        _log.warning("%d of %d examples have more visual tokens", dropped, len(costs))
    if not kept:
        raise InputError(
            f"{len(costs)} examples and none within {most_visual_tokens} visual tokens; raise "
            "most_visual_tokens, or make shorter ones"
        )
    return kept


def _table(rows: Sequence[Row], make: Callable[[Row], Row]) -> Dataset:
    # As JSON: columns of a table would give each row the keys of all others.
    written = Dataset.from_dict({"row": [json.dumps(row, ensure_ascii=False) for row in rows]})
    return written.with_transform(partial(_transform, make=partial(_parsed, make=make)))


def _transform(
    batch: Mapping[str, Sequence[Any]], make: Callable[[Row], Row]
) -> dict[str, list[Any]]:
    rows = [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
    made = [make(row) for row in rows]
    return {name: [row[name] for row in made] for name in made[0]}


def _parsed(row: Row, make: Callable[[Row], Row]) -> Row:
    return make(json.loads(row["row"]))


def _drawn_row(row: Row, form: Form, *, think: bool) -> Row:
    return trainer_row(draw(from_row(row)), form, think=think)


def _pair(row: Row) -> Row:
    drawn = draw(from_row(row["example"]))
    said = {name: [_assistant(row[name])] for name in ("chosen", "rejected")}
    return {"prompt": drawn.prompt, "images": images(drawn), **said}


def _assistant(text: str) -> Row:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}
