"""The rewards of our tasks as verl calls them: one completion at a time, by name.

``training.export_verl`` writes a launch script that names ``compute_score`` here, so each of verl's
machines needs this checkout (``pip install -e .``), but neither TRL nor torch for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from training.judge import Judge
from training.stages.reward_functions import AnswerReward, FormatReward, JudgeReward


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any],
    *,
    think: bool = False,
    answer_weight: float = 1.0,
    format_weight: float = 0.0,
    judge_weight: float = 1.0,
    judge_url: str = "",
    judge_model: str = "",
    judged: Iterable[str] = (),
    **_: Any,
) -> dict[str, float]:
    """Scores a completion as ``training.rl`` does: the sum of its rewards by weight.

    Args:
        data_source: The task's name.
        solution_str: What the model wrote.
        ground_truth: The example, without pages, as JSON.
        extra_info: Holds the prompt's text under ``question``.
        think: Whether a thought has to stand before the answer.
        answer_weight: Of what the task verifies.
        format_weight: Of the form.
        judge_weight: Of the judge's grade.
        judge_url: A server whose model grades; without one, no task is judged.
        judge_model: The judge's name at that server.
        judged: The tasks that the judge grades, in place of their own rewards.

    Returns:
        ``score``, and ``answer`` and ``format`` as verl's log names them. A judge that gives no
        grade leaves the form alone to count, as in TRL.
    """
    judges = frozenset(judged) if judge_url else frozenset[str]()
    said = [[{"role": "assistant", "content": solution_str}]]
    form = FormatReward(think)(said, [ground_truth])[0]
    if data_source in judges:
        asked = [[{"role": "user", "content": extra_info["question"]}]]
        judge = JudgeReward(Judge(judge_url, judge_model), judges)
        answer, weight = (await judge(asked, said, [ground_truth]))[0], judge_weight
    else:
        answer = (await asyncio.to_thread(AnswerReward(judges), said, [ground_truth]))[0]
        weight = answer_weight
    return {
        "score": weight * (answer or 0.0) + format_weight * form,
        "answer": answer or 0.0,
        "format": form,
    }
