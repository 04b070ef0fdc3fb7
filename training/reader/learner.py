"""The reader with its losses: what a step's arrays are, and what they teach.

The loss of a packed batch is the cross-entropy of its answers, that of pointing (one attention head
towards the visual token that holds the next char) and that of reading (a throw-away head tells the
chars of each visual token). A phase of the vision part alone has the last only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glyph_shared.reader.vocabulary import PROMPT_PREFIX, TOKEN_IDS
from training.reader.model import Frame, Pointers, ReaderModel
from training.reader.pages import GridPage
from training.reader.reading_head import ReadingHead, chars_shown
from training.reader.segments import KINDS, Batch

Fields = dict[str, Tensor]
"""A step's arrays by name; without ``ids`` it is one of the vision part alone."""


class Learner(nn.Module):
    """A reader, and the head that is thrown away.

    pointer_weight, reading_weight: What pointing and reading count for, beside answering.
    """

    def __init__(
        self, reader: ReaderModel, pointer_weight: float = 1.0, reading_weight: float = 0.5
    ) -> None:
        super().__init__()
        self.reader = reader
        self.pointer_weight, self.reading_weight = pointer_weight, reading_weight
        self.head = ReadingHead(reader.c.hidden, reader.c.vocabulary)
        self._visual: list[Tensor] = []
        reader.vision.register_forward_hook(self._keep_visual)

    def forward(self, **fields: Tensor) -> Fields:
        """Returns ``loss``, and what is reported beside it, of `packed` or `shown` fields."""
        # What the network makes for itself (positions, masks) is made where the pages are.
        with torch.device(fields["pages"].device):
            if "ids" in fields:
                return self._answer(fields)
            self.reader.vision(fields["pages"])
            told = self._read(fields)
            return {"loss": told["reading"], **told}

    def _answer(self, fields: Fields) -> Fields:
        hidden, pointer_losses = read(self.reader, fields, pointers=True)
        loss, right = answer_loss(self.reader, hidden, fields)
        pointer = torch.stack(pointer_losses).mean()
        told = self._read(fields)
        transcript = fields["kinds"][0, 0] == KINDS.index("transcript")
        kind = "transcript" if transcript else "short"
        return {
            "loss": loss + self.pointer_weight * pointer + self.reading_weight * told["reading"],
            f"loss_{kind}": loss,
            f"right_{kind}": right,
            "pointer": pointer,
            "finding": pointer_losses[-1],
            **told,
        }

    def _read(self, fields: Fields) -> Fields:
        loss, right = self.head.loss(self._visual.pop(), fields["shown"])
        return {"reading": loss, "right_reading": torch.tensor(right)}

    def _keep_visual(self, vision: nn.Module, pages: tuple[Tensor, ...], visual: Tensor) -> None:
        self._visual = [visual]


def packed(batch: Batch) -> Fields:
    """Returns the fields of questions, copies or transcripts, with their pages drawn."""
    arrays = {
        "ids": batch.ids,
        "learn": batch.learn,
        "points_at": batch.points_at,
        "finds": batch.finds,
        "kinds": batch.kinds,
    }
    fields = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return shown([page for prompt in batch.pages for page in prompt]) | fields


def shown(pages: Sequence[GridPage]) -> Fields:
    """Returns the fields of pages alone: their pixels, and the chars of each visual token."""
    drawn = np.stack([page.look.draw(page.lines) for page in pages])  # (pages, height, width)
    return {"pages": torch.from_numpy(drawn), "shown": chars_shown(pages)}


def read(model: ReaderModel, fields: Fields, *, pointers: bool) -> tuple[Tensor, list[Tensor]]:
    """Returns the hidden states (B, N, T, hidden) of packed fields, and the pointer losses."""
    targets = Pointers(fields["points_at"], fields["finds"]) if pointers else None
    made: tuple[Tensor, list[Tensor]] = model(fields["pages"], frame(), fields["ids"], targets)
    return made


def answer_loss(model: ReaderModel, hidden: Tensor, fields: Fields) -> tuple[Tensor, Tensor]:
    """Returns the cross-entropy on answers, and the share of answer tokens predicted right."""
    learn = fields["learn"][:, :, 1:]
    target = fields["ids"][:, :, 1:][learn]
    logits = model.logits(hidden[:, :, :-1][learn])
    return F.cross_entropy(logits, target), (logits.argmax(-1) == target).float().mean()


def frame() -> Frame:
    """Returns the ids that stand around the pages of every prompt."""

    def ids(*tokens: str) -> Tensor:
        return torch.tensor([[TOKEN_IDS[token] for token in tokens]])

    return Frame(ids(*PROMPT_PREFIX), ids("<|begin_of_image|>"), ids("<|end_of_image|>"))
