"""What a model is trained on: one class a task, which gives examples, score and reward."""

from collections.abc import Mapping
from types import MappingProxyType

from training.tasks.code_lookup import CodeLookup
from training.tasks.example import Example, Pages, Turn
from training.tasks.given import Instructions, Summaries
from training.tasks.needles import Needles
from training.tasks.questions import CitedAnswers, FactQuestions
from training.tasks.reading import InterleavedText, MaskedSpans, MissingPages, PageOcr
from training.tasks.task import Task

_ALL: tuple[type[Task], ...] = (
    PageOcr,
    InterleavedText,
    MaskedSpans,
    MissingPages,
    FactQuestions,
    CitedAnswers,
    Needles,
    CodeLookup,
    Summaries,
    Instructions,
)
TASKS: Mapping[str, type[Task]] = MappingProxyType({task.name: task for task in _ALL})
"""Every task by its name."""

__all__ = ["TASKS", "Example", "Pages", "Task", "Turn"]
