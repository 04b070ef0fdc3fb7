"""Synthetic pages: filler with facts planted in it, laid out in rows and columns of chars.

Lines break as the renderer breaks them (a test holds the two together), and each char knows its
cell.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from training.reader.corpus import Corpus
from training.reader.facts import Fact, linked_facts, over_two_hops, random_fact
from training.reader.looks import OWN, Cell, Look

FRESH_TEXT_CHARS = 3000
TYPOGRAPHY = str.maketrans({"'": "’", "`": "‘"})
ACCENTED = "éèàçüöäñôîßæ£°…–—“”•"


@dataclass
class Planted:
    """A fact whose whole statement stands on the page.

    fact: What it states; over two hops, what two statements say together.
    cells: The cell of each value char, and the one just after: where the answer ends.
    named: The words of the statement that a question repeats, with the cell of each char.
    """

    fact: Fact
    cells: list[Cell]
    named: list[tuple[str, list[Cell]]]


@dataclass
class GridPage:
    """One page as lines, how they look, and the facts that can be read off them.

    over_two_hops: Facts that two statements say together.
    """

    lines: list[str]
    look: Look = OWN
    planted: list[Planted] = field(default_factory=list)
    over_two_hops: list[Planted] = field(default_factory=list)


def wrap(text: str, columns: int = OWN.columns) -> list[tuple[int, int]]:
    """Breaks text into lines: half-open char spans, newline excluded, trailing space included.

    A line breaks after the last space that fits; spaces may hang over the edge; a longer word is
    cut hard.
    """
    spans = []
    start = 0
    for paragraph in text.split("\n"):
        end = start + len(paragraph)
        at = start
        while end - at > columns:
            cut = at + columns
            if text[cut] == " ":
                while cut < end and text[cut] == " ":
                    cut += 1
            else:
                space = text.rfind(" ", at, cut)
                cut = space + 1 if space >= at else cut
            spans.append((at, cut))
            at = cut
        if at < end or at == start:
            spans.append((at, end))
        start = end + 1
    return spans


def make_page(
    rng: random.Random,
    corpus: Corpus,
    fact_count: int,
    look: Look = OWN,
    *,
    alike: float = 0.4,
    linked: float = 0.0,
) -> GridPage:
    """Composes one page with up to `fact_count` facts; those that are cut off are not listed.

    Args:
        rng: Where chance comes from.
        corpus: What stands around the facts.
        fact_count: How many facts to plant.
        look: How the page is drawn; says how many rows and columns it has.
        alike: The share of facts that have their attribute or entity in common with another.
        linked: The probability that two more are planted, which together answer one question.
    """
    text = filler(rng, corpus)
    rows = look.rows if rng.random() < 0.9 else rng.randint(2, look.rows)
    facts = _draw_facts(rng, corpus, fact_count, alike)
    pair = linked_facts(rng, corpus.words) if rng.random() < linked else ()
    facts += pair
    rng.shuffle(facts)
    text, spots = _plant(rng, text, facts, int(rows * look.columns * 0.8))
    spans = wrap(text, look.columns)[:rows]
    page = GridPage([text[a:b].rstrip(" ") for a, b in spans], look)
    visible_end = spans[-1][1] if spans else 0
    for fact, begin, value_start, end in spots:
        if end <= visible_end:
            value_end = value_start + len(fact.value)
            cells = [_cell(spans, offset) for offset in range(value_start, value_end + 1)]
            named = _named_cells(fact, text, begin, end, spans)
            page.planted.append(Planted(fact, cells, named))
        elif begin < visible_end:
            # A statement the page's end cuts: asking for it would be neither right nor wrong.
            page.lines = _drop_tail(page.lines, spans, begin)
    if pair:
        _link(page, *pair)
    return page


def filler(rng: random.Random, corpus: Corpus) -> str:
    """Draws more than a page of text of one kind."""
    draw = rng.random()
    if draw < 0.40:
        text = _prose(rng, corpus)
    elif draw < 0.58:
        text = _slice(rng, rng.choice(corpus.docstrings))
    elif draw < 0.72:
        text = _slice(rng, rng.choice(corpus.code))
    else:
        text = _invented_prose(rng, corpus)
    return _vary(rng, text)


def absent_fact(rng: random.Random, corpus: Corpus, page_facts: list[Fact]) -> Fact:
    """Draws a fact that the page does not state, in two of three cases a look-alike of one."""
    near = rng.choice(page_facts) if page_facts and rng.random() < 0.67 else None
    stated = {(fact.attribute, fact.entity) for fact in page_facts}
    while True:
        fact = random_fact(rng, corpus.words, near)
        if (fact.attribute, fact.entity) not in stated:
            return fact


def _draw_facts(rng: random.Random, corpus: Corpus, count: int, alike: float) -> list[Fact]:
    facts: list[Fact] = []
    stated: set[tuple[str, str]] = set()
    while len(facts) < count:
        near = facts[-1] if facts and rng.random() < alike else None
        fact = random_fact(rng, corpus.words, near)
        if (fact.attribute, fact.entity) not in stated:
            stated.add((fact.attribute, fact.entity))
            facts.append(fact)
    return facts


def _link(page: GridPage, first: Fact, second: Fact) -> None:
    """Notes what two facts say together, if the page shows both."""
    shown = {planted.fact: planted for planted in page.planted}
    if first in shown and second in shown:
        one, other = shown[first], shown[second]
        attribute = [(words, cells) for words, cells in other.named if words == second.attribute]
        fact = over_two_hops(first, second)
        page.over_two_hops.append(Planted(fact, other.cells, [*one.named, *attribute]))


def _plant(
    rng: random.Random, text: str, facts: list[Fact], most_chars: int
) -> tuple[str, list[tuple[Fact, int, int, int]]]:
    """Inserts statements at sentence ends; spots are (fact, begin, value start, end)."""
    room = max(1, min(len(text), most_chars))
    ends = [
        i + 1 for i in range(room) if text[i] in ".\n:;" and text[i + 1 : i + 2] in (" ", "\n", "")
    ]
    ends = ends or [0]
    places = sorted(rng.choice(ends) for _ in facts)
    pieces: list[str] = []
    spots = []
    length = last = 0
    for place, fact in zip(places, facts, strict=True):
        gap = text[last:place]
        joint = "\n" if rng.random() < 0.12 else " "
        lead = joint if (gap or pieces) and not gap[-1:].isspace() else ""
        statement, value_at = fact.statement(rng)
        begin = length + len(gap) + len(lead)
        tail = "" if text[place : place + 1] in ("", " ", "\n") else " "
        pieces += [gap, lead, statement, tail]
        spots.append((fact, begin, begin + value_at, begin + len(statement)))
        length = begin + len(statement) + len(tail)
        last = place
    pieces.append(text[last:])
    return "".join(pieces), spots


def _cell(spans: list[tuple[int, int]], offset: int) -> Cell:
    """Returns where a char stands; spaces may hang over the edge."""
    for row, (begin, end) in enumerate(spans):
        if begin <= offset < end or (offset == end and row + 1 == len(spans)):
            return row, offset - begin
        if offset == end and spans[row + 1][0] > end:  # the newline char itself
            return row, offset - begin
    begin, end = spans[-1]
    return len(spans) - 1, end - begin


def _named_cells(
    fact: Fact, text: str, begin: int, end: int, spans: list[tuple[int, int]]
) -> list[tuple[str, list[Cell]]]:
    named = []
    for words in (fact.entity, fact.attribute):
        start = text.lower().index(words.lower(), begin, end)
        named.append((words, [_cell(spans, start + step) for step in range(len(words))]))
    return named


def _drop_tail(lines: list[str], spans: list[tuple[int, int]], begin: int) -> list[str]:
    kept = []
    for line, (start, _end) in zip(lines, spans, strict=False):
        if start + len(line) <= begin:
            kept.append(line)
        else:
            kept.append(line[: max(0, begin - start)].rstrip(" "))
            break
    return kept + [""] * (len(lines) - len(kept))


def _prose(rng: random.Random, corpus: Corpus) -> str:
    separator = rng.choice((" ", "\n", "\n\n"))
    text = rng.choice(corpus.prose)
    while len(text) < FRESH_TEXT_CHARS:
        text += separator + rng.choice(corpus.prose)
    return text


def _slice(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    start = rng.randrange(max(1, len(lines) - 12))
    return "\n".join(lines[start : start + 60])[: 2 * FRESH_TEXT_CHARS]


def _invented_prose(rng: random.Random, corpus: Corpus) -> str:
    common = ("the", "of", "and", "to", "a", "in", "is", "that", "for", "it", "was", "on", "with")
    sentences: list[str] = []
    length = 0
    while length < FRESH_TEXT_CHARS:
        count = rng.randint(4, 16)
        words = [rng.choice(common if rng.random() < 0.4 else corpus.words) for _ in range(count)]
        words = [_decorate(rng, word) for word in words]
        sentence = " ".join(words)
        sentence = sentence[:1].upper() + sentence[1:] + rng.choice(".......?!")
        sentences.append(sentence)
        length += len(sentence) + 1
    return rng.choice((" ", " ", "\n")).join(sentences)


def _decorate(rng: random.Random, word: str) -> str:
    draw = rng.random()
    if draw < 0.86:
        return word
    if draw < 0.90:
        return word + rng.choice((",", ",", ";", ":"))
    if draw < 0.92:
        return f'"{word}"' if rng.random() < 0.5 else f"({word})"
    if draw < 0.94:
        return word.upper() if rng.random() < 0.5 else word.capitalize()
    if draw < 0.96:
        return str(rng.randint(0, 10 ** rng.randint(1, 6)))
    if draw < 0.98:
        code = (chr(rng.randint(33, 126)) for _ in range(rng.randint(2, 8)))
        return "".join(code)
    at = rng.randrange(len(word) + 1)
    return word[:at] + rng.choice(ACCENTED) + word[at:]


def _vary(rng: random.Random, text: str) -> str:
    if rng.random() < 0.3:
        text = text.translate(TYPOGRAPHY).replace('"', rng.choice("“”")).replace("--", "—")
    if rng.random() < 0.1:
        text = text.upper()
    if rng.random() < 0.1:
        indent = " " * rng.randint(1, 12)
        text = "\n".join(indent + line for line in text.split("\n"))
    return text
