"""Examples as a data set whose pages are drawn in the worker that asks for a row.

``PageDataset`` has a length and rows by number, which is all that torch's DataLoader asks for;
``PageTransform`` does the same for a table of Hugging Face's datasets. Neither imports torch.

Example:
    >>> from training.tasks.example import Example, Pages, user
    >>> page = Pages("It rained.", "en")
    >>> data = PageDataset([Example("a", "ocr", (user(page, "Read."),), "It rained.")])
    >>> data[0]["messages"][1]["content"]
    [{'type': 'text', 'text': 'It rained.'}]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glyph_shared.errors import ConfigError
from training.data.drawing import draw
from training.data.rows import Form, Row, trainer_row
from training.tasks.example import Example, from_row


@dataclass(frozen=True)
class PageTransform:
    """Turns rows of examples into rows of a trainer, for ``datasets``' ``with_transform``.

    Attributes:
        form: Of which kind of training the rows are; see ``trainer_row``.
        think: Whether a thought goes before the target.
    """

    form: Form = "sft"
    think: bool = False

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Draws a batch, given and returned as columns."""
        rows = [
            dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)
        ]
        made = [self.row(from_row(row)) for row in rows]
        return {name: [row[name] for row in made] for name in made[0]} if made else {}

    def row(self, example: Example) -> Row:
        """Draws one example."""
        return trainer_row(draw(example), self.form, think=self.think)


def features() -> Any:
    """Returns the columns of an example file for ``datasets.load_dataset("json", features=…)``.

    Without them ``datasets`` takes the types from the file's beginning, where a list may be empty.

    Raises:
        ConfigError: ``datasets`` is not installed.
    """
    try:
        from datasets import Features, Value
    except ImportError:
        raise ConfigError(
            "tables of examples need datasets: pip install 'glyph-context[train]'"
        ) from None
    text, number = Value("string"), Value("int64")
    part = {"text": text, "theta": text, "seed": number, "first": number}
    return Features(
        {
            **dict.fromkeys(("id", "task", "target", "thought", "about"), text),
            "references": [text],
            "evidence": [{"pages": number, "start": number, "end": number}],
            "turns": [{"role": text, "parts": [part]}],
        }
    )


class PageDataset:
    """Rows of a trainer, drawn from examples when they are asked for.

    Attributes:
        theta: Draws all pages in this look, whatever their own is.
        epoch: Changes the seed of every page, so that each epoch may show other styles.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        form: Form = "sft",
        think: bool = False,
        theta: str | None = None,
    ) -> None:
        """Takes examples, such as an ``ExampleFile``; for the options see ``PageTransform``."""
        self.examples = examples
        self.theta = theta
        self.epoch = 0
        self._transform = PageTransform(form, think)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Row:
        return self._transform.row(self._styled(self.examples[index]))

    def _styled(self, example: Example) -> Example:
        first = next((part.seed for part in example.pages), 0) + _SEEDS * self.epoch
        if self.theta is not None:
            return example.with_pages(self.theta, first)
        if self.epoch and example.pages:
            return example.with_pages(example.pages[0].theta, first)
        return example


_SEEDS = 1_000_003
"""Seeds of one epoch and the next are this far apart; a prime, so that they do not meet."""
