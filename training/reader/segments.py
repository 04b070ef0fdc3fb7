"""Training batches: pages, and the questions, copies and transcripts that go with them.

All segments of one page are packed behind it as independent continuations. A pointer target is
the visual token that holds the char to be written next: the signal that makes reading emerge.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from glyph_shared.reader.vocabulary import (
    ANSWER_PREFIX,
    END_OF_ANSWER,
    REFUSAL,
    TOKEN_IDS,
    encode_text,
)
from training.reader.corpus import Corpus
from training.reader.pages import ROWS, GridPage, Planted, absent_fact, make_page

GRID_COLUMNS, CHARS_PER_TOKEN = 20, 4
TRANSCRIBE = "Transcribe this page."
CONTINUE = "Continue: "
KINDS = ("copy", "lookup", "absent", "transcript")

Cell = tuple[int, int]


@dataclass(frozen=True)
class Mix:
    """What a batch holds.

    pages: pages per prompt; prompts: prompts per batch; segments: continuations per prompt;
    copy/absent: shares of the segments (the rest are lookups); transcript: whole-page reading
    instead of short segments; rows: lines of a page (less than 16 makes the first steps easier).
    """

    prompts: int = 8
    pages: int = 1
    segments: int = 10
    copy: float = 0.4
    absent: float = 0.2
    transcript: bool = False
    rows: int = ROWS


@dataclass(frozen=True)
class Batch:
    """Arrays of one step; shapes in the order (prompt, page | segment, position)."""

    grids: list[list[list[str]]]  # prompt, page, line
    rows: int  # lines a page has room for
    ids: np.ndarray  # (B, N, T) int64
    learn: np.ndarray  # (B, N, T) bool: this id is to be predicted
    points_at: np.ndarray  # (B, N, T) int64: visual token of the next char, -1 where none
    kinds: np.ndarray  # (B, N) int64, index into KINDS


@dataclass
class Segment:
    """One continuation: ids, how many of them are given, and the cell each later id is read at."""

    kind: str
    ids: list[int]
    given: int
    cells: list[tuple[int, Cell] | None]


def make_batch(rng: random.Random, corpus: Corpus, mix: Mix, *, held_out: bool = False) -> Batch:
    """Draws one batch."""
    grids: list[list[list[str]]] = []
    rows: list[list[Segment]] = []
    for _ in range(mix.prompts):
        pages = [make_page(rng, corpus, _fact_count(rng, mix), mix.rows) for _ in range(mix.pages)]
        grids.append([page.lines for page in pages])
        if mix.transcript:
            rows.append([transcript(pages[0])])
        else:
            rows.append([_segment(rng, corpus, pages, mix, held_out) for _ in range(mix.segments)])
    return _pack(grids, mix.rows, rows)


def lookup(rng: random.Random, planted: Planted, page: int, *, held_out: bool = False) -> Segment:
    """Asks for a planted fact."""
    question = planted.fact.question(rng, held_out=held_out)
    cells: list[tuple[int, Cell] | None] = [(page, cell) for cell in planted.cells]
    return _answered("lookup", question, encode_text(planted.fact.value), cells)


def transcript(page: GridPage) -> Segment:
    """Asks for the whole page; drawn lines are joined by newlines."""
    lines = list(page.lines)
    while lines and not lines[-1]:
        lines.pop()
    cells: list[tuple[int, Cell] | None] = []
    for row, line in enumerate(lines):
        cells += [(0, (row, column)) for column in range(len(line) + 1)]
    return _answered("transcript", TRANSCRIBE, encode_text("\n".join(lines)), cells)


def _fact_count(rng: random.Random, mix: Mix) -> int:
    return 0 if mix.transcript and rng.random() < 0.7 else max(0, rng.randint(-1, 7))


def _segment(
    rng: random.Random, corpus: Corpus, pages: list[GridPage], mix: Mix, held_out: bool
) -> Segment:
    draw = rng.random()
    planted = [(index, item) for index, page in enumerate(pages) for item in page.planted]
    if draw < mix.copy:
        segment = _copy(rng, pages)
        if segment is not None:
            return segment
    if draw < 1 - mix.absent:
        if planted:
            index, item = rng.choice(planted)
            return lookup(rng, item, index, held_out=held_out)
        segment = _copy(rng, pages)
        if segment is not None:
            return segment
    fact = absent_fact(rng, corpus, [item.fact for _, item in planted])
    question = fact.question(rng, held_out=held_out)
    return _answered("absent", question, [TOKEN_IDS[REFUSAL]], [None, None])


def _copy(rng: random.Random, pages: list[GridPage]) -> Segment | None:
    index = rng.randrange(len(pages))
    lines = pages[index].lines
    long = [row for row, line in enumerate(lines) if len(line.strip()) >= 20]
    if not long:
        return None
    row = rng.choice(long)
    line = lines[row]
    indent = len(line) - len(line.lstrip(" "))
    shown = rng.randint(6, 16)
    start = rng.randint(indent, max(indent, len(line) - shown - 8))
    begin = min(start + shown, len(line))
    end = min(len(line), begin + 48)
    cells: list[tuple[int, Cell] | None] = [(index, (row, c)) for c in range(begin, end + 1)]
    question = CONTINUE + line[start:begin]
    return _answered("copy", question, encode_text(line[begin:end]), cells)


def _answered(
    kind: str, question: str, answer: list[int], cells: list[tuple[int, Cell] | None]
) -> Segment:
    given = encode_text(question) + [TOKEN_IDS[token] for token in ANSWER_PREFIX]
    return Segment(kind, [*given, *answer, TOKEN_IDS[END_OF_ANSWER]], len(given), cells)


def _pack(grids: list[list[list[str]]], page_rows: int, rows: list[list[Segment]]) -> Batch:
    longest = max(len(segment.ids) for row in rows for segment in row)
    shape = (len(rows), len(rows[0]), longest)
    ids = np.zeros(shape, np.int64)
    learn = np.zeros(shape, bool)
    points_at = np.full(shape, -1, np.int64)
    kinds = np.zeros(shape[:2], np.int64)
    for b, row in enumerate(rows):
        for n, segment in enumerate(row):
            ids[b, n, : len(segment.ids)] = segment.ids
            learn[b, n, segment.given : len(segment.ids)] = True
            kinds[b, n] = KINDS.index(segment.kind)
            for step, cell in enumerate(segment.cells):
                if cell is not None:
                    points_at[b, n, segment.given - 1 + step] = _visual_token(*cell, page_rows)
    return Batch(grids, page_rows, ids, learn, points_at, kinds)


def _visual_token(page: int, cell: Cell, page_rows: int) -> int:
    row, column = cell
    column = min(column // CHARS_PER_TOKEN, GRID_COLUMNS - 1)
    return (page * page_rows + row) * GRID_COLUMNS + column
