"""Asks two questions about one text and tells what the second costs beside the first.

    python -m tests.benchmarks.second_question [--vllm] [--base-url URL] [--pages 40] [--json FILE]

The embedded server is always asked, a vLLM on this machine's CPU with ``--vllm`` (its environment
is made by ``tests/stacks/vllm.sh``), any other server with ``--base-url``. Each text is new, so no
cache knows it. The rows: the first question; another one by the same client, whose pages go by
their names; a third by a new client, as the next run of a program, which has to send them again.
Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from glyph_shared import GlyphClient, Plan, RenderConfig, Renderer, plan
from glyph_shared.asking import ModelEntry, Sampling
from glyph_shared.reader import Reader
from glyph_shared.rendering import PageStore
from glyph_shared.serving import running_embedded
from tests.benchmarks import texts
from tests.served.launch import NAME, PROGRAM, glyph_serve
from tests.served.relay import Relay

QUESTIONS = (
    "What is the access code of the Lisbon office?",
    "Who is the manager of the Oslo station?",
    "What is the password of the Riga archive?",
)
ASKED_BY = ("the first", "the same client", "a new client")
CHARS_PER_PAGE = 20_000
MAX_TOKENS = 40
# The client's defaults are made for Glyph; the reader's stop tokens are others.
FOR_THE_READER = Sampling(
    temperature=0, repetition_penalty=1, stop_token_ids=(), max_tokens=MAX_TOKENS
)
FOR_GLYPH = Sampling(max_tokens=MAX_TOKENS)
WINDOW = 131_072

console = Console(width=130)


@dataclass(frozen=True)
class Row:
    """What one question cost.

    Attributes:
        seconds_to_pages: From the text to the plan's pages, drawn or read from the store.
        seconds_to_first: From sending the question to the first piece of the answer; where the
            pages take several requests, to the whole answer.
        sent_bytes: All that went to the server.
    """

    server: str
    asked_by: str
    pages: int
    pages_drawn: int
    seconds_to_pages: float
    requests: int
    seconds_to_first: float
    visual_tokens: int | None
    cached_tokens: int | None
    sent_bytes: int = 0


def main() -> None:
    """Measures each server and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vllm", action="store_true", help="a vLLM on this machine's CPU too")
    parser.add_argument("--base-url", help="another server, over http")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        reader = Reader.load()
        with running_embedded(reader) as base_url:
            rows += measure("embedded", base_url, reader.max_pages)
            rows += measure("embedded", base_url, options.pages)
        if options.vllm:
            if not PROGRAM.exists():
                parser.error(f"there is no {PROGRAM}: run tests/stacks/vllm.sh")
            base_url = servers.enter_context(glyph_serve(Path(folder, "serve.log")))
            rows += measure("vLLM, CPU", base_url, options.pages)
        if options.base_url:
            rows += measure(options.base_url, options.base_url, options.pages)
    show(rows)
    if options.json:
        figures = [asdict(row) for row in rows]
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(server: str, base_url: str, pages: int) -> list[Row]:
    """Asks the questions about a text that nobody has seen, and of as many pages."""
    with ExitStack() as stack:
        relay = stack.enter_context(Relay(base_url))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = PageStore(Path(folder, "pages"))
        with GlyphClient(relay.base_url) as probe:
            card = probe.model_entry()
        is_reader = card.id == NAME
        config = RenderConfig.preset("reader" if is_reader else "en")
        sampling = FOR_THE_READER if is_reader else FOR_GLYPH
        first, other = (
            stack.enter_context(GlyphClient(relay.base_url, sampling=sampling)) for _ in range(2)
        )
        text = new_text(config, pages)
        rows = []
        for client, asked_by, question in zip(
            (first, first, other), ASKED_BY, QUESTIONS, strict=True
        ):
            client.model_entry()
            relay.take()
            with drawn_pages() as drawn:
                started = time.perf_counter()
                made = planned(text, card, config, store)
                seconds = time.perf_counter() - started
            told = asked(client, question, made)
            about = Row(server, asked_by, len(made.pages), len(drawn), seconds, **told)
            rows.append(replace(about, sent_bytes=relay.take()))
        return rows


def planned(text: str, card: ModelEntry, config: RenderConfig, store: PageStore) -> Plan:
    """Draws the text, or reads its pages from the store."""
    return plan(
        text,
        card.max_model_len or WINDOW,
        config=config,
        max_tokens=MAX_TOKENS + len(QUESTIONS[0]),
        max_pages=card.glyph.max_pages if card.glyph else None,
        overflow="map_reduce",
        text_gate=False,
        exact_text_tokens=0,
        store=store,
    )


def asked(client: GlyphClient, question: str, made: Plan) -> dict[str, Any]:
    """Asks and times the first piece of the answer."""
    started = time.perf_counter()
    with client.stream(question, made, cite=False) as stream:
        pieces = iter(stream)
        next(pieces)
        seconds = time.perf_counter() - started
        for _ in pieces:
            pass
    usage = stream.answer.usage
    return {
        "requests": usage.requests,
        "seconds_to_first": seconds,
        "visual_tokens": usage.visual_tokens,
        "cached_tokens": usage.cached_tokens,
    }


def new_text(config: RenderConfig, pages: int) -> str:
    """Returns prose of so many pages, new on each: no page was ever sent before."""
    prose = texts.prose(pages * CHARS_PER_PAGE)
    mark = uuid.uuid4().hex[:8]
    words = (
        f"{word} {mark}" if number % 100 == 0 else word
        for number, word in enumerate(prose.split(" "))
    )
    marked = " ".join(words)
    drawn = Renderer(config).render(marked)
    last = next(page for page in drawn if page.index == pages - 1)
    return marked[: last.char_span[1]]


@contextmanager
def drawn_pages() -> Iterator[list[int]]:
    """Lists the numbers of the pages that are drawn within the block."""
    numbers: list[int] = []
    draw = Renderer._draw

    def counting(self: Renderer, index: int, layout: Any) -> Any:
        numbers.append(index)
        return draw(self, index, layout)

    Renderer._draw = counting
    try:
        yield numbers
    finally:
        Renderer._draw = draw


def show(rows: list[Row]) -> None:
    """Prints the rows, and how many times less a later question takes than the first."""
    table = Table(title="Questions about one text")
    for column in ("server", "asked by"):
        table.add_column(column)
    for column in ("pages", "requests", "drawn", "s to pages", "s to first token", "x faster"):
        table.add_column(column, justify="right")
    for column in ("KB sent", "visual tokens", "cached tokens"):
        table.add_column(column, justify="right")
    first = rows[0]
    for row in rows:
        first = row if row.asked_by == ASKED_BY[0] else first
        table.add_row(
            row.server,
            row.asked_by,
            *(str(one) for one in (row.pages, row.requests, row.pages_drawn)),
            f"{row.seconds_to_pages:.2f}",
            f"{row.seconds_to_first:.2f}",
            f"{first.seconds_to_first / row.seconds_to_first:.1f}",
            f"{row.sent_bytes / 1e3:.0f}",
            str(row.visual_tokens),
            str(row.cached_tokens),
        )
    console.print(table)


if __name__ == "__main__":
    main()
