"""Draws an example's pages from (text, θ, seed), and tells what only the drawn pages do.

Everything here is plain Python without torch, made for the workers of a loader: a worker keeps the
renderers of the last few θ, and the same example gives the same pages anywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from PIL import Image

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planning.budget import PAGE_MARKS
from glyph_shared.rendering import Page, RenderConfig, Renderer
from glyph_shared.rendering.config import PRESETS
from training.data.space import SPACES
from training.data.styles import StyleSampler
from training.tasks.example import CITED, Example, Pages, Turn, completion, to_row

_PAGE = re.compile(r"⟦page (\d+)⟧")
_TEXT = re.compile(r"⟦text (\d+)⟧")

_RENDERERS = 16


@dataclass(frozen=True)
class DrawnExample:
    """An example with its pages.

    Attributes:
        example: The example, with what its marks stood for.
        pages: For each of the example's pages, the images that show it.
    """

    example: Example
    pages: tuple[tuple[Page, ...], ...]

    @property
    def all_pages(self) -> list[Page]:
        """Every image in the order it is shown."""
        return [page for pages in self.pages for page in pages]

    @property
    def visual_tokens(self) -> int:
        """What the pages cost the model, the marks around each included."""
        return sum(page.visual_tokens + PAGE_MARKS for page in self.all_pages)

    @property
    def replaced(self) -> int:
        """How many chars no font has; they are drawn as U+FFFD."""
        return sum(page.replaced for page in self.all_pages)

    @property
    def prompt(self) -> list[dict[str, Any]]:
        """The conversation up to the model's turn, as chat messages; images are placeholders."""
        counts = iter([len(pages) for pages in self.pages])
        return [_message(turn, counts) for turn in self.example.turns]


def draw(example: Example) -> DrawnExample:
    """Draws an example's pages.

    Raises:
        ConfigError: A θ is unknown or impossible.
        InputError: A text has nothing to draw, or evidence is not on the drawn pages.
    """
    pages = tuple(tuple(_drawn(part)) for part in example.pages)
    return DrawnExample(_resolved(example, pages), pages)


def images(drawn: DrawnExample) -> list[Image.Image]:
    """Returns the pages as pictures, grey ones in mode L."""
    return [Image.fromarray(page.pixels) for page in drawn.all_pages]


def sft_row(drawn: DrawnExample, *, think: bool = False) -> dict[str, Any]:
    """Returns a row for supervised training: ``messages``, the target last, ``images``, ``task``.

    With ``think``, the example's thought goes before its target.
    """
    example = drawn.example
    answer = answer_message(example, think=think)
    return {
        "messages": [*drawn.prompt, answer],
        "images": images(drawn),
        "task": example.task,
    }


def rl_row(drawn: DrawnExample) -> dict[str, Any]:
    """Returns a row for training by rewards: ``prompt``, ``images``, ``task``, and ``example``.

    The last is JSON for ``rows.read_example``; it holds what the task scores by, and no pages.
    """
    return {
        "prompt": drawn.prompt,
        "images": images(drawn),
        "task": drawn.example.task,
        "example": without_pages(drawn.example),
    }


def answer_message(example: Example, *, think: bool) -> dict[str, Any]:
    """Returns the model's turn as a chat message."""
    text = completion(example.thought, example.target, think=think)
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def without_pages(example: Example) -> str:
    """Returns an example as JSON, its turns left out."""
    return json.dumps(to_row(replace(example, turns=())), ensure_ascii=False)


@lru_cache(maxsize=1024)
def theta(name: str, seed: int = 0) -> RenderConfig:
    """Returns the θ of an example's pages.

    Args:
        name: A space of styles, a preset, a θ file ending in ``.json``, or a θ as a JSON object.
        seed: Chooses the style of a space.

    Raises:
        ConfigError: It is none of these.
    """
    if name in SPACES:
        return StyleSampler(name, seed=seed).draw(0).config
    if name in PRESETS:
        return RenderConfig.preset(name)
    if name.endswith(".json"):
        return RenderConfig.from_json(name)
    if not name.startswith("{"):
        known = ", ".join((*SPACES, *PRESETS))
        raise ConfigError(f"θ is one of {known}, a .json file or a JSON object; got {name!r}")
    try:
        return RenderConfig.model_validate(json.loads(name))
    except ValueError as error:
        raise ConfigError(f"θ is no JSON object: {error}; got {name[:80]!r}") from None


def _drawn(part: Pages) -> Iterator[Page]:
    pages = _renderer(theta(part.theta, part.seed)).render(part.text)
    return islice(pages, part.first)


@lru_cache(maxsize=_RENDERERS)
def _renderer(config: RenderConfig) -> Renderer:
    return Renderer(config, missing="replace")


def _message(turn: Turn, counts: Iterator[int]) -> dict[str, Any]:
    content: list[dict[str, str]] = []
    for part in turn.parts:
        if isinstance(part, str):
            content.append({"type": "text", "text": part})
        else:
            content += [{"type": "image"}] * next(counts)
    return {"role": turn.role, "content": content}


def _resolved(example: Example, pages: Sequence[Sequence[Page]]) -> Example:
    """Puts page numbers and texts in the place of marks."""
    numbers = _evidence_pages(example, pages)
    known = {CITED: _citation(numbers)}

    def fill(text: str) -> str:
        text = _PAGE.sub(lambda mark: str(numbers[int(mark[1])]), text)
        text = text.replace(CITED, known[CITED])
        return _TEXT.sub(lambda mark: _shown(example, pages, int(mark[1])), text)

    return replace(
        example,
        target=fill(example.target),
        thought=fill(example.thought),
        references=tuple(map(fill, example.references)),
    )


def _evidence_pages(example: Example, pages: Sequence[Sequence[Page]]) -> list[int]:
    """Returns the number of the page, from 1 through all pages, where each evidence starts."""
    numbers = []
    for evidence in example.evidence:
        before = sum(map(len, pages[: evidence.pages]))
        spans = [page.char_span for page in pages[evidence.pages]]
        place = next((n for n, (_, end) in enumerate(spans) if evidence.start < end), None)
        if place is None:
            raise InputError(
                f"evidence of example {example.id!r} starts at char {evidence.start}, and its "
                f"pages end at {spans[-1][1]}; show more of them"
            )
        numbers.append(before + place + 1)
    return numbers


def _citation(numbers: Sequence[int]) -> str:
    cited = sorted(set(numbers))
    return f"[page{'s' * (len(cited) > 1)} {', '.join(map(str, cited))}]"


def _shown(example: Example, pages: Sequence[Sequence[Page]], number: int) -> str:
    start, end = pages[number][0].char_span[0], pages[number][-1].char_span[1]
    return example.pages[number].text[start:end].strip()
