"""A language model that reads the history of a search, says what it sees, and proposes θ.

What it proposes is measured and bred like anything else. It answers in JSON; what cannot be used is
told to it with its next request, and written down. Without a server there is no critic, and chance
alone decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import ConfigError, ServerError
from training.search.breeding import Child
from training.search.genome import Genome
from training.search.journal import Evaluation, Journal, scored
from training.search.pareto import ranking
from training.search.replies import asked_json
from training.search.settings import Settings
from training.search.space import ORDERED, Space

SHOWN_BEST, SHOWN_LAST = 12, 8
"""How many of the history a request shows: the best, and the last."""

_INSTRUCTION = """\
You advise a genetic search for the look of pages on which a vision-language model reads long text.
A look is good if it packs much text into few visual tokens and stays legible. Visual tokens grow \
with the pixels of a page; one costs 28 x 28 pixels.
Read the history, say in two or three sentences what makes looks good or bad, and propose new ones.
Answer with one JSON object and nothing else:
{"analysis": "...", "proposals": [
  {"operator": "mutation", "parent": NUMBER, "changes": {GENE: VALUE, ...}, "why": "..."},
  {"operator": "crossover", "parents": [NUMBER, NUMBER], "from_second": [GENE, ...], "why": "..."}
]}"""


class Advice(Protocol):
    """Says what is measured next, if it has something to say."""

    @property
    def about(self) -> str:
        """Says who advises."""

    def next(
        self, run: int, evaluations: list[Evaluation], known: set[Genome], journal: Journal
    ) -> Child | None:
        """Returns a proposal that is not yet known; None leaves the choice to chance."""


@dataclass(frozen=True)
class NoCritic:
    """Leaves everything to chance."""

    about: str = "no critic (critic.base_url is not set): chance alone proposes"

    def next(
        self, run: int, evaluations: list[Evaluation], known: set[Genome], journal: Journal
    ) -> Child | None:
        """Proposes nothing."""
        return None


@dataclass
class LanguageModel:
    """A critic behind the OpenAI HTTP API.

    Args:
        client: Asks it.
        settings: What the search wants.
        space: Where proposals must be.
    """

    client: GlyphClient
    settings: Settings
    space: Space
    about: str = field(init=False)

    def __post_init__(self) -> None:
        self.about = f"critic: {self.client.model_entry().id}"

    def next(
        self, run: int, evaluations: list[Evaluation], known: set[Genome], journal: Journal
    ) -> Child | None:
        """Returns a proposal that was not measured yet; asks for more when it is time to."""
        notes = [note for note in journal.notes if note.get("run") == run]
        asked_at = notes[-1]["after"] if notes else None
        if asked_at is None or len(evaluations) - asked_at >= self.settings.critic.every:
            note = self._asked(run, evaluations, notes)
            journal.note(note)
            notes.append(note)
        for row in (row for note in notes for row in note["proposals"]):
            child = Child(
                Genome.of_json(row["genome"]), "critic", tuple(row["parents"]), row["why"]
            )
            if child.genome not in known:
                return child
        return None

    def _asked(
        self, run: int, evaluations: list[Evaluation], notes: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Asks for proposals and returns the journal's line about it."""
        note: dict[str, Any] = {
            "kind": "critic",
            "run": run,
            "after": len(evaluations),
            "analysis": "",
            "proposals": [],
            "refused": [],
            "llm_tokens": 0,
        }
        prompt = self._prompt(evaluations, notes[-1]["refused"] if notes else [])
        try:
            reply = asked_json(self.client, prompt)
        except ServerError as error:
            return {**note, "refused": [{"proposal": None, "reason": str(error)}]}
        note["llm_tokens"] = reply.llm_tokens
        if not reply.data:
            reason = "the reply is no JSON object"
            return {**note, "refused": [{"proposal": reply.text[:500], "reason": reason}]}
        note["analysis"] = str(reply.data.get("analysis", ""))
        proposals = reply.data.get("proposals")
        for proposal in proposals if isinstance(proposals, list) else []:
            self._sort_in(proposal, evaluations, note)
        return note

    def _sort_in(self, proposal: Any, evaluations: list[Evaluation], note: dict[str, Any]) -> None:
        """Puts a proposal among those to be measured, or among the refused with the reason."""
        try:
            if len(note["proposals"]) >= self.settings.critic.proposals:
                raise ConfigError(f"more than {self.settings.critic.proposals} proposals")
            genome, parents = _bred(proposal, evaluations)
            if problems := self.space.problems(genome):
                raise ConfigError("; ".join(problems))
            if genome in {one.child.genome for one in evaluations}:
                raise ConfigError("this look was measured before")
        except ConfigError as error:
            note["refused"].append({"proposal": proposal, "reason": str(error)})
            return
        why = str(proposal.get("why", ""))
        note["proposals"].append({"genome": genome.json(), "parents": parents, "why": why})

    def _prompt(self, evaluations: list[Evaluation], refused: list[dict[str, Any]]) -> str:
        parts = [
            _INSTRUCTION,
            f"Propose at most {self.settings.critic.proposals}.",
            f"To be made large: {', '.join(self.settings.objectives)}.",
            "Genes and their values:",
            *(_values_line(name, values) for name, values in self.space.genes.items()),
            "History (number, operator, measures, genes that differ from number 0):",
            *self._history(evaluations),
        ]
        if refused:
            parts.append("Of your last proposals these could not be used:")
            parts += [json.dumps(one, ensure_ascii=False)[:400] for one in refused]
        return "\n".join(parts)

    def _history(self, evaluations: list[Evaluation]) -> list[str]:
        by_number = {one.number: one for one in evaluations}
        points = scored(evaluations, self.settings.objectives)
        best = [points[at].number for at in ranking([one.scores for one in points])[:SHOWN_BEST]]
        last = [one.number for one in evaluations[-SHOWN_LAST:]]
        first = evaluations[0].child.genome.json()
        return [_line(by_number[number], first) for number in dict.fromkeys([0, *best, *last])]


