"""One answer as a row of ``results.jsonl``: its scores, its verdict, and what it rests on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from glyph_shared import ConfigError
from glyph_shared.asking import Usage
from glyph_shared.metrics import contains_answer, exact_match, token_f1
from glyph_shared.rendering import span_boxes
from llama_index_glyph.compare.judge import Judge
from llama_index_glyph.compare.questions import Question
from llama_index_glyph.compare.reading import Arm, Passage, Reading, ShownPage, Values
from llama_index_glyph.compare.verdicts import Verdict, held, most_held, verdict

PAGES = "pages"
"""The folder of page images, beside ``results.jsonl``."""

_MOST_TOLD = 200
"""Chars of a judge's error that a row keeps."""


class Prices(BaseModel):
    """What a model's tokens cost, in ``currency`` per million."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)
    """Of prompt tokens from the server's cache; None charges them as the others."""
    currency: str = "USD"

    def cost(self, usage: Usage) -> float:
        """Returns the price of an answer."""
        cached = usage.cached_tokens or 0
        each = self.prompt if self.cached is None else self.cached
        fresh = self.prompt * (usage.prompt_tokens - cached)
        return (fresh + each * cached + self.completion * usage.completion_tokens) / 1e6


@dataclass(frozen=True)
class Scorer:
    """Turns readings into rows.

    Attributes:
        folder: Where page images go.
        judge: Who says whether an answer is right, if not the comparison of strings.
        prices: What tokens cost, if that is known.
    """

    folder: Path
    judge: Judge | None = None
    prices: Prices | None = None

    def scored(self, arm: Arm) -> Callable[[Question], Awaitable[Mapping[str, Any]]]:
        """Returns an arm for the runner, which returns the values of a row."""

        async def answer(question: Question) -> Mapping[str, Any]:
            reading = await arm(question)
            judged, trouble = await self._judged(question, reading)
            if trouble:
                reading = replace(reading, note="; ".join(filter(None, (reading.note, trouble))))
            return await asyncio.to_thread(self._row, question, reading, judged)

        return answer

    async def _judged(self, question: Question, reading: Reading) -> tuple[float | None, str]:
        """Returns the judge's score, if there is one, and why there is none where it failed."""
        if self.judge is None or question.unanswerable or reading.refused:
            return None, ""
        try:
            return await self.judge.score(question, reading.answer), ""
        except Exception as error:  # noqa: BLE001 - any LLM may judge; its failure costs no answer
            return None, f"the judge failed: {type(error).__name__}: {str(error)[:_MOST_TOLD]}"

    def _row(self, question: Question, reading: Reading, judged: float | None) -> Values:
        answers = question.answers
        right = contains_answer(reading.answer, answers) if judged is None else judged
        refused = reading.refused or not reading.answer.strip()
        if question.unanswerable:
            exact = f1 = float(refused)
        else:
            exact, f1 = exact_match(reading.answer, answers), token_f1(reading.answer, answers)
        return {
            "answer": reading.answer,
            "exact_match": exact,
            "f1": f1,
            "judge": judged,
            "verdict": verdict(
                question,
                right=bool(right) and not refused,
                refused=refused,
                shown=reading.shown,
                retrieves=reading.retrieved is not None,
                has_pages=reading.page_count > 0,
            ),
            "retrieved": [_retrieved(question, passage) for passage in reading.retrieved or ()],
            "pages": list(self._pages(question, reading.pages)),
            "usage": _usage(reading),
            "page_count": reading.page_count,
            "tokenizer": reading.tokenizer,
            "retrieve_s": _seconds(reading.retrieve_s),
            "render_s": _seconds(reading.render_s),
            "first_token_s": _seconds(reading.first_token_s),
            "total_s": _seconds(reading.total_s),
            "cost": self.prices.cost(reading.usage) if self.prices else None,
            "model": reading.model,
            "note": reading.note,
        }

    def _pages(self, question: Question, pages: tuple[ShownPage, ...]) -> Iterator[Values]:
        for number, shown in enumerate(pages):
            stretch = (shown.document, shown.start, shown.end)
            # A place that is no more than a document's name would take all of its pages.
            places = [gold for gold in question.gold if gold.start is not None]
            if shown.cited or most_held(places, [stretch]) != "none":
                yield {
                    "page": number,
                    "document": shown.document,
                    "start": shown.start,
                    "end": shown.end,
                    "image": self._image(shown),
                    "size_px": list(shown.page.size_px),
                    "cited": shown.cited,
                    "evidence_px": list(_evidence(question, shown)),
                }

    def _image(self, shown: ShownPage) -> str:
        name = f"{PAGES}/{shown.page.digest}.png"
        file = self.folder / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(f".{threading.get_ident()}.draft")
            draft.write_bytes(shown.page.png)
            draft.replace(file)
        return name


def blank_row(question: Question) -> Values:
    """Returns what a row says before there is an answer; a failed one says no more."""
    failed: Verdict = "failed"
    return {
        **question.values(),
        "answer": "",
        "exact_match": 0.0,
        "f1": 0.0,
        "judge": None,
        "verdict": failed,
        "retrieved": [],
        "pages": [],
        "usage": _usage(Reading("")),
        "page_count": 0,
        "tokenizer": None,
        "retrieve_s": 0.0,
        "render_s": 0.0,
        "first_token_s": None,
        "total_s": None,
        "cost": None,
        "model": None,
        "note": "",
    }


def _retrieved(question: Question, passage: Passage) -> Values:
    return {
        "document": passage.document,
        "start": passage.start,
        "end": passage.end,
        "text": passage.content.text,
        "score": None if passage.score is None else round(float(passage.score), 4),
        "holds_gold": most_held(question.gold, [(passage.document, passage.start, passage.end)]),
    }


def _evidence(question: Question, shown: ShownPage) -> Iterator[list[int]]:
    for gold in question.gold:
        if gold.start is None or gold.end is None:
            continue
        if held(gold, (shown.document, shown.start, shown.end)) != "none":
            span = (gold.start - shown.offset, gold.end - shown.offset)
            yield from map(list, span_boxes(shown.page, span, shown.config))


def _usage(reading: Reading) -> Values:
    usage = reading.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "text_tokens": reading.text_tokens,
        "visual_tokens": usage.visual_tokens,
        "cached_tokens": usage.cached_tokens,
        "requests": usage.requests,
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def read_prices(path: Path) -> Prices:
    """Reads a price table: ``{"prompt": 0.5, "completion": 1.5, "cached": 0.1}``, per million.

    Raises:
        ConfigError: The file is none.
    """
    try:
        return Prices.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(path)!r} is no price table: {error}") from None
