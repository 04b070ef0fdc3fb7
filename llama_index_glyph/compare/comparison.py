"""Runs all arms over all questions and writes what came of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from glyph_shared import ConfigError, Document, InputError
from glyph_shared.runner import Row, replace_file, run
from llama_index_glyph.compare.judge import Judge
from llama_index_glyph.compare.questions import Question
from llama_index_glyph.compare.reading import Arm
from llama_index_glyph.compare.report_head import written_at
from llama_index_glyph.compare.rows import Prices, Scorer, blank_row
from llama_index_glyph.compare.summary import summarise

RESULTS, SUMMARY, TABLE, RUN = "results.jsonl", "summary.json", "results.csv", "run.json"

_COLUMNS = (
    "question_id", "question", "arm", "verdict", "answer", "answers", "exact_match", "f1", "judge",
    "prompt_tokens", "completion_tokens", "text_tokens", "visual_tokens", "page_count", "render_s",
    "first_token_s", "total_s", "cost", "error", "note",
)  # fmt: skip


async def compare(
    documents: Sequence[Document],
    questions: Sequence[Question],
    arms: Mapping[str, Arm],
    folder: Path,
    *,
    settings: Mapping[str, Any] | None = None,
    judge: Judge | None = None,
    prices: Prices | None = None,
    concurrency: int = 1,
    timeout: float | None = None,
    repeat_failed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Asks every arm every question and returns the summary.

    ``results.jsonl``, ``summary.json``, ``results.csv`` and page images are left in the folder. A
    run that was interrupted goes on where it stopped. The arms run one after the other: a later one
    may find in the server's cache what an earlier one has sent, so compare times with that in mind.

    Args:
        documents: What is asked about.
        questions: What is asked.
        arms: Who answers, by name.
        folder: Where the files go.
        settings: What the report should say of the arms; a change of it starts no new run.
        judge: Who says whether an answer is right; else it is one that contains a reference.
        prices: What tokens cost.
        concurrency: How many answers are awaited at once; times are then those under this load.
        timeout: Seconds an arm has for a question.
        repeat_failed: Whether failed answers of a run before are asked for again.
        progress: Told after each answer how many of all are done.

    Raises:
        ConfigError: A setting is impossible, or the folder holds the results of another run.
        InputError: There is nothing to compare, or a file cannot be written.
    """
    if not (documents and questions and arms):
        raise InputError("give at least one document, one question and one arm")
    corpus = _corpus(documents, questions)
    given = {
        "settings": dict(settings or {}),
        "judge": judge.name if judge else None,
        "prices": prices.model_dump() if prices else None,
    }
    _claim(folder, {"corpus": corpus, **given})
    scorer = Scorer(folder, judge, prices)
    rows = await run(
        {question.id: question for question in questions},
        {name: scorer.scored(arm) for name, arm in arms.items()},
        folder / RESULTS,
        concurrency=concurrency,
        timeout=timeout,
        repeat_failed=repeat_failed,
        about=blank_row,
        progress=progress,
    )
    summary = summarise(
        rows,
        corpus=corpus,
        settings={**(settings or {}), "concurrency": concurrency, "timeout": timeout},
        created=written_at(folder / RESULTS).isoformat(),
        judge=judge.name if judge else None,
        currency=prices.currency if prices else None,
    )
    _write(folder / SUMMARY, _json(summary))
    _write(folder / TABLE, _table(rows))
    return summary


def _corpus(documents: Sequence[Document], questions: Sequence[Question]) -> dict[str, Any]:
    """Returns what the corpus is, with a digest by which another one is told apart."""
    hasher = hashlib.sha256()
    for document in documents:
        hasher.update(f"{document.name}\0{document.text}\0".encode("utf-8", "replace"))
    for question in questions:
        hasher.update(_json([question.id, question.values()]).encode("utf-8", "replace"))
    return {
        "documents": [
            {"name": document.name, "chars": len(document.text)} for document in documents
        ],
        "chars": sum(len(document.text) for document in documents),
        "questions": len(questions),
        "unanswerable": sum(question.unanswerable for question in questions),
        "digest": hasher.hexdigest(),
    }


def _claim(folder: Path, told: Mapping[str, Any]) -> None:
    """Takes a folder for a run, or finds that it is this run's."""
    found = _claimed(folder)
    if found is None:
        _write(folder / RUN, _json(told))
        return
    if changed := [name for name, value in told.items() if found.get(name) != value]:
        raise ConfigError(
            f"{str(folder)!r} holds the results of a run with other {' and '.join(changed)}; "
            "choose another output folder, or delete that one"
        )


def _claimed(folder: Path) -> dict[str, Any] | None:
    """Returns what a folder is taken for; None if it is free."""
    file = folder / RUN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists() and not (folder / RESULTS).exists():
            return None
        return dict(json.loads(file.read_bytes()))
    except FileNotFoundError:
        told = f"it has {RESULTS} without {RUN}"
    except OSError as error:
        told = f"{error.strerror or error}: {error.filename}"
    except (ValueError, TypeError):
        told = f"its {RUN} does not tell of which run"
    raise InputError(
        f"{str(folder)!r} cannot hold results ({told}); choose another output folder, or delete "
        "that one"
    )


def _write(file: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    try:
        replace_file(file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(
            f"{str(file)!r} cannot be written: {error.strerror or error}; the answers are kept, "
            "and the same command goes on"
        ) from None


def _table(rows: Sequence[Row]) -> str:
    stream = io.StringIO(newline="")
    table = csv.DictWriter(stream, _COLUMNS, extrasaction="ignore")
    table.writeheader()
    for row in rows:
        error = row["error"] and f"{row['error']['type']}: {row['error']['message']}"
        values = {**row, **row["usage"], "answers": " | ".join(row["answers"]), "error": error}
        table.writerow({name: _cell(values[name]) for name in _COLUMNS})
    return stream.getvalue()


def _cell(value: Any) -> Any:
    """Returns a value that a spreadsheet takes for text where it is text."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
