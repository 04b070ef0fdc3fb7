"""A judge is a model behind any server; it may fail, and then gives no grade."""

from __future__ import annotations

import asyncio

import pytest
from openai import AsyncOpenAI

from tests.scripted_server import ScriptedServer, answer, failure
from training.judge import Graded, Judge, read_points

GRADED = Graded("Who wrote it?", "Charlotte Brontë", "Brontë")


def _scores(*script, graded=(GRADED,)):
    with ScriptedServer(*script) as server:
        judge = Judge(server.base_url, "judge", timeout=5)
        return asyncio.run(judge.scores(graded)), server.requests


def test_points_become_a_share_of_the_most():
    scores, _ = _scores(answer("8"))
    assert scores == [0.8]


def test_the_judge_sees_question_reference_and_answer():
    _, requests = _scores(answer("8"))
    asked = requests[0]["messages"][0]["content"]
    assert all(text in asked for text in ("Who wrote it?", "Charlotte Brontë", "\nBrontë\n"))


def test_a_failed_request_is_no_grade_and_told_and_the_others_keep_theirs(caplog):
    scores, _ = _scores(failure(400), answer("10"), graded=(GRADED, GRADED))
    assert "gave no grade: BadRequestError" in caplog.text
    assert sorted(map(str, scores)) == ["1.0", "None"]


def test_a_judge_may_be_asked_in_one_event_loop_after_another_and_leaves_none_open(monkeypatch):
    made = []

    class Watched(AsyncOpenAI):
        def __init__(self, **settings):
            made.append(self)
            super().__init__(**settings)

    monkeypatch.setattr("training.judge.AsyncOpenAI", Watched)
    with ScriptedServer(answer("8")) as server:
        judge = Judge(server.base_url, "judge", timeout=5)
        assert [asyncio.run(judge.scores([GRADED])) for _ in range(3)] == [[0.8]] * 3
    assert [client.is_closed() for client in made] == [True] * 3


@pytest.mark.parametrize(
    ("reply", "points"),
    [("0", 0.0), ("10", 1.0), (" 7 of 10?", None), ("7/10", 0.7), ("good", None), ("", None)],
)
def test_only_one_number_is_a_grade(reply, points):
    assert read_points(reply) == points