@contextmanager
def advisor(settings: Settings, space: Space) -> Iterator[Advice]:
    """Gives the critic of the settings, or none, for the length of a ``with`` block.

    Raises:
        ServerError: Its server cannot be reached.
    """
    if settings.critic.base_url is None:
        yield NoCritic()
        return
    with GlyphClient(settings.critic.base_url, settings.critic.model) as client:
        yield LanguageModel(client, settings, space)


def _bred(proposal: Any, evaluations: list[Evaluation]) -> tuple[Genome, list[int]]:
    """Returns the genome of a proposal and the numbers of its parents.

    Raises:
        ConfigError: It is no proposal, or names what there is not.
    """
    if not isinstance(proposal, dict):
        raise ConfigError("a proposal is a JSON object")
    genomes = {one.number: one.child.genome for one in evaluations}
    operator = proposal.get("operator")
    numbers = [proposal.get("parent")] if operator == "mutation" else proposal.get("parents")
    wanted = {"mutation": 1, "crossover": 2}.get(str(operator))
    if wanted is None:
        raise ConfigError(f"operator must be mutation or crossover; got {operator!r}")
    if not isinstance(numbers, list) or len(numbers) != wanted:
        raise ConfigError(f"{operator} needs {wanted} numbers of the history; got {numbers!r}")
    for number in numbers:
        if not isinstance(number, int) or number not in genomes:
            raise ConfigError(f"number {number!r} is not in the history")
    first = genomes[numbers[0]]
    if operator == "mutation":
        changes = proposal.get("changes")
        if not isinstance(changes, dict) or not changes:
            raise ConfigError(f"changes must hold at least one gene; got {changes!r}")
        return first.changed(changes), numbers
    names = proposal.get("from_second")
    other = genomes[numbers[1]].genes()
    if not isinstance(names, list) or not names or not set(map(str, names)) <= set(other):
        raise ConfigError(f"from_second must list genes; got {names!r}")
    return first.changed({name: other[name] for name in names}), numbers


def _values_line(name: str, values: tuple[Any, ...]) -> str:
    if name in ORDERED and len(values) > 6:
        return f"- {name}: a number from {values[0]:g} to {values[-1]:g}"
    return f"- {name}: one of {json.dumps(values, ensure_ascii=False)}"


def _line(evaluation: Evaluation, first: Mapping[str, Any]) -> str:
    genes = evaluation.child.genome.json()
    if evaluation.number:
        genes = {name: value for name, value in genes.items() if value != first[name]}
    shown = json.dumps(genes, ensure_ascii=False)
    measured = evaluation.measured
    worth = (
        ", ".join(f"{name} {value:.4g}" for name, value in measured.measures.items())
        if measured
        else f"failed: {evaluation.error}"
    )
    return f"{evaluation.number}. {evaluation.child.operator}; {worth}; {shown}"
