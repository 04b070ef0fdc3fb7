"""The report's head: what was asked about, by which models, with which settings, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from llama_index_glyph.compare import report_numbers as numbers

_NAMES_SHOWN = 3


def facts(summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Returns names and values: the corpus, the models and tokenizers of the rows, the settings.

    What is not set is left out, and so are the arms, which head the tables.
    """
    corpus = summary["corpus"]
    told = {
        "documents": _documents(corpus["documents"]),
        "chars": corpus["chars"],
        "unanswerable": corpus["unanswerable"] or None,
        "model": _distinct(rows, "model"),
        "text tokens counted by": _distinct(rows, "tokenizer"),
        **{name: value for name, value in summary["settings"].items() if name != "arms"},
    }
    return [
        (numbers.words(name), numbers.plain(value))
        for name, value in told.items()
        if value not in (None, "", [], {})
    ]


def last_answer(summary: Mapping[str, Any], results: Path) -> str:
    """Returns when the last answer came: the day and minute, UTC.

    A summary that does not tell it, as older ones, leaves it to the file's time.
    """
    created = summary.get("created")
    try:
        moment = datetime.fromisoformat(created) if created else written_at(results)
    except ValueError:
        return str(created)
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def written_at(file: Path) -> datetime:
    """Returns when a file was written last, to the second, in UTC."""
    return datetime.fromtimestamp(int(file.stat().st_mtime), timezone.utc)


def _documents(documents: Sequence[Mapping[str, Any]]) -> str:
    names = [str(document["name"]) for document in documents]
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names)
    return f"{len(names):,}: {', '.join(names[:_NAMES_SHOWN])}, …"


def _distinct(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [value for value in dict.fromkeys(row[name] for row in rows) if value]
