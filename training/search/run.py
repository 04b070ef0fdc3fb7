"""Runs a search: asks for θ, has them measured by workers, writes everything down.

What decides lives elsewhere: ``breeding`` says which θ comes next, ``critic`` what a model
proposes, ``fitness`` what a θ is worth. This keeps count of budgets and feeds the workers. It can
be ended at any time: what is in the journal stays, and the next start goes on from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import GlyphError
from glyph_shared.rendering import RenderConfig
from training.search.breeding import Breeder, Child
from training.search.critic import Advice, advisor
from training.search.fitness import Probe, ready
from training.search.genome import Genome
from training.search.journal import Evaluation, Journal, scored
from training.search.pareto import hypervolume
from training.search.questions import FILE, write_questions
from training.search.settings import Settings
from training.search.workers import Workers, workers

JOURNAL = "journal.jsonl"

LEAST_GAIN = 0.001
"""A front counts as better where its hypervolume, or the best score, grew by this share."""

Say = Callable[[str], None]


@dataclass
class Search:
    """A search, from its beginning or from where it stopped.

    Args:
        settings: What is searched, and what it may cost.
        say: Gets a line for all that a person wants to know.
    """

    settings: Settings
    say: Say
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        path = Path(self.settings.output) / JOURNAL
        self.journal = Journal.opened(path, self.settings.identity())
        self._space = self.settings.space()
        self._presets = [Genome.of(RenderConfig.preset(name)) for name in self.settings.presets]
        spent = max((one.elapsed for one in self.journal.evaluations), default=0.0)
        self._began = time.monotonic() - spent

    def run(self) -> list[Evaluation]:
        """Runs what is left of all runs, and returns everything that was measured.

        Raises:
            GlyphError: The probe or a setting is impossible, or nothing can be measured.
            KeyboardInterrupt: It was interrupted; what was measured is in the journal.
        """
        if self.journal.evaluations:
            self.say(f"going on after {len(self.journal.evaluations)} evaluations")
        probe = self._probe()
        with advisor(self.settings, self._space) as advice:
            # Here first, so that what is impossible is told once, and not by every worker.
            with ready(probe) as fitness:
                self.say(f"text tokens counted by {fitness.tokenizer}; {advice.about}")
            with workers(probe, self.settings.workers) as pool:
                for run in range(self.settings.budget.runs):
                    if self._spent():
                        break
                    self._run(run, pool, advice)
        return self.journal.evaluations

    def _probe(self) -> Probe:
        """Returns what is measured, with the questions that the critic wrote, if it has to."""
        probe, critic = self.settings.probe, self.settings.critic
        if not critic.writes_questions:
            return probe
        path = Path(self.settings.output) / FILE
        if not path.exists():
            with GlyphClient(critic.base_url, critic.model) as client:
                count = critic.writes_questions
                written = write_questions(client, probe.text, probe.chars, count, path)
            self.journal.note(
                {
                    "kind": "questions",
                    "kept": len(written.kept),
                    "refused": list(written.refused),
                    "llm_tokens": written.llm_tokens,
                }
            )
            self.say(f"the critic wrote {len(written.kept)} questions")
        return replace(probe, questions=str(path))

    def _run(self, run: int, pool: Workers, advice: Advice) -> None:
        """Goes on with one run until it ends."""
        waiting: dict[Future[Evaluation], Child] = {}
        taken = {one.number for one in self.journal.of_run(run)}
        numbers = iter(n for n in range(self.settings.budget.evaluations) if n not in taken)
        over = ""
        while True:
            over = over or self._spent() or self._stalled(run)
            while not over and len(waiting) < self.settings.workers:
                number = next(numbers, None)
                if number is None:
                    over = "all evaluations are done"
                    break
                child = self._child(run, number, list(waiting.values()), advice)
                waiting[pool.submit(run, number, child)] = child
            if not waiting:
                self.say(f"run {run + 1} of {self.settings.budget.runs} ends: {over}")
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                del waiting[future]
                self._keep(_result(future))

    def _child(self, run: int, number: int, waiting: list[Child], advice: Advice) -> Child:
        """Returns what is measured next: presets, then what was advised, then what is bred."""
        evaluations = self.journal.of_run(run)
        known = {one.child.genome for one in evaluations} | {one.genome for one in waiting}
        if number < len(self._presets):
            return Child(self._presets[number], "preset")
        parents = scored(evaluations, self.settings.objectives)
        if number >= self.settings.population:
            advised = advice.next(run, evaluations, known, self.journal)
            if advised is not None:
                return advised
        seed = self.settings.seed * 1000 + run
        breeder = Breeder(self._space, self.settings.population, self.settings.selection, seed)
        return breeder.child(number, parents, known)

    def _keep(self, evaluation: Evaluation) -> None:
        """Writes an evaluation down and tells of it.

        Raises:
            GlyphError: As many as a population were tried, and none could be measured.
        """
        self.journal.add(replace(evaluation, elapsed=time.monotonic() - self._began))
        self.say(self._told(evaluation))
        of_run = self.journal.of_run(evaluation.run)
        if len(of_run) >= self.settings.population and not any(one.measured for one in of_run):
            raise GlyphError(f"nothing could be measured; the last failure: {evaluation.error}")

    def _told(self, evaluation: Evaluation) -> str:
        budget = self.settings.budget
        place = (
            f"run {evaluation.run + 1}/{budget.runs} {evaluation.number + 1}/{budget.evaluations}"
        )
        if evaluation.measured is None:
            return f"{place} {evaluation.child.operator}: {evaluation.error}"
        measures = evaluation.measured.measures
        values = ", ".join(f"{name} {measures[name]:.4g}" for name in self.settings.objectives)
        return f"{place} {evaluation.child.operator}: {values}"

    def _spent(self) -> str:
        """Says which budget of all runs is spent; empty where none is."""
        budget = self.settings.budget
        minutes = (time.monotonic() - self._began) / 60
        if budget.minutes is not None and minutes >= budget.minutes:
            return f"{budget.minutes:g} minutes are over"
        if budget.llm_tokens is not None and self.journal.llm_tokens >= budget.llm_tokens:
            return f"{budget.llm_tokens:,} LLM tokens are spent"
        return ""

    def _stalled(self, run: int) -> str:
        """Says that a run has found nothing better for long; empty where it has."""
        patience = self.settings.budget.patience
        points = [one.scores for one in scored(self.journal.of_run(run), self.settings.objectives)]
        if patience is None or len(points) <= patience:
            return ""
        pareto = self.settings.selection == "pareto"
        worth = [
            hypervolume(some, (0.0, 0.0)) if pareto else max(some)[0]
            for some in (points[:-patience], points)
        ]
        better = worth[1] > worth[0] * (1 + LEAST_GAIN)
        return "" if better else f"nothing better for {patience} evaluations"


def _result(future: Future[Evaluation]) -> Evaluation:
    try:
        return future.result()
    except BrokenProcessPool:
        raise GlyphError(
            "a worker died, killed or out of memory; the same command goes on from the journal"
        ) from None
