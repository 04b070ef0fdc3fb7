"""How much of a text ``hybrid`` sends: what is near the question, not all that has room."""

from __future__ import annotations

import pytest

from glyph_shared.documents import Document
from glyph_shared.planning import EstimateCounter, Plan, plan
from glyph_shared.planning.bm25 import Match
from glyph_shared.planning.hybrid import (
    LEAST_PASSAGES,
    LESS_SIMILAR,
    NOT_SHARED,
    ONLY_COMMON,
    worth_sending,
)
from glyph_shared.planning.passages import split_passages
from glyph_shared.rendering import RenderConfig

QUESTION = "What is the access code of the Lisbon office?"
FACT = "The access code of the Lisbon office is 4711.\n\n"
SMALL = RenderConfig(page_size=(280, 140), auto_crop_width=False, auto_crop_last_page=False)


def chatter(days: int) -> str:
    """Shares ``what``, ``is``, ``the`` and ``of`` with the question, and nothing else."""
    return "".join(f"On day {day} the rain is the talk of what is near.\n\n" for day in range(days))


def retrieved(context: object, window: int, question: str = QUESTION, **options: object) -> Plan:
    options = {"config": SMALL, "counter": EstimateCounter(), "max_tokens": 100} | options
    return plan(context, window, overflow="hybrid", question=question, text_gate=False, **options)


def reasons(made: Plan) -> set[str]:
    return {part.reason for part in made.left_out}


def test_a_passage_with_common_words_alone_does_not_fill_the_window():
    text = chatter(900) + FACT + chatter(900)
    made = retrieved(text, 6000)
    assert FACT.strip() in made.text
    assert made.visual_tokens < made.budget.context / 2
    assert reasons(made) == {ONLY_COMMON}
    left = sum(part.char_span[1] - part.char_span[0] for part in made.left_out)
    assert f"{left:,} of {len(text):,} chars left out" in made.overflow_note


def test_a_question_of_common_words_alone_still_fills_the_window():
    made = retrieved(chatter(1200), 3000, "What is the talk?")
    assert made.budget.context * 3 / 4 < made.visual_tokens <= made.budget.context
    assert reasons(made) == {LESS_SIMILAR}


def test_each_stretch_is_left_out_for_its_own_reason():
    near = "".join(f"The Lisbon office has access code {n}.\n\n" for n in range(200))
    made = retrieved(near + chatter(400) + "Zzz.\n\n" * 200, 1100)
    assert reasons(made) == {LESS_SIMILAR, ONLY_COMMON, NOT_SHARED}


def test_the_second_of_two_facts_is_sent_though_it_shares_little():
    first, second = (
        "The manager of Lisbon is Nina Keller.\n\n",
        "The budget of Nina Keller is 7.\n\n",
    )
    text = chatter(500) + first + chatter(500) + second + chatter(500)
    made = retrieved(text, 3000, "What is the budget of the manager of Lisbon?")
    assert first.strip() in made.text
    assert second.strip() in made.text


@pytest.mark.parametrize(
    ("matches", "sent"),
    [
        ([], []),
        ([(0.0, False)] * 2, []),
        ([(1.0, True), (3.0, True), (2.0, True)], [1, 2, 0]),
        ([(9.0, True), *[(1.0, False)] * 20], list(range(LEAST_PASSAGES))),
        ([*[(1.0, False)] * 20, (0.5, True)], [*range(LEAST_PASSAGES), 20]),
        ([(9.0, True), (0.0, False), (1.0, False)], [0, 2]),
    ],
)
def test_passages_with_a_telling_word_are_sent_and_the_best_few_of_the_others(matches, sent):
    assert worth_sending([Match(*match) for match in matches]) == sent


def test_a_short_file_is_sent_whole_and_a_long_one_in_passages():
    story = "".join(f"In chapter {number} nobody says anything of use.\n" for number in range(200))
    short = Document.from_text(story[:4500] + FACT + story[4500:8500], "short.txt")
    long = Document.from_text(story * 20 + FACT + story * 20, "long.txt")
    others = [Document.from_text(story, f"{number}.txt") for number in range(40)]
    made = retrieved([*others, short, long], 8000, config=None)
    sent = {placed.document.name: placed.document.text for placed in made.documents}
    assert sent["short.txt"] == short.text
    assert FACT in sent["long.txt"]
    assert len(sent["long.txt"]) < len(long.text) / 4


def test_a_file_up_to_the_limit_is_one_passage():
    documents = [Document.from_text("word " * n, f"{n}") for n in (10, 100, 101)]
    passages = split_passages(documents, 50, whole=500)
    assert [sum(one.document == n for one in passages) for n in (0, 1, 2)] == [1, 1, 11]
