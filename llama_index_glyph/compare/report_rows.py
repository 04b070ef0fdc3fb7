"""The report's questions: what the matrix shows, and what the script shows once one is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llama_index_glyph.compare import report_numbers as numbers
from llama_index_glyph.compare.thumbnails import Box
from llama_index_glyph.compare.verdict_signs import NOT_ASKED

Row = Mapping[str, Any]
"""A line of ``results.jsonl``."""


_PARTS = 4
"""How many lines of a page's gold are shown in full size."""

_DASH = "\u2060–\u2060"
"""Where no line ends."""


@dataclass
class Details:
    """What opened questions show; chunks and page images are kept once, however many show them.

    Attributes:
        draw: Gives the ``data:`` address of an image, or of a part of it, or None.
    """

    draw: Callable[[str, Box | None], str | None]
    texts: dict[str, int] = field(default_factory=dict)
    images: dict[str, str | None] = field(default_factory=dict)

    def text(self, text: str) -> int:
        """Returns the number under which a text is kept."""
        return self.texts.setdefault(text, len(self.texts))

    def image(self, name: str, part: Box | None = None) -> str:
        """Returns the name under which an image, or a part of it, is kept."""
        key = f"{name} {part}" if part else name
        if key not in self.images:
            self.images[key] = self.draw(name, part)
        return key


def arm_names(rows: Iterable[Row], summary: Mapping[str, Any]) -> list[str]:
    """Returns the arms in the summary's order, then those that only rows name."""
    return list(dict.fromkeys([*summary["arms"], *(row["arm"] for row in rows)]))


def questions(
    rows: Sequence[Row], summary: Mapping[str, Any], arms: Sequence[str], details: Details
) -> list[dict[str, Any]]:
    """Returns each question with one result per arm, in the order of the first rows.

    Where an arm has several rows for a question, as after a repeated failure, the last one counts.
    """
    outcomes = {told["question_id"]: told["outcome"] for told in summary["questions"]}
    asked: dict[str, dict[str, Row]] = {}
    for row in rows:
        asked.setdefault(row["question_id"], {})[row["arm"]] = row
    return [
        {"id": name, "outcome": outcomes.get(name), **_question(answered, arms, details)}
        for name, answered in asked.items()
    ]


def _question(answered: Mapping[str, Row], arms: Sequence[str], details: Details) -> dict[str, Any]:
    first = next(iter(answered.values()))
    return {
        "question": first["question"],
        "answers": first["answers"],
        "unanswerable": first["unanswerable"],
        "gold": [_place(gold) for gold in first["gold"]],
        "results": [
            _result(answered[arm], details)
            if arm in answered
            else {"verdict": NOT_ASKED, "answer": None}
            for arm in arms
        ],
    }


def _result(row: Row, details: Details) -> dict[str, Any]:
    error = row["error"]
    return {
        "verdict": row["verdict"],
        "answer": row["answer"] or "",
        "error": f"{error['type']}: {error['message']}" if error else None,
        "facts": [] if error else _facts(row),
        "note": row["note"],
        "retrieved": [_chunk(chunk, row["gold"], details) for chunk in row["retrieved"]],
        "pages": [_page(page, details) for page in row["pages"]],
    }


def _facts(row: Row) -> list[tuple[str, str]]:
    usage = row["usage"]
    shown = [
        ("F1", numbers.share(row["f1"])),
        ("judge", numbers.share(row["judge"])),
        ("prompt tokens", numbers.count(usage["prompt_tokens"])),
        ("visual tokens", numbers.count(usage["visual_tokens"] or None)),
        ("output tokens", numbers.count(usage["completion_tokens"])),
        ("pages", numbers.count(row["page_count"] or None)),
        ("first token", f"{numbers.seconds(row['first_token_s'])} s"),
        ("total", f"{numbers.seconds(row['total_s'])} s"),
        ("cost", numbers.money(row["cost"])),
    ]
    return [(name, value) for name, value in shown if not value.startswith(numbers.UNKNOWN)]


def _chunk(chunk: Row, golds: Sequence[Row], details: Details) -> dict[str, Any]:
    score = chunk["score"]
    return {
        "text": details.text(chunk["text"]),
        "marks": marks(chunk, golds),
        "place": _place(chunk),
        "score": None if score is None else f"{score:.2f}",
        "gold": chunk["holds_gold"],
    }


def _page(page: Row, details: Details) -> dict[str, Any]:
    image, evidence = page["image"], page["evidence_px"]
    return {
        "image": details.image(image) if image else None,
        "parts": [details.image(image, tuple(box)) for box in _ends(evidence)] if image else [],
        "place": f"page {page['page'] + 1} · {_place(page)}",
        "size": page["size_px"],
        "cited": page["cited"],
        "evidence": evidence,
    }


def _ends(lines: Sequence[Any]) -> list[Any]:
    """Returns the first and the last lines of a long gold, which tell the subject and the value."""
    if len(lines) <= _PARTS:
        return list(lines)
    return [*lines[: _PARTS // 2], *lines[-(_PARTS // 2) :]]


def _place(span: Row) -> str:
    """Returns a stretch of a document as words; without offsets, the document alone."""
    if span["start"] is None or span["end"] is None:
        return str(span["document"])
    return f"{span['document']} · chars {span['start']:,}{_DASH}{span['end']:,}"


def marks(chunk: Row, golds: Sequence[Row]) -> list[tuple[int, int]]:
    """Returns where a chunk's text holds gold, half-open, in UTF-16 units as JavaScript counts.

    A chunk whose text is not its stretch of the document, char by char, is not marked.
    """
    start, end, text = chunk["start"], chunk["end"], chunk["text"]
    if start is None or end is None or len(text) != end - start:
        return []
    inside = sorted(
        (max(start, gold["start"]) - start, min(end, gold["end"]) - start)
        for gold in golds
        if gold["document"] == chunk["document"] and gold["start"] is not None
    )
    return [
        (utf16_units(text[:low]), utf16_units(text[:high])) for low, high in inside if low < high
    ]


def utf16_units(text: str) -> int:
    """Counts a text's length as JavaScript does: chars beyond U+FFFF count twice."""
    return len(text) + sum(char > "\uffff" for char in text)
