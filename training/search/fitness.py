"""What a θ is worth, measured on pages that are drawn for it.

``compression_ratio`` is text tokens per visual token of a text of some pages, marks included.
``ocr_accuracy`` is what a reader gets of excerpts of them, ``task_accuracy`` what a server answers
to questions about the text. ``per_visual_token`` is the article's scalar: accuracy per thousand
visual tokens of the same text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import BadResponse, ConfigError, InputError
from glyph_shared.metrics import contains_answer
from glyph_shared.planning import PAGE_MARKS, TextTokenCounter, pick_counter
from glyph_shared.rendering import Page, RenderConfig, render
from training.judge import Graded, Judge
from training.search.excerpts import excerpts
from training.search.pareto import Point
from training.search.readers import PageReader, opened
from training.search.texts import Part, text_of

MEASURES = ("compression_ratio", "ocr_accuracy", "task_accuracy", "accuracy", "per_visual_token")
"""What an objective may be; ``accuracy`` is the mean of the two accuracies that are measured."""


@dataclass(frozen=True)
class Probe:
    """What is measured, with what; the same for every θ.

    Attributes:
        text: ``prose``, ``code``, ``chinese`` or a file.
        chars: Length of the text that pages are drawn of.
        excerpts: How many excerpts of it are read; 0 reads none.
        excerpt_chars: Length of each.
        reader: ``tesseract``, ``embedded`` or ``server``.
        language: Tesseract's name for the text's language.
        base_url: The server of the reader ``server`` and of the questions; else GLYPH_BASE_URL.
        model: The served model; else the first.
        questions: A JSONL file of ``question`` and ``answer`` about the text; None asks nothing.
        judge_url: The server of a model that grades the answers; without one an answer is right if
            it holds the expected one.
        judge_model: The judge's name there.
        tokenizer: A tokenizer.json that counts text tokens; else the best there is.
    """

    text: str = "prose"
    chars: int = 40_000
    excerpts: int = 4
    excerpt_chars: int = 500
    reader: str = "tesseract"
    language: str = "eng"
    base_url: str | None = None
    model: str | None = None
    questions: str | None = None
    judge_url: str | None = None
    judge_model: str | None = None
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        for name, least in (("chars", 1), ("excerpts", 0), ("excerpt_chars", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} must be a whole number from {least} on; got {value!r}")
        if (self.judge_url is None) != (self.judge_model is None):
            raise ConfigError(
                "probe.judge_url and probe.judge_model belong together; got "
                f"{self.judge_url!r} and {self.judge_model!r}"
            )
        if self.excerpts == 0 and self.questions is None:
            raise ConfigError("excerpts must be at least 1 where no questions are asked; got 0")

    def counter(self) -> TextTokenCounter:
        """Returns who counts text tokens."""
        return pick_counter(tokenizer_file=self.tokenizer, base_url=self.base_url, model=self.model)


@dataclass(frozen=True)
class Measured:
    """What was measured of one θ.

    Attributes:
        measures: By the names in ``MEASURES``, and token counts.
        accuracies: Of each excerpt, in the order of the text.
        llm_tokens: What servers counted for it.
    """

    measures: Mapping[str, float]
    accuracies: tuple[float, ...] = ()
    llm_tokens: int = 0

    def point(self, objectives: Sequence[str]) -> Point:
        """Returns the values of some measures.

        Raises:
            ConfigError: One of them was not measured.
        """
        absent = [name for name in objectives if name not in self.measures]
        if absent:
            raise ConfigError(
                f"objective {absent[0]!r} is not measured; this search measures "
                f"{', '.join(name for name in MEASURES if name in self.measures)}"
            )
        return tuple(self.measures[name] for name in objectives)


@dataclass(frozen=True)
class Fitness:
    """Measures one θ after the other; ``ready`` gives one.

    Attributes:
        text: What is drawn.
        text_tokens: What it costs as text.
        tokenizer: Who counted.
    """

    probe: Probe
    text: str
    text_tokens: int
    tokenizer: str
    reader: PageReader | None
    client: GlyphClient | None
    questions: tuple[tuple[str, str], ...]

    def of(self, config: RenderConfig) -> Measured:
        """Draws the text and measures what is read of it.

        Raises:
            GlyphError: It cannot be drawn, or a server fails.
        """
        pages = render(self.text, config)
        visual_tokens = sum(page.visual_tokens + PAGE_MARKS for page in pages)
        measures: dict[str, float] = {
            "compression_ratio": self.text_tokens / visual_tokens,
            "visual_tokens": visual_tokens,
        }
        accuracies, llm_tokens = self._read(pages, config)
        answered, asked_tokens = self._ask(pages, config)
        if accuracies:
            measures["ocr_accuracy"] = fmean(accuracies)
        if answered:
            measures["task_accuracy"] = fmean(answered)
        known = [measures[n] for n in ("ocr_accuracy", "task_accuracy") if n in measures]
        measures["accuracy"] = fmean(known)
        measures["per_visual_token"] = 1000 * fmean(known) / visual_tokens
        return Measured(measures, accuracies, llm_tokens + asked_tokens)

    def _read(self, pages: list[Page], config: RenderConfig) -> tuple[tuple[float, ...], int]:
        if self.reader is None:
            return (), 0
        shown = excerpts(pages, config, self.probe.excerpts, self.probe.excerpt_chars)
        read = self.reader.read(shown, config)
        return read.accuracies, read.llm_tokens

    def _ask(self, pages: list[Page], config: RenderConfig) -> tuple[list[float], int]:
        if self.client is None:
            return [], 0
        answers = self.client.ask_many(
            [question for question, _ in self.questions], pages, cite=False
        )
        scores = self._scores([answer.text for answer in answers])
        usages = (answer.usage for answer in answers)
        return scores, sum(usage.prompt_tokens + usage.completion_tokens for usage in usages)

    def _scores(self, answers: list[str]) -> list[float]:
        """Returns a grade for each answer; those that the judge did not grade are left out.

        Raises:
            BadResponse: The judge graded none.
        """
        pairs = list(zip(self.questions, answers, strict=True))
        url, model = self.probe.judge_url, self.probe.judge_model
        if url is None or model is None:
            return [contains_answer(answer, expected) for (_, expected), answer in pairs]
        put = [Graded(question, expected, answer) for (question, expected), answer in pairs]
        grades = asyncio.run(Judge(url, model).scores(put))
        given = [grade for grade in grades if grade is not None]
        if not given:
            raise BadResponse(f"the judge {model} graded none of {len(put)} answers")
        return given


@contextmanager
def ready(probe: Probe, part: Part = "search") -> Iterator[Fitness]:
    """Gives a fitness on a part of the text for the length of a ``with`` block.

    Raises:
        GlyphError: The text, the reader or the questions are not there.
    """
    text = text_of(probe.text, part, probe.chars)
    counter = probe.counter()
    with ExitStack() as stack:
        reader, client = None, None
        if probe.excerpts:
            reader = stack.enter_context(
                opened(probe.reader, probe.language, probe.base_url, probe.model)
            )
        if probe.questions is not None:
            client = stack.enter_context(GlyphClient(probe.base_url, probe.model))
        asked = read_questions(Path(probe.questions)) if probe.questions is not None else ()
        yield Fitness(probe, text, counter.count(text), counter.name, reader, client, asked)


def read_questions(path: Path) -> tuple[tuple[str, str], ...]:
    """Reads questions and their answers, one JSON object a line.

    Raises:
        InputError: The file cannot be read, or a line is no such object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read questions from {str(path)!r}: {error}") from None
    found = tuple(_question(line, number, path) for number, line in enumerate(lines, 1) if line)
    if not found:
        raise InputError(f"{str(path)!r} has no question; give at least one")
    return found


def _question(line: str, number: int, path: Path) -> tuple[str, str]:
    try:
        row: Any = json.loads(line)
        question, answer = row["question"], row["answer"]
        if not (isinstance(question, str) and isinstance(answer, str)):
            raise TypeError("not two texts")
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"line {number} of {str(path)!r} needs question and answer as texts: {error}"
        ) from None
    return question, answer
