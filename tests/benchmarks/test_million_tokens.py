"""The parts of both benchmarks on a million text tokens work on a small text."""

import random

from tests.benchmarks import hybrid_recall, million_tokens, texts


def test_no_two_paragraphs_of_the_novel_are_alike():
    paragraphs = texts.novel(300_000).split("\n\n")
    assert len(paragraphs) == len(set(paragraphs)) > 500


def test_each_volume_holds_facts_of_its_own():
    library = million_tokens.make_library(20_000, 2, 0)
    assert len(set(library.questions)) == 2 * len(library.volumes)
    for number, fact in library.facts:
        holders = [fact.statement in volume.text for volume in library.volumes]
        assert holders == [place == number for place in range(len(holders))]


def test_each_policy_has_a_row_that_says_what_it_sends():
    library = million_tokens.make_library(20_000, 1, 0)
    rows = {row.policy: row for row in million_tokens.plan_rows(library, 12_000)}
    assert "visual tokens" in rows["error"].note
    assert "legibility floor" in rows["denser"].note
    assert (rows["hybrid"].requests, rows["hybrid"].facts_sent) == (1, "5/5")
    assert rows["hybrid"].chars_left_out > 0 == rows["map_reduce"].chars_left_out
    assert rows["map_reduce"].requests > 1


def test_what_is_planted_is_found_in_a_full_window():
    searches, volumes = hybrid_recall.make_searches(20_000, random.Random(0))
    cells = hybrid_recall.recall(searches, volumes)
    assert cells["plain"][-1].startswith("20/20 ")
    assert cells["two hops"][-1].startswith("20/20 ")
