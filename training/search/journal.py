"""The journal of a search: one JSON line for all that happened, from which it goes on.

The first line tells the settings. Then come ``evaluation`` lines, each with a θ, where it comes
from and what was measured or what failed; and ``critic`` lines, with the model's words, what it
proposed, and what of it was refused and why. A line that an interruption cut off is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glyph_shared.errors import InputError
from training.search.breeding import Child, Scored
from training.search.fitness import Measured
from training.search.genome import Genome

_KINDS = ("search", "evaluation", "critic", "questions")


@dataclass(frozen=True)
class Evaluation:
    """One θ of a run: where it comes from, and what was measured; or why nothing was.

    Attributes:
        run: Which run.
        number: Which of the run's.
        child: The genome and its origin.
        measured: None where measuring failed.
        error: Why it did.
        seconds: How long it took.
        elapsed: Seconds from the beginning of the search, pauses left out, to its end.
    """

    run: int
    number: int
    child: Child
    measured: Measured | None
    error: str = ""
    seconds: float = 0.0
    elapsed: float = 0.0

    def row(self) -> dict[str, Any]:
        """Returns the journal's line."""
        measured = self.measured
        return {
            "kind": "evaluation",
            "run": self.run,
            "number": self.number,
            "operator": self.child.operator,
            "parents": list(self.child.parents),
            "explanation": self.child.explanation,
            "genome": self.child.genome.json(),
            "measures": dict(measured.measures) if measured else None,
            "accuracies": list(measured.accuracies) if measured else None,
            "llm_tokens": measured.llm_tokens if measured else 0,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "elapsed": round(self.elapsed, 3),
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Evaluation:
        """Reads the journal's line."""
        measured = None
        if row["measures"] is not None:
            accuracies = tuple(row["accuracies"])
            measured = Measured(row["measures"], accuracies, row["llm_tokens"])
        genome = Genome.of_json(row["genome"])
        child = Child(genome, row["operator"], tuple(row["parents"]), row["explanation"])
        times = row["seconds"], row["elapsed"]
        return cls(row["run"], row["number"], child, measured, row["error"] or "", *times)


@dataclass
class Journal:
    """What has happened so far; ``add`` and ``note`` write a line before they return.

    Attributes:
        path: The file.
        evaluations: Of all runs, in the order they were done.
        notes: The critic's lines.
    """

    path: Path
    evaluations: list[Evaluation] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def opened(cls, path: Path, identity: Mapping[str, Any]) -> Journal:
        """Opens a journal to go on with it, or begins one.

        Raises:
            InputError: The file is no journal, one of other settings, or cannot be written.
        """
        journal = cls(path)
        told = json.loads(json.dumps(identity))
        rows = read_rows(path)
        if not rows:
            _begin(path)
            journal._write({"kind": "search", "settings": told})
        elif rows[0].get("settings") != told:
            raise InputError(
                f"{str(path)!r} was written with other settings; give them again, or choose "
                "another output"
            )
        for row in rows[1:]:
            if row["kind"] == "evaluation":
                journal.evaluations.append(Evaluation.of_row(row))
            else:
                journal.notes.append(row)
        return journal

    def add(self, evaluation: Evaluation) -> None:
        """Writes an evaluation down."""
        self._write(evaluation.row())
        self.evaluations.append(evaluation)

    def note(self, row: dict[str, Any]) -> None:
        """Writes down what the critic said."""
        self._write(row)
        self.notes.append(row)

    def of_run(self, run: int) -> list[Evaluation]:
        """Returns the evaluations of one run."""
        return [one for one in self.evaluations if one.run == run]

    @property
    def llm_tokens(self) -> int:
        """What servers have counted so far."""
        measured = sum(one.measured.llm_tokens for one in self.evaluations if one.measured)
        return measured + sum(int(note["llm_tokens"]) for note in self.notes)

    def _write(self, row: Mapping[str, Any]) -> None:
        line = (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            while line:
                line = line[os.write(file, line) :]
            os.fsync(file)
        finally:
            os.close(file)


def _begin(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    except OSError as error:
        raise InputError(
            f"cannot write {str(path)!r}: {error.strerror}; choose another output"
        ) from None


def scored(evaluations: list[Evaluation], objectives: tuple[str, ...]) -> list[Scored]:
    """Returns those that have scores; feasibility comes first, so the others are never parents."""
    return [
        Scored(one.number, one.child.genome, one.measured.point(objectives))
        for one in evaluations
        if one.measured is not None
    ]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Returns a journal's lines, and leaves no line in the file that was cut off.

    Raises:
        InputError: The file is no journal.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    rows = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or row.get("kind") not in _KINDS:
            raise InputError(
                f"line {number} of {str(path)!r} is no journal of a search; choose another output"
            )
        rows.append(row)
    if rows and rows[0]["kind"] != "search":
        raise InputError(f"{str(path)!r} does not begin as a journal; choose another output")
    return rows
