"""How many passages ``hybrid`` should send: what is found against what it costs.

    python -m tests.benchmarks.hybrid_recall [--chars N]

Facts are planted in five volumes of one text and asked for in several ways. For each way the table
tells how often all that the answer needs is among the passages sent, and how many passages that
takes: for the best 8, 32 and 128, for what ``hybrid`` sends, and for whatever fits a full window
of the default θ. Nothing is drawn.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from glyph_shared.documents import Document
from glyph_shared.planning import DEFAULT_WINDOW
from glyph_shared.planning.bm25 import Match, bm25_matches
from glyph_shared.planning.hybrid import MOST_CHARS, worth_sending
from glyph_shared.planning.passages import split_passages
from glyph_shared.planted_facts import NAMES, SUBJECTS, insert_sentences, sentence_ends
from tests.benchmarks import texts

VOLUMES, VOLUME_CHARS, EACH = 5, 890_000, 20
WAYS = ("best 8", "best 32", "best 128", "hybrid", "full window")
CHARS_PER_VISUAL_TOKEN = 16
"""Of preset ``en`` on this text: 4.4 chars a text token, ρ 3.6."""

COMMON = ("What is it about?", "Who is it and what does he do?", "Which of these are there?")


@dataclass(frozen=True)
class Search:
    """A question and what its answer needs; nothing, where no answer is known."""

    kind: str
    question: str
    needed: tuple[str, ...]


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chars", type=int, default=VOLUME_CHARS, help="of each volume")
    options = parser.parse_args()
    searches, volumes = make_searches(options.chars, random.Random(0))
    table = Table(title="found / asked, and passages sent")
    table.add_column("question")
    for way in WAYS:
        table.add_column(way, justify="right")
    for kind, cells in recall(searches, volumes).items():
        table.add_row(kind, *cells)
    Console(width=130).print(table)


def make_searches(chars: int, rng: random.Random) -> tuple[list[Search], list[Document]]:
    """Makes questions of several kinds, and the volumes that hold their answers."""
    text = texts.novel(chars)
    planted = [*_plain(rng), *_two_hops(rng)]
    sentences = [sentence for search in planted for sentence in search.needed]
    rng.shuffle(sentences)
    wordy = (
        Search("wordy", f"Please read all of this and tell me in brief: {one.question}", one.needed)
        for one in planted
        if one.kind == "plain"
    )
    common = (Search("common words", question, ()) for question in COMMON)
    searches = [*planted, *wordy, *_known_items(text, rng), *common]
    return searches, [_volume(text, rng, sentences[part::VOLUMES]) for part in range(VOLUMES)]


def recall(searches: list[Search], volumes: list[Document]) -> dict[str, list[str]]:
    """Returns for each kind of question a cell per way."""
    passages = split_passages(volumes, MOST_CHARS)
    held = [volumes[one.document].text[one.start : one.end] for one in passages]
    room = DEFAULT_WINDOW * CHARS_PER_VISUAL_TOKEN // MOST_CHARS
    tally: dict[str, list[list[tuple[bool, int]]]] = {}
    for search in searches:
        matches = bm25_matches(search.question, held)
        rows = tally.setdefault(search.kind, [[] for _ in WAYS])
        for row, sent in zip(rows, _sent(matches, room), strict=True):
            found = all(any(one in held[i] for i in sent) for one in search.needed)
            row.append((found and bool(search.needed), len(sent)))
    return {kind: [_cell(row) for row in rows] for kind, rows in tally.items()}


def _sent(matches: list[Match], room: int) -> Iterator[list[int]]:
    """Yields the passages that each of the ``WAYS`` sends."""
    ranked = sorted(range(len(matches)), key=lambda number: -matches[number].score)
    yield from (ranked[:most] for most in (8, 32, 128))
    yield worth_sending(matches)[:room]
    yield ranked[:room]


def _cell(row: list[tuple[bool, int]]) -> str:
    sent = sum(count for _, count in row) / len(row)
    return f"{sum(found for found, _ in row)}/{len(row)} {sent:.0f}"


def _plain(rng: random.Random) -> Iterator[Search]:
    for attribute, city in rng.sample(SUBJECTS, EACH):
        about, value = f"{attribute} of the {city} office", rng.randint(10_000, 99_999)
        yield Search("plain", f"What is the {about}?", (f"The {about} is {value}.",))


def _two_hops(rng: random.Random) -> Iterator[Search]:
    """Yields questions whose second fact shares nothing rare with the question."""
    for number in range(EACH):
        depot, name = f"the Depot {number} quarter", f"{rng.choice(NAMES)} {_invented(rng)}"
        needed = (f"The manager of {depot} is {name}.", f"The extension of {name} is {number}77.")
        yield Search("two hops", f"What is the extension of the manager of {depot}?", needed)


def _known_items(text: str, rng: random.Random) -> Iterator[Search]:
    """Yields six words of a paragraph, drawn at random, as the question for it."""
    paragraphs = [one for one in text.split("\n\n") if 200 < len(one) < 700]
    for paragraph in rng.sample(paragraphs, min(2 * EACH, len(paragraphs))):
        known = [word for word in paragraph.split() if word.isalpha()]
        if len(known) > 2 * 6:
            yield Search("six of its words", " ".join(rng.sample(known, 6)), (paragraph[:60],))


def _volume(text: str, rng: random.Random, sentences: list[str]) -> Document:
    places = sentence_ends(Document.from_text(text, "volume"), rng, len(sentences))
    return Document.from_text(insert_sentences(text, places, sentences)[0], "volume")


def _invented(rng: random.Random) -> str:
    return "".join(rng.choice("bdklmnrst") + rng.choice("aeiou") for _ in range(3)).capitalize()


if __name__ == "__main__":
    main()
