"""Tasks that read or write the text of pages: the ones of continual pretraining."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from glyph_shared.errors import InputError
from training import rewards
from training.data.material import Material, cut
from training.rewards import IDEOGRAPH
from training.tasks.example import Example, Pages, Turn, assistant, text_mark, user
from training.tasks.task import Task, wording

_WORD = re.compile(rf"{IDEOGRAPH}|(?:(?!{IDEOGRAPH})\S)+")
_ANSWERED = re.compile(r"^\s*\[?(\d+)\]?\s*[:.)]\s*(.*)$", re.M)


@dataclass(frozen=True)
class PageOcr(Task):
    """Reading one page: the model writes what the first page of a text shows.

    Attributes:
        chars: The length of the texts; as long as the largest page, or longer.
    """

    name: ClassVar[str] = "ocr"
    chars: int = 12_000

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Shows a page and asks for its text, which only the drawn page tells."""
        page = Pages(material.passage(rng, self.chars), first=1)
        return Example(name, self.name, (user(page, wording(rng, "ocr", material)),), text_mark(0))

    def score(self, answer: str, example: Example) -> float:
        """Returns the similarity by edit distance."""
        return rewards.levenshtein(answer, example.answers)


@dataclass(frozen=True)
class InterleavedText(Task):
    """A text of which every other part is shown as pages, and the parts between are written.

    Attributes:
        part_chars: The length of each part.
        parts: How many parts the longest example has.
    """

    name: ClassVar[str] = "interleaved"
    least: ClassVar[Mapping[str, int]] = {"parts": 2}
    part_chars: int = 4000
    parts: int = 6

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Cuts a passage into parts; the even ones are pages, the others the model's turns."""
        count = rng.randrange(2, self.parts + 1, 2)
        pieces = _pieces(rng, material, count, self.part_chars)
        turns: list[Turn] = []
        for number in range(0, len(pieces) - 1, 2):
            asked = (wording(rng, "continue", material),) if number == 0 else ()
            turns += [
                user(Pages(pieces[number]), *asked),
                assistant(pieces[number + 1].strip("\n")),
            ]
        return Example(name, self.name, tuple(turns[:-1]), str(turns[-1].parts[0]))

    def score(self, answer: str, example: Example) -> float:
        """Returns the word overlap: many continuations are right, this one was written."""
        return rewards.f1(answer, example.answers)


@dataclass(frozen=True)
class MaskedSpans(Task):
    """A page with numbered blanks in place of words, which the model restores.

    Attributes:
        chars: The length of the text.
        spans: How many blanks there are at most.
        longest: How many words one blank hides at most.
    """

    name: ClassVar[str] = "masked"
    chars: int = 3000
    spans: int = 8
    longest: int = 6

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Hides runs of words of a passage."""
        text = material.passage(rng, self.chars)
        hidden = self._spans(rng, text)
        shown, last = [], 0
        for number, (start, end) in enumerate(hidden, start=1):
            shown += [text[last:start], f"[{number}]____"]
            last = end
        target = "\n".join(f"{n}: {_flat(text[a:b])}" for n, (a, b) in enumerate(hidden, start=1))
        page = Pages("".join([*shown, text[last:]]))
        return Example(name, self.name, (user(page, wording(rng, "masked", material)),), target)

    def score(self, answer: str, example: Example) -> float:
        """Returns the mean similarity over the blanks; one without an answer counts 0."""
        given, right = blanks(answer), blanks(example.target)
        restored = (rewards.levenshtein(given.get(n, ""), [text]) for n, text in right.items())
        return sum(restored) / len(right)

    def _spans(self, rng: random.Random, text: str) -> list[tuple[int, int]]:
        """Draws runs of words, apart from each other, in the text's order."""
        found = [match.span() for match in _WORD.finditer(text)]
        count = min(rng.randint(1, self.spans), max(1, len(found) // (3 * self.longest)))
        slots = sorted(rng.sample(range(max(count, len(found) // (2 * self.longest))), count))
        spans = []
        for slot in slots:
            first = min(slot * 2 * self.longest, len(found) - 1)
            last = min(first + rng.randint(1, self.longest), len(found)) - 1
            spans.append((found[first][0], found[last][1]))
        return spans


@dataclass(frozen=True)
class MissingPages(Task):
    """A document of which one page is missing; the model writes it.

    Attributes:
        page_chars: The length of the missing part.
        around: How many times as much stands before it, and after it.
    """

    name: ClassVar[str] = "missing_page"
    page_chars: int = 3000
    around: int = 2

    def example(self, rng: random.Random, material: Material, name: str) -> Example:
        """Cuts a passage into what stands before, the missing part, and what stands after."""
        count = 2 * self.around + 1
        pieces = _pieces(rng, material, count, self.page_chars)
        middle = len(pieces) // 2
        before, after = "".join(pieces[:middle]), "".join(pieces[middle + 1 :])
        parts = [Pages(text) for text in (before, after) if text.strip()]
        asked = wording(rng, "missing_page", material)
        turn = user(*parts[:1], "[The missing page.]\n", *parts[1:], asked)
        return Example(name, self.name, (turn,), pieces[middle].strip())

    def score(self, answer: str, example: Example) -> float:
        """Returns the word overlap with the page that was there."""
        return rewards.f1(answer, example.answers)


def blanks(answer: str) -> dict[int, str]:
    """Reads lines such as ``1: words``."""
    return {int(number): text.strip() for number, text in _ANSWERED.findall(answer)}


def _pieces(rng: random.Random, material: Material, count: int, chars: int) -> list[str]:
    pieces = pieces_of(material.passage(rng, count * chars), count)
    if len(pieces) < 2:
        raise InputError(f"a passage of {count * chars} chars is too short to be divided")
    return pieces


def pieces_of(text: str, count: int) -> list[str]:
    """Cuts a text at the ends of lines or words into pieces of about equal length.

    A text that is too short for as many gives fewer.
    """
    wanted = max(1, len(text) // count)
    pieces: list[str] = []
    while text and len(pieces) < count - 1:
        piece = cut(text, wanted)
        pieces.append(piece)
        text = text[len(piece) :]
    return [piece for piece in [*pieces, text] if piece.strip()]


def _flat(text: str) -> str:
    return " ".join(text.split())
