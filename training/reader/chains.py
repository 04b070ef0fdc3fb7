"""Pages for questions in two steps: who keeps the archive, and what is that person's phone number?

Pages hold two whole chains and the first link of a third, whose question has no answer. Chains that
are alike share role and attribute, so that neither alone leads to the answer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from glyph_shared.planted_facts import insert_sentences
from training.reader.corpus import Corpus
from training.reader.facts import Fact, linked_facts, over_two_hops
from training.reader.looks import OWN
from training.reader.pages import GridPage, filler, wrap

CHAINS = 3
FILLED = 0.5
"""Statements stand in this first part of a page, so that none is cut off by the page's end."""

Chain = tuple[Fact, Fact]


@dataclass(frozen=True)
class ChainPages:
    """Pages, what the chains on them say, and what they do not say though one half stands there."""

    pages: list[GridPage]
    stated: list[Fact]
    broken: Fact


def chain_pages(rng: random.Random, corpus: Corpus, count: int, *, alike: bool) -> ChainPages:
    """Draws `count` pages with the statements of some chains, each on any of them."""
    chains = _chains(rng, corpus, alike)
    *whole, (first, second) = chains
    facts = [fact for chain in whole for fact in chain] + [first]
    rng.shuffle(facts)
    placed: list[list[Fact]] = [[] for _ in range(count)]
    for fact in facts:
        rng.choice(placed).append(fact)
    pages = [_page(rng, corpus, some) for some in placed]
    return ChainPages(
        pages, [over_two_hops(*chain) for chain in whole], over_two_hops(first, second)
    )


def _chains(rng: random.Random, corpus: Corpus, alike: bool) -> list[Chain]:
    """Draws chains of different people; their places and roles differ, or only the places."""
    role, attribute = (fact.attribute for fact in linked_facts(rng, corpus.words))
    chains: list[Chain] = []
    while len(chains) < CHAINS:
        first, second = linked_facts(rng, corpus.words)
        if alike:
            first, second = replace(first, attribute=role), replace(second, attribute=attribute)
        taken = {name for one, _ in chains for name in (one.entity, one.value)}
        attributes = {other.attribute for _, other in chains}
        if taken & {first.entity, first.value} or (not alike and second.attribute in attributes):
            continue
        chains.append((first, second))
    return chains


def _page(rng: random.Random, corpus: Corpus, facts: list[Fact]) -> GridPage:
    """Plants facts in a page's filler, between sentences or lines."""
    while True:
        text = filler(rng, corpus)
        room = text[: int(OWN.columns * OWN.rows * FILLED)]
        ends = [at + 1 for at, char in enumerate(room) if char == "."] or [0]
        places = sorted(rng.choice(ends) for _ in facts)
        text, spans = insert_sentences(text, places, [fact.statement(rng)[0] for fact in facts])
        lines = wrap(text)[: OWN.rows]
        if all(stop <= lines[-1][1] for _, stop in spans):
            return GridPage([text[start:stop].rstrip(" ") for start, stop in lines])
