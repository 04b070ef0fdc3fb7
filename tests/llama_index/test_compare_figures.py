"""Verdicts and figures follow from rows alone."""

from __future__ import annotations

import pytest

from glyph_shared.asking import Usage
from llama_index_glyph.compare import Gold, Prices, Question
from llama_index_glyph.compare.rows import blank_row
from llama_index_glyph.compare.summary import summarise
from llama_index_glyph.compare.verdicts import held, verdict

GOLD = Gold("a.txt", 100, 150)
ASKED = Question("q1", "Who?", ("Ada",), (GOLD,))
WHOLE, PART, NONE = ("a.txt", 50, 150), ("a.txt", 0, 120), ("a.txt", 150, 400)


@pytest.mark.parametrize(
    ("stretch", "how"),
    [
        (WHOLE, "whole"),
        (PART, "part"),
        (NONE, "none"),
        (("a.txt", 0, 100), "none"),
        (("b.txt", 0, 999), "none"),
    ],
)
def test_a_stretch_holds_gold_only_if_all_of_it_is_inside(stretch, how):
    assert held(GOLD, stretch) == how


def test_a_gold_document_is_held_by_any_of_its_stretches():
    assert held(Gold("a.txt"), NONE) == "whole"


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"right": True, "shown": (NONE,)}, "right"),
        ({"shown": (NONE,)}, "gold not retrieved"),
        ({"shown": ()}, "gold not retrieved"),
        ({"shown": (NONE,), "refused": True}, "gold not retrieved"),
        ({"shown": (NONE, PART)}, "gold split over chunks"),
        ({"shown": (PART, WHOLE)}, "retrieved but wrong"),
        ({"shown": (WHOLE,), "refused": True}, "refused"),
        ({"shown": None, "retrieves": False, "has_pages": True}, "page misread"),
        ({"shown": None, "retrieves": False}, "wrong"),
    ],
)
def test_a_verdict_names_the_first_thing_that_went_wrong(facts, name):
    facts = {"right": False, "refused": False, "retrieves": True, "has_pages": False} | facts
    assert verdict(ASKED, **facts) == name


def test_without_gold_a_wrong_answer_is_wrong_and_no_more():
    bare = Question("q1", "Who?", ("Ada",))
    facts = {"right": False, "refused": False, "retrieves": True, "has_pages": True}
    assert verdict(bare, shown=(NONE,), **facts) == "wrong"


@pytest.mark.parametrize(
    ("refused", "name"), [(True, "unanswerable: right"), (False, "unanswerable: answered")]
)
def test_an_unanswerable_question_is_right_when_it_is_refused(refused, name):
    asked = Question("q1", "Who?", ())
    told = verdict(asked, right=False, refused=refused, shown=None, retrieves=False, has_pages=True)
    assert told == name


def row(arm, number, right, **values):
    question = Question(f"q{number}", "Who?", ("Ada",), (GOLD,))
    told = {"verdict": "right" if right else "page misread", "total_s": float(number)}
    scores = {"exact_match": float(right), "f1": float(right)}
    named = {"arm": arm, "question_id": question.id, "error": None}
    return {**blank_row(question), **named, **told, **scores, **values}


def summary(rows):
    return summarise(rows, corpus={}, settings={})


def test_failures_count_as_wrong_and_are_counted():
    broken = {"error": {"type": "E", "message": "m"}, "verdict": "failed", "total_s": None}
    told = summary([row("a", 1, True), row("a", 2, False, **broken)])["arms"]["a"]
    assert told["right"]["mean"] == 0.5
    assert (told["failed"], told["verdicts"]) == (1, {"right": 1, "failed": 1})
    assert told["seconds"]["total_s"] == {"p50": 1.0, "p95": 1.0, "total": 1.0}


def test_pairs_compare_the_same_questions():
    rows = [row("a", n, n != 3) for n in range(8)] + [row("b", n, n > 3) for n in range(8)]
    told = {(pair["a"], pair["b"], pair["metric"]): pair for pair in summary(rows)["pairs"]}
    right = told["a", "b", "right"]
    assert right["difference"] == pytest.approx(3 / 8)
    assert 0 <= right["low"] < 3 / 8 < right["high"] < 1
    assert set(told) == {("a", "b", metric) for metric in ("right", "exact_match", "f1")}


def test_a_question_tells_who_was_right():
    rows = [row("a", n, n < 2) for n in range(3)] + [row("b", n, n < 1) for n in range(3)]
    assert [q["outcome"] for q in summary(rows)["questions"]] == [
        "all right",
        "differs",
        "all wrong",
    ]


def test_retrieval_is_counted_by_the_best_hit():
    def hits(*hows):
        return [{"holds_gold": how} for how in hows]

    rows = [
        row("a", 1, True, retrieved=hits("none", "whole", "part")),
        row("a", 2, False, retrieved=hits("part", "none")),
        row("a", 3, False, retrieved=hits("none")),
        row("a", 4, False, retrieved=[]),
        row("b", 1, True),
    ]
    arms = summary(rows)["arms"]
    assert arms["a"]["gold_retrieved"] == {"whole": 1, "part": 1, "none": 2}
    assert arms["b"]["gold_retrieved"] is None


def test_a_summary_is_the_same_to_the_digit_when_it_is_made_again():
    rows = [row("a", n, n % 3) for n in range(9)] + [row("b", n, n % 2) for n in range(9)]
    assert summary(rows) == summary(rows)


def test_cached_tokens_have_their_own_price():
    usage = Usage(prompt_tokens=1000, cached_tokens=600, completion_tokens=50)
    assert Prices(prompt=2, completion=10).cost(usage) == pytest.approx(0.0025)
    assert Prices(prompt=2, completion=10, cached=0.5).cost(usage) == pytest.approx(0.0016)
