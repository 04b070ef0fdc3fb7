"""Rewards in the form that TRL calls: a list with one for each completion.

None leaves a completion out of a reward. Each row of a batch carries its example, without pages,
as JSON in the column ``example``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.judge import Graded, Judge
from training.rewards import written
from training.tasks import TASKS
from training.tasks.example import Example, from_row

Messages = Sequence[Mapping[str, Any]]
"""A prompt, or what the model wrote, as messages of a chat."""


@dataclass(frozen=True)
class AnswerReward:
    """How right a task finds an answer that it can verify, from 0 to 1.

    Attributes:
        judged: Tasks whose answers are left to a judge.
    """

    judged: frozenset[str] = frozenset()

    def __call__(
        self, completions: Sequence[Messages], example: Sequence[str], **_: Any
    ) -> list[float | None]:
        """Scores completions."""
        return [
            None if asked.task in self.judged else _rewards(completion, asked)["answer"]
            for completion, asked in zip(completions, map(_read, example), strict=True)
        ]


@dataclass(frozen=True)
class FormatReward:
    """Gives 1 to completions of the form that their task asks for, else 0.

    Attributes:
        think: Whether a thought has to stand before the answer.
    """

    think: bool = False

    def __call__(
        self, completions: Sequence[Messages], example: Sequence[str], **_: Any
    ) -> list[float]:
        """Scores completions."""
        pairs = zip(completions, map(_read, example), strict=True)
        return [
            _rewards(completion, asked, think=self.think)["format"] for completion, asked in pairs
        ]


@dataclass(frozen=True)
class JudgeReward:
    """What a judge gives for an answer beside the reference, from 0 to 1.

    Attributes:
        judge: The model that grades.
        judged: The tasks that it grades.
    """

    judge: Judge
    judged: frozenset[str]

    async def __call__(
        self,
        prompts: Sequence[Messages],
        completions: Sequence[Messages],
        example: Sequence[str],
        **_: Any,
    ) -> list[float | None]:
        """Grades the completions of judged tasks; None where the judge gave no grade."""
        asked = [_read(row) for row in example]
        places = [place for place, one in enumerate(asked) if one.task in self.judged]
        scores = await self.judge.scores(
            [_graded(prompts[place], completions[place], asked[place]) for place in places]
        )
        rewards: list[float | None] = [None] * len(completions)
        for place, score in zip(places, scores, strict=True):
            rewards[place] = score
        return rewards


def _read(row: str) -> Example:
    return from_row(json.loads(row))


def _rewards(completion: Messages, example: Example, *, think: bool = False) -> Mapping[str, float]:
    return TASKS[example.task]().reward(_text(completion), example, think=think)


def _graded(prompt: Messages, completion: Messages, example: Example) -> Graded:
    answer = written(_text(completion)).answer
    return Graded(_text(prompt), " or ".join(example.answers), answer)


def _text(messages: Messages) -> str:
    """Returns the text of a chat, without its pages."""
    return "\n".join(text for message in messages for text in _texts(message["content"]))


def _texts(content: str | Sequence[Mapping[str, str]]) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if part["type"] == "text"]
