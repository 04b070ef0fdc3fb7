"""A comparison's folder as the runner leaves it, made without a model: the report's tests read it.

python -m tests.llama_index.report_sample FOLDER 200
"""

from __future__ import annotations

import json
import random
import sys
from itertools import cycle, islice
from pathlib import Path

from glyph_shared import Document, RenderConfig, render
from glyph_shared.planted_facts import plant_facts

CHUNK = 600
OPENINGS = ("On the first day", "Before noon", "Late in the evening", "After the rain", "That week")
SUBJECTS = ("the keeper", "a carter from the hills", "the younger clerk", "an old sailor")
DEEDS = (
    "counted the boxes in the hall",
    "wrote a long letter that nobody answered",
    "mended the gate beside the mill",
    "spoke of a winter without snow",
)
ENDS = ("and said no more of it.", "as had been agreed.", "while the others slept.")
ARMS = {
    "glyph": ("right",) * 7 + ("page misread",) * 2 + ("unanswerable: right", "refused"),
    "rag-bm25": ("right", "gold not retrieved", "right", "gold split over chunks", "right", "right",
                 "retrieved but wrong", "right", "gold not retrieved", "unanswerable: answered",
                 "right"),
    "plain-text": ("right",) * 5 + ("retrieved but wrong", "failed") + ("right",) * 2
    + ("unanswerable: right", "right"),
}  # fmt: skip
PROMPT = {"glyph": 3402, "rag-bm25": 611, "plain-text": 12452}
TIMES = ("retrieve_s", "render_s", "first_token_s", "total_s")
RIGHT = {"right", "unanswerable: right"}


def story(rng, sentences=260):
    parts = (OPENINGS, SUBJECTS, DEEDS, ENDS)
    return " ".join(" ".join(map(rng.choice, parts)) for _ in range(sentences))


def make_sample(folder: Path, questions: int = 20) -> Path:
    """Writes ``results.jsonl``, ``summary.json`` and pages, with every verdict among the rows."""
    rng = random.Random(1)
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(questions):
        if number % 10 == 0:
            document, facts, pages = _document(rng, number // 10)
        for arm, verdicts in ARMS.items():
            verdict = next(islice(cycle(verdicts), number % 11, None))
            fact = facts[number % 10]
            rows.append(_row(folder, document, pages, fact, number, arm, verdict, rng))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "results.jsonl").write_text(text, encoding="utf-8")
    write_summary(folder, _summary(rows, questions))
    return folder


def write_summary(folder: Path, summary) -> None:
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def _document(rng, number):
    plain = Document.from_text(story(rng), f"chronicle-{number + 1}.txt")
    document, facts = plant_facts(plain, seed=number, count=10)
    pages = render(document.text, RenderConfig.preset("reader"))
    return document, facts, pages


def _row(folder, document, pages, fact, number, arm, verdict, rng):
    start, end = fact.char_span
    unanswerable = verdict.startswith("unanswerable")
    failed = verdict == "failed"
    answer = {"refused": "I cannot tell.", "unanswerable: right": "It is not said.", "failed": ""}
    wrong = rng.choice(("7391", "Laura Novak", "the budget of the year before, which was larger"))
    said = answer.get(verdict, fact.truth if verdict in RIGHT else wrong)
    glyph = arm == "glyph"
    return {
        "arm": arm, "question_id": f"q{number + 1}", "question": fact.question,
        "answers": [] if unanswerable else [fact.truth], "unanswerable": unanswerable,
        "gold": [] if unanswerable
        else [{"document": document.name, "start": start, "end": end}],
        "answer": said,
        "error": {"type": "ServerError", "message": "the server closed the connection"}
        if failed else None,
        "exact_match": float(verdict in RIGHT), "f1": float(verdict in RIGHT), "judge": None,
        "verdict": verdict,
        "retrieved": _retrieved(document, (start, end), verdict) if arm == "rag-bm25" else [],
        "pages": _pages(folder, document, pages, (start, end)) if glyph else [],
        "usage": {"prompt_tokens": PROMPT[arm], "completion_tokens": rng.randint(4, 16),
                  "text_tokens": 12400, "visual_tokens": 3360 if glyph else 0,
                  "cached_tokens": None, "requests": 1},
        "page_count": len(pages) if glyph else 0, "render_s": 0.08 if glyph else 0.0,
        "retrieve_s": 0.012 if arm == "rag-bm25" else 0.0, "tokenizer": "cl100k_base",
        "model": None if failed else "glyph-embedded-reader",
        "note": "cut to 9,000 of 23,000 chars" if arm == "plain-text" else "",
        "first_token_s": None if failed else rng.uniform(0.2, 0.9),
        "total_s": rng.uniform(0.9, 2.5), "cost": None if failed else 0.0012,
    }  # fmt: skip


