"""Training batches: pages, and the questions, copies and transcripts that go with them.

All segments of one page are packed behind it as independent continuations. A pointer target is
the visual token that holds the char to be written next: the signal that makes reading emerge.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from glyph_shared.reader.vocabulary import (
    ANSWER_PREFIX,
    END_OF_ANSWER,
    REFUSAL,
    TOKEN_IDS,
    encode_text,
)
from training.reader.corpus import Corpus
from training.reader.looks import OWN, Cell, Look, look, varied
from training.reader.pages import GridPage, Planted, absent_fact, make_page

TRANSCRIBE = "Transcribe this page."
CONTINUE = "Continue: "
KINDS = ("copy", "lookup", "absent", "transcript", "two_hop")

COPIED_CHARS = 48
"""Chars that a quote is continued for, over the ends of lines."""

OVERSAMPLE = 3
"""Segments drawn for each one used, so that those of about one length can be put together."""

RECOGNISED_AFTER = 4
"""Chars of a quote after which its place on the page is mostly clear."""

TWO_HOPS = 0.3
"""Of the questions about pages that answer some in two steps, so many are of that kind."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Mix:
    """What a batch holds.

    pages: pages per prompt; prompts: prompts per batch; segments: continuations per prompt;
    copy/absent: shares of the segments (the rest are lookups); transcript: whole-page reading
    instead of short segments; rows: lines of a page (fewer make the first steps easier);
    alike: share of facts that have their attribute or entity in common with another; linked: share
    of pages two facts of which answer a question together; varied: share of prompts whose pages
    have another look than the reader's own.
    """

    prompts: int = 8
    pages: int = 1
    segments: int = 10
    copy: float = 0.4
    absent: float = 0.2
    transcript: bool = False
    rows: int = OWN.rows
    alike: float = 0.4
    linked: float = 0.0
    varied: float = 0.0


@dataclass(frozen=True)
class Batch:
    """Arrays of one step; shapes in the order (prompt, page | segment, position)."""

    pages: list[list[GridPage]]  # prompt, page
    ids: np.ndarray  # (B, N, T) int64
    learn: np.ndarray  # (B, N, T) bool: this id is to be predicted
    points_at: np.ndarray  # (B, N, T) int64: visual token of the next char, -1 where none
    finds: np.ndarray  # (B, N, T) bool: too little is read yet to go on from it alone
    kinds: np.ndarray  # (B, N) int64, index into KINDS


@dataclass
class Segment:
    """One continuation.

    ids: The question, then the answer.
    given: How many of the ids are the question.
    cells: For a position, the cell of the char that is to be read next.
    """

    kind: str
    ids: list[int]
    given: int
    cells: dict[int, tuple[int, Cell]]


def make_batch(rng: random.Random, corpus: Corpus, mix: Mix, *, held_out: bool = False) -> Batch:
    """Draws one batch, of segments that are about equally long: padding would cost a third."""
    place = rng.random()
    if mix.transcript:
        drawn = [draw_pages(rng, corpus, mix) for _ in range(OVERSAMPLE * mix.prompts)]
        texts = sorted(((transcript(pages[0]), pages) for pages in drawn), key=_length)
        chosen = _band(texts, mix.prompts, place)
        return _pack([pages for _, pages in chosen], [[text] for text, _ in chosen])
    prompts = [draw_pages(rng, corpus, mix) for _ in range(mix.prompts)]
    rows = []
    for pages in prompts:
        count = OVERSAMPLE * mix.segments
        segments = [draw_segment(rng, corpus, pages, mix, held_out) for _ in range(count)]
        segments.sort(key=lambda segment: len(segment.ids))
        rows.append(_band(segments, mix.segments, place))
    return _pack(prompts, rows)


def draw_pages(rng: random.Random, corpus: Corpus, mix: Mix) -> list[GridPage]:
    """Draws the pages of one prompt, which look alike."""
    seen = _look(rng, mix)
    facts = [_fact_count(rng, mix) for _ in range(mix.pages)]
    return [
        make_page(rng, corpus, count, seen, alike=mix.alike, linked=mix.linked) for count in facts
    ]


def _look(rng: random.Random, mix: Mix) -> Look:
    if rng.random() < mix.varied:
        return varied(rng)
    return OWN if mix.rows == OWN.rows else look(rows=mix.rows)


def _length(item: tuple[Segment, list[GridPage]]) -> int:
    return len(item[0].ids)


def _band(ordered: list[Item], size: int, place: float) -> list[Item]:
    """Takes `size` neighbours out of an ordered list, at the relative `place` in it."""
    start = int(place * (len(ordered) - size + 1))
    return ordered[start : start + size]


def lookup(rng: random.Random, planted: Planted, page: int, *, held_out: bool = False) -> Segment:
    """Asks for a planted fact."""
    return _asked("lookup", rng, planted, page, held_out)


def two_hop(rng: random.Random, planted: Planted, page: int, *, held_out: bool = False) -> Segment:
    """Asks for what two statements say together."""
    return _asked("two_hop", rng, planted, page, held_out)


