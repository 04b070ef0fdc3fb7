"""Questions that a language model writes about the text of a search, once, for ``task_accuracy``.

Only those are kept whose answer stands in the text, word for word: what a model makes up would
measure nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import BadResponse
from glyph_shared.metrics import contains_answer
from training.search.replies import asked_json
from training.search.texts import text_of

FILE = "questions.jsonl"

SHOWN_CHARS = 12_000
"""How much of the text the model sees; questions are about this much."""

_INSTRUCTION = """\
Write {count} short questions about details of the text below: names, numbers, terms. Each must \
have one right answer of at most six words that stands in the text word for word. Answer with one \
JSON object and nothing else: {{"questions": [{{"question": "...", "answer": "..."}}]}}

{text}"""


@dataclass(frozen=True)
class Written:
    """What came of asking for questions.

    Attributes:
        kept: Question and answer.
        refused: What the model wrote beside, with the reason.
        llm_tokens: What it cost.
    """

    kept: tuple[tuple[str, str], ...]
    refused: tuple[dict[str, Any], ...]
    llm_tokens: int


def write_questions(
    client: GlyphClient, source: str, chars: int, count: int, path: Path
) -> Written:
    """Has a model write questions about part ``search`` of a text, into a JSONL file.

    Raises:
        BadResponse: None of what it wrote can be used.
        ServerError: It does not answer.
    """
    text = text_of(source, "search", chars)[:SHOWN_CHARS]
    reply = asked_json(client, _INSTRUCTION.format(count=count, text=text))
    found = reply.data.get("questions")
    kept: list[tuple[str, str]] = []
    refused: list[dict[str, Any]] = []
    for one in found if isinstance(found, list) else []:
        problem = _problem(one, text)
        if problem or len(kept) == count:
            refused.append({"question": one, "reason": problem or "more than were asked for"})
        else:
            kept.append((one["question"], one["answer"]))
    if not kept:
        raise BadResponse(
            f"the critic wrote no question that can be used ({reply.text[:200]!r}); use a larger "
            "model, or set critic.writes_questions to 0"
        )
    lines = (json.dumps({"question": q, "answer": a}, ensure_ascii=False) for q, a in kept)
    draft = path.with_suffix(".draft")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft.replace(path)
    return Written(tuple(kept), tuple(refused), reply.llm_tokens)


def _problem(one: Any, text: str) -> str:
    """Says why something is no question about a text; empty where it is one."""
    if not isinstance(one, dict):
        return "not a JSON object"
    question, answer = one.get("question"), one.get("answer")
    if not (isinstance(question, str) and isinstance(answer, str) and question.strip()):
        return "question and answer must be texts"
    return "" if contains_answer(text, answer) else "its answer does not stand in the text"
