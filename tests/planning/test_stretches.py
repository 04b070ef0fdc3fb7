"""Parts of a text become stretches of it, whatever order they were found in."""

from __future__ import annotations

import random
from itertools import pairwise

from glyph_shared.planning import Placed, join_parts

TEXT = "".join(f"{number:03} says nothing new. " for number in range(100))


def part(start, end):
    return Placed((start, end), TEXT[start:end], start)


def joined(*parts):
    return [(stretch.start, stretch.text) for stretch in join_parts(parts)]


def test_parts_that_adjoin_or_overlap_are_one():
    assert joined(part(0, 10), part(10, 20)) == [(0, TEXT[:20])]
    assert joined(part(0, 12), part(8, 20)) == [(0, TEXT[:20])]
    assert joined(part(0, 30), part(5, 9), part(20, 40)) == [(0, TEXT[:40])]


def test_parts_with_a_gap_between_them_stay_apart_in_reading_order():
    assert joined(part(11, 20), part(0, 10)) == [(0, TEXT[:10]), (11, TEXT[11:20])]


def test_parts_that_disagree_stay_apart():
    other = Placed("other", "x" * 10, 5)
    assert joined(part(0, 10), other) == [(0, TEXT[:10]), (5, "x" * 10)]


def test_parts_without_a_place_come_last_each_on_its_own():
    lost = [Placed(name, name, None) for name in ("b", "a")]
    assert joined(lost[0], part(0, 10), lost[1]) == [(0, TEXT[:10]), (None, "b"), (None, "a")]


def test_each_char_knows_its_part():
    [stretch] = join_parts([part(10, 20), part(0, 12)])
    assert [stretch.part_at(offset) for offset in (0, 9, 10, 19)] == [
        (0, 12), (0, 12), (10, 20), (10, 20),
    ]  # fmt: skip


def test_any_parts_that_cover_a_text_give_it_back():
    chance = random.Random(7)
    for _ in range(50):
        cuts = sorted(chance.sample(range(1, len(TEXT)), 12))
        edges = [0, *cuts, len(TEXT)]
        parts = [part(max(0, start - chance.randrange(20)), end) for start, end in pairwise(edges)]
        chance.shuffle(parts)
        assert joined(*parts) == [(0, TEXT)]