def _asked(kind: str, rng: random.Random, planted: Planted, page: int, held_out: bool) -> Segment:
    question = planted.fact.question(rng, held_out=held_out)
    segment = _answered(kind, question, encode_text(planted.fact.value), page, planted.cells)
    for words, cells in planted.named:
        at = question.lower().find(words.lower())
        if at >= 0:
            segment.cells |= _reading_along(at, page, cells)
    return segment


def transcript(page: GridPage) -> Segment:
    """Asks for the whole page; drawn lines are joined by newlines."""
    lines = list(page.lines)
    while lines and not lines[-1]:
        lines.pop()
    cells = [(row, column) for row, line in enumerate(lines) for column in range(len(line) + 1)]
    return _answered("transcript", TRANSCRIBE, encode_text("\n".join(lines)), 0, cells)


def _fact_count(rng: random.Random, mix: Mix) -> int:
    return 0 if mix.transcript and rng.random() < 0.7 else max(0, rng.randint(-1, 10))


def draw_segment(
    rng: random.Random, corpus: Corpus, pages: list[GridPage], mix: Mix, held_out: bool
) -> Segment:
    """Draws a continuation of some pages: a copy, a lookup, or a fact that is not on them."""
    draw = rng.random()
    planted = [(index, item) for index, page in enumerate(pages) for item in page.planted]
    if draw < mix.copy:
        segment = _copy(rng, pages)
        if segment is not None:
            return segment
    if draw < 1 - mix.absent:
        linked = [(index, item) for index, page in enumerate(pages) for item in page.over_two_hops]
        if linked and rng.random() < TWO_HOPS:
            index, item = rng.choice(linked)
            return two_hop(rng, item, index, held_out=held_out)
        if planted:
            index, item = rng.choice(planted)
            return lookup(rng, item, index, held_out=held_out)
        segment = _copy(rng, pages)
        if segment is not None:
            return segment
    fact = absent_fact(rng, corpus, [item.fact for _, item in planted])
    question = fact.question(rng, held_out=held_out)
    return _answered("absent", question, [TOKEN_IDS[REFUSAL]], 0, [])


def _copy(rng: random.Random, pages: list[GridPage]) -> Segment | None:
    index = rng.randrange(len(pages))
    lines = pages[index].lines
    long = [row for row, line in enumerate(lines) if len(line.strip()) >= 20]
    if not long:
        return None
    row = rng.choice(long)
    line = lines[row]
    indent = len(line) - len(line.lstrip(" "))
    shown = rng.randint(6, 24)
    start = rng.randint(indent, max(indent, len(line) - shown - 8))
    begin = min(start + shown, len(line))
    rest = "\n".join(lines[row:]).rstrip("\n")
    places = [(row + r, c) for r, text in enumerate(lines[row:]) for c in range(len(text) + 1)]
    end = min(len(rest), begin + COPIED_CHARS)
    answer = encode_text(rest[begin:end])
    quote = CONTINUE + line[start:begin]
    segment = _answered("copy", quote, answer, index, places[begin : end + 1])
    segment.cells |= _reading_along(len(CONTINUE), index, places[start:begin])
    return segment


def _answered(kind: str, question: str, answer: list[int], page: int, cells: list[Cell]) -> Segment:
    """Makes a segment; the first of `cells` is read at the last token of the question."""
    given = encode_text(question) + [TOKEN_IDS[token] for token in ANSWER_PREFIX]
    places = {len(given) - 1 + step: (page, cell) for step, cell in enumerate(cells)}
    return Segment(kind, [*given, *answer, TOKEN_IDS[END_OF_ANSWER]], len(given), places)


def _reading_along(start: int, page: int, cells: list[Cell]) -> dict[int, tuple[int, Cell]]:
    """Points from each char of a quoted text, once it can be recognised, to the next on the page.

    The quote starts at position `start` of the segment and is drawn in `cells`.
    """
    steps = range(RECOGNISED_AFTER, len(cells))
    return {start + step - 1: (page, cells[step]) for step in steps}


def _pack(prompts: list[list[GridPage]], rows: list[list[Segment]]) -> Batch:
    longest = max(len(segment.ids) for row in rows for segment in row)
    shape = (len(rows), len(rows[0]), longest)
    ids = np.zeros(shape, np.int64)
    learn = np.zeros(shape, bool)
    points_at = np.full(shape, -1, np.int64)
    finds = np.zeros(shape, bool)
    kinds = np.zeros(shape[:2], np.int64)
    for b, row in enumerate(rows):
        for n, segment in enumerate(row):
            ids[b, n, : len(segment.ids)] = segment.ids
            learn[b, n, segment.given : len(segment.ids)] = True
            finds[b, n, segment.given - 1 :][:RECOGNISED_AFTER] = True
            kinds[b, n] = KINDS.index(segment.kind)
            for position, cell in segment.cells.items():
                points_at[b, n, position] = _visual_token(prompts[b], *cell)
    return Batch(prompts, ids, learn, points_at, finds, kinds)


def _visual_token(pages: list[GridPage], page: int, cell: Cell) -> int:
    seen = pages[page].look
    return page * seen.tokens + seen.visual_token(cell)