def _retrieved(document, gold, verdict):
    middle = {"gold split over chunks": gold[0] + 20}.get(verdict, gold[0] + CHUNK // 2)
    if verdict == "gold not retrieved":
        middle = (gold[1] + 5 * CHUNK) % (len(document.text) - 2 * CHUNK)
    found = []
    for place in range(3):
        start = max(0, middle - CHUNK + place * CHUNK)
        end = min(len(document.text), start + CHUNK)
        held = max(0, min(end, gold[1]) - max(start, gold[0]))
        held = "none" if not held else "whole" if held == gold[1] - gold[0] else "part"
        found.append({"document": document.name, "start": start, "end": end,
                      "text": document.text[start:end], "score": 9.1 - 2 * place,
                      "holds_gold": held})  # fmt: skip
    return found


def _pages(folder, document, pages, gold):
    shown = [page for page in pages if _overlap(page.char_span, gold)]
    for page in shown:
        (folder / "pages" / f"{page.digest}.png").write_bytes(page.png)
    return [
        {"page": page.index, "document": document.name, "start": page.char_span[0],
         "end": page.char_span[1], "image": f"pages/{page.digest}.png",
         "size_px": list(page.size_px), "cited": True,
         "evidence_px": [_guess(page, gold)]} for page in shown
    ]  # fmt: skip


def _overlap(first, second):
    return max(first[0], second[0]) < min(first[1], second[1])


def _guess(page, gold):
    """A line's rectangle near the gold: the look of the report needs no more."""
    width, height = page.size_px
    share = (gold[0] - page.char_span[0]) / (page.char_span[1] - page.char_span[0])
    return [40, round(30 + share * (height - 80)), width - 80, 18]


def _summary(rows, questions):
    own = {arm: [row for row in rows if row["arm"] == arm] for arm in ARMS}
    pairs = (("glyph", "rag-bm25", 0.21), ("glyph", "plain-text", -0.05),
             ("rag-bm25", "plain-text", -0.26))  # fmt: skip
    return {
        "judge": None, "currency": "USD",
        "corpus": {"documents": [{"name": f"chronicle-{n + 1}.txt", "chars": 23_000}
                                 for n in range((questions + 9) // 10)],
                   "chars": 23_000 * ((questions + 9) // 10), "questions": questions,
                   "unanswerable": questions // 11, "digest": "0" * 64},
        "settings": {"preset": "reader", "top_k": 3, "chunk_chars": CHUNK, "concurrency": 2,
                     "timeout": None},
        "arms": {arm: _figures(answered) for arm, answered in own.items()},
        "pairs": [{"a": a, "b": b, "metric": metric, "difference": d, "low": d - 0.14,
                   "high": d + 0.15} for a, b, d in pairs for metric in ("right", "f1")],
        "questions": [{"question_id": row["question_id"], "outcome": _outcome(rows, row)}
                      for row in own["glyph"]],
    }  # fmt: skip


def _outcome(rows, asked):
    right = [row["verdict"] in RIGHT for row in rows if row["question_id"] == asked["question_id"]]
    return "all right" if all(right) else "differs" if any(right) else "all wrong"


def _figures(rows):
    answered = [row for row in rows if not row["error"]]
    mean = sum(row["f1"] for row in rows) / len(rows)
    score = {"mean": mean, "low": max(0, mean - 0.15), "high": min(1, mean + 0.12)}
    usage = {kind: sum(row["usage"][f"{kind}_tokens"] or 0 for row in answered)
             for kind in ("prompt", "completion", "text", "visual", "cached")}  # fmt: skip
    return {
        "questions": len(rows), "failed": len(rows) - len(answered), "right": score,
        "exact_match": score, "f1": score, "judged": 0, "tokens": usage,
        "gold_retrieved": {"whole": 12, "part": 2, "none": 5} if rows[0]["retrieved"] else None,
        "pages": sum(row["page_count"] for row in answered),
        "seconds": {name: _times(answered, name) for name in TIMES},
        "cost": sum(row["cost"] for row in answered),
    }  # fmt: skip


def _times(rows, name):
    seconds = sorted(row[name] for row in rows)
    return {"p50": seconds[len(seconds) // 2], "p95": seconds[-1], "total": sum(seconds)}


if __name__ == "__main__":
    make_sample(Path(sys.argv[1]), int(sys.argv[2]))
