"""The critic: what it is told, what becomes of what it says, and that it is never needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glyph_shared.errors import BadResponse
from tests.scripted_server import ScriptedServer, answer, failure
from training.search.journal import read_rows
from training.search.run import JOURNAL, Search
from training.search.texts import text_of

USAGE = {"prompt_tokens": 400, "completion_tokens": 100, "total_tokens": 500}
MUTATION = {
    "operator": "mutation",
    "parent": 0,
    "changes": {"margin_x": 0, "leading": 0.5},
    "why": "margins hold no text",
}
CROSSOVER = {
    "operator": "crossover",
    "parents": [0, 1],
    "from_second": ["newline_markup", "crop_multiple"],
    "why": "markers save lines",
}


def reply(*proposals, analysis="Margins are waste."):
    body = {"analysis": analysis, "proposals": list(proposals)}
    return answer(f"Here it is:\n```json\n{json.dumps(body)}\n```", usage=USAGE)


def searched(make, reader, critic, **changes):
    values = {"critic.base_url": critic.base_url, "critic.every": 3, **changes}
    settings = make(reader.base_url, **values)
    said: list[str] = []
    evaluations = Search(settings, said.append).run()
    rows = read_rows(settings_path(settings))
    return evaluations, [row for row in rows if row["kind"] == "critic"], said


def settings_path(settings):
    return Path(settings.output) / JOURNAL


def prompt_of(request):
    [part] = request["messages"][-1]["content"]
    return part["text"]


def test_what_the_critic_proposes_is_measured_with_its_reason(make):
    with ScriptedServer() as reader, ScriptedServer(reply(MUTATION, CROSSOVER)) as critic:
        evaluations, notes, said = searched(make, reader, critic)
        prompt = prompt_of(critic.requests[0])
    advised = [one for one in evaluations if one.child.operator == "critic"]
    assert [one.child.explanation for one in advised] == [
        "margins hold no text",
        "markers save lines",
    ]
    mutant, cross = (one.child for one in advised)
    first, second = (one.child.genome for one in evaluations[:2])
    assert mutant.parents == (0,)
    assert mutant.genome == first.changed({"margin_x": 0, "leading": 0.5})
    assert cross.parents == (0, 1)
    assert cross.genome.newline_markup == second.newline_markup
    assert cross.genome.dpi == first.dpi
    assert all(one.measured for one in advised)
    assert notes[0]["analysis"] == "Margins are waste."
    assert notes[0]["llm_tokens"] == 500
    assert "critic: scripted" in said[0]
    for told in ("compression_ratio", "- dpi: one of", "0. preset", "1. preset"):
        assert told in prompt


def test_what_the_critic_proposed_has_children_like_others(make):
    best = {"operator": "mutation", "parent": 1, "changes": {"dpi": 55}, "why": "smaller"}
    with ScriptedServer(answer("x")) as reader, ScriptedServer(reply(best)) as critic:
        evaluations, _, _ = searched(make, reader, critic, **{"budget.evaluations": 16})
    [advised] = [one for one in evaluations if one.child.operator == "critic"]
    assert any(advised.number in one.child.parents for one in evaluations)


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        ("dense", "a proposal is a JSON object"),
        ({"operator": "guess"}, "operator must be mutation or crossover"),
        ({**MUTATION, "parent": 99}, "number 99 is not in the history"),
        ({**MUTATION, "changes": {}}, "changes must hold at least one gene"),
        ({**MUTATION, "changes": {"size": 3}}, "unknown gene 'size'"),
        ({**MUTATION, "changes": {"dpi": "low"}}, "gene 'dpi' is like"),
        ({**MUTATION, "changes": {"leading": -3}}, "line_height must be at least font_size"),
        ({**MUTATION, "changes": {"dpi": 20}}, "small shapes"),
        ({**MUTATION, "changes": {"dpi": 72}}, "measured before"),
        ({**CROSSOVER, "parents": [0]}, "crossover needs 2 numbers"),
        ({**CROSSOVER, "from_second": ["size"]}, "from_second must list genes"),
    ],
)
def test_an_impossible_proposal_is_dropped_and_the_critic_is_told_why(make, proposal, reason):
    with ScriptedServer() as reader, ScriptedServer(reply(proposal), reply()) as critic:
        evaluations, notes, _ = searched(make, reader, critic)
        assert reason in prompt_of(critic.requests[1])
    assert notes[0]["proposals"] == []
    assert reason in notes[0]["refused"][0]["reason"]
    assert len(evaluations) == 8


def test_more_proposals_than_asked_for_are_told_and_dropped(make):
    with ScriptedServer() as reader, ScriptedServer(reply(MUTATION, CROSSOVER)) as critic:
        _, notes, _ = searched(make, reader, critic, **{"critic.proposals": 1})
    assert len(notes[0]["proposals"]) == 1
    assert "more than 1 proposals" in notes[0]["refused"][0]["reason"]


@pytest.mark.parametrize("bad", [answer("I would rather not."), failure(400, "too long")])
def test_a_critic_that_says_nothing_of_use_stops_no_search(make, bad):
    with ScriptedServer() as reader, ScriptedServer(bad) as critic:
        evaluations, notes, _ = searched(make, reader, critic)
    assert len(evaluations) == 8
    assert notes
    assert notes[0]["refused"]


def test_proposals_that_were_not_measured_yet_wait_in_the_journal(make):
    with ScriptedServer() as reader, ScriptedServer(reply(MUTATION, CROSSOVER)) as critic:
        searched(make, reader, critic, **{"budget.evaluations": 5})
        assert critic.calls == 1
        evaluations, _, _ = searched(make, reader, critic, **{"budget.evaluations": 6})
        assert critic.calls == 1
    assert [one.child.operator for one in evaluations[4:]] == ["critic", "critic"]


def test_the_critics_tokens_count_for_the_budget(make):
    with ScriptedServer() as reader, ScriptedServer(reply(MUTATION)) as critic:
        evaluations, _, said = searched(make, reader, critic, **{"budget.llm_tokens": 450})
    assert len(evaluations) == 5
    assert "450 LLM tokens are spent" in said[-1]


def test_the_critic_writes_questions_once_and_those_it_made_up_are_dropped(make, text):
    words = text_of(str(text), "search", 3000).split()
    questions = [
        {"question": "Who wrote?", "answer": "the harbour master"},
        {"question": "Which number comes first?", "answer": " ".join(words[:2]).rstrip(".")},
        {"question": "Who sang?", "answer": "nobody at all"},
        "a question",
    ]
    written = answer(json.dumps({"questions": questions}), usage=USAGE)
    reads = answer("The harbour master.")
    with ScriptedServer(reads) as reader, ScriptedServer(written, reply()) as critic:
        changes = {"critic.writes_questions": 3, "budget.evaluations": 2}
        settings = make(reader.base_url, **{"critic.base_url": critic.base_url, **changes})
        evaluations = Search(settings, lambda line: None).run()
        Search(settings, lambda line: None).run()
        assert critic.calls == 1
    assert all(one.measured.measures["task_accuracy"] == 0.5 for one in evaluations)
    [note] = [row for row in read_rows(settings_path(settings)) if row["kind"] == "questions"]
    assert note["kept"] == 2
    reasons = [one["reason"] for one in note["refused"]]
    assert reasons == ["its answer does not stand in the text", "not a JSON object"]


def test_a_critic_that_writes_no_usable_question_is_told_plainly(make):
    with ScriptedServer() as reader, ScriptedServer(answer("no")) as critic:
        changes = {"critic.base_url": critic.base_url, "critic.writes_questions": 3}
        with pytest.raises(BadResponse, match="wrote no question that can be used"):
            Search(make(reader.base_url, **changes), print).run()
