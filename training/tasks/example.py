"""An example: turns of text and pages, what the model shall write, and what it is scored by.

Pages are kept as (text, θ, seed) and drawn when they are needed, so a set of examples is as small
as its texts. What only the drawn pages tell stands in ``target``, ``thought`` and ``references`` as
a mark until then: ``⟦page 0⟧`` is the number of the page that shows evidence 0, ``⟦cited⟧`` cites
the pages of all evidence as ``[page 3]`` or ``[pages 3, 5]``, and ``⟦text 0⟧`` is the text that the
example's pages 0 show.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from glyph_shared.errors import InputError

CITED = "⟦cited⟧"
"""The mark for a citation of all evidence."""

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Pages:
    """A text to be shown as pages.

    Attributes:
        text: The text.
        theta: A space of styles, a preset, or a θ as JSON; see ``training.data.drawing``.
        seed: Chooses the style where ``theta`` is a space.
        first: How many pages are shown; the rest of the text is left out. None shows all.
    """

    text: str
    theta: str = "table8"
    seed: int = 0
    first: int | None = None


@dataclass(frozen=True)
class Turn:
    """What one role says: texts and pages in order."""

    role: Role
    parts: tuple[str | Pages, ...]


@dataclass(frozen=True)
class Evidence:
    """Where an answer stands: chars ``start`` to ``end`` of the example's pages ``pages``."""

    pages: int
    start: int
    end: int


@dataclass(frozen=True)
class Example:
    """One example of a task.

    Attributes:
        id: A name that no other example of its set has.
        task: The task's name.
        turns: The conversation up to the model's turn. Assistant turns in it are trained on, too.
        target: What the model shall write.
        thought: What it may think before; empty if the task has nothing to think about.
        references: Right answers to score by, where they are other than ``target``.
        evidence: Where the answer stands.
        about: What tables and charts group by: the kind of question, the hops, the depth.
    """

    id: str
    task: str
    turns: tuple[Turn, ...]
    target: str
    thought: str = ""
    references: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> tuple[str, ...]:
        """The right answers: ``references``, or else the target."""
        return self.references or (self.target,)

    @property
    def pages(self) -> list[Pages]:
        """All pages of all turns, in order."""
        return [part for turn in self.turns for part in turn.parts if isinstance(part, Pages)]

    def with_pages(self, theta: str, seed: int) -> Example:
        """Returns the example in another style, the same for all of its pages."""
        turns = tuple(
            replace(turn, parts=tuple(_styled(part, theta, seed) for part in turn.parts))
            for turn in self.turns
        )
        return replace(self, turns=turns)


def completion(thought: str, answer: str, *, think: bool) -> str:
    """Returns what the model writes: with ``think``, its thought goes first."""
    return f"<think>{thought}</think>{answer}" if think else answer


def to_row(example: Example) -> dict[str, Any]:
    """Returns an example as JSON values, in a shape that tables with typed columns take, too."""
    row = asdict(replace(example, turns=(), about={}))
    row["about"] = json.dumps(dict(example.about), ensure_ascii=False)
    row["turns"] = [
        {"role": turn.role, "parts": [_part_row(part) for part in turn.parts]}
        for turn in example.turns
    ]
    return row


def from_row(row: Mapping[str, Any]) -> Example:
    """Returns the example of a row; keys whose value is None are as good as absent.

    Raises:
        InputError: Something is missing or of another kind.
    """
    try:
        return Example(
            id=row["id"],
            task=row["task"],
            turns=tuple(_turn(turn) for turn in row["turns"]),
            target=row["target"],
            thought=row.get("thought") or "",
            references=tuple(row.get("references") or ()),
            evidence=tuple(Evidence(**one) for one in row.get("evidence") or ()),
            about=json.loads(row.get("about") or "{}"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"no example of training: {type(error).__name__} {error}; a row has id, task, turns "
            "and target"
        ) from None


def _styled(part: str | Pages, theta: str, seed: int) -> str | Pages:
    return replace(part, theta=theta, seed=seed) if isinstance(part, Pages) else part


def _part_row(part: str | Pages) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part, "theta": None, "seed": None, "first": None}
    return asdict(part)


def _turn(row: Mapping[str, Any]) -> Turn:
    if row["role"] not in ("system", "user", "assistant"):
        raise TypeError(f"role is {row['role']!r}")
    return Turn(row["role"], tuple(_part(part) for part in row["parts"]))


def _part(row: Mapping[str, Any]) -> str | Pages:
    if row.get("theta") is None:
        return str(row["text"])
    return Pages(row["text"], row["theta"], row.get("seed") or 0, row.get("first"))


def user(*parts: str | Pages) -> Turn:
    """Returns a user's turn."""
    return Turn("user", parts)


def assistant(*parts: str) -> Turn:
    """Returns an assistant's turn."""
    return Turn("assistant", parts)


def page_mark(evidence: int) -> str:
    """Returns the mark for the number of the page that shows some evidence."""
    return f"⟦page {evidence}⟧"


def text_mark(pages: int) -> str:
    """Returns the mark for the text that some pages show."""
    return f"⟦text {pages}⟧"
