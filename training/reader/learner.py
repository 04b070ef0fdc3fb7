"""The reader with its losses: what a step's arrays are, and what they teach.

The loss of a packed batch is the cross-entropy of its answers, and that of pointing: one attention
head towards the visual token that holds the next char. A phase of the vision part alone has a
throw-away head instead, which reads the chars of each visual token.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glyph_shared.reader.vocabulary import PROMPT_PREFIX, TOKEN_IDS, encode_text
from training.reader.draw import draw
from training.reader.model import Frame, Pointers, ReaderModel
from training.reader.pages import COLUMNS
from training.reader.segments import (
    CHARS_PER_TOKEN,
    GRID_COLUMNS,
    KINDS,
    LINES_PER_TOKEN,
    Batch,
)

Fields = dict[str, Tensor]
"""A step's arrays by name; with ``chars`` it is one of the vision part alone."""

SHOWN = CHARS_PER_TOKEN * LINES_PER_TOKEN
"""Chars that a visual token shows."""


class Learner(nn.Module):
    """A reader, and the head that is thrown away once its vision part can read."""

    def __init__(self, reader: ReaderModel, pointer_weight: float) -> None:
        super().__init__()
        self.reader, self.pointer_weight = reader, pointer_weight
        self.spelling = nn.Linear(reader.c.hidden, SHOWN * reader.c.vocabulary)

    def forward(self, **fields: Tensor) -> Fields:
        """Returns ``loss``, and what is reported beside it, of `packed` or `spelled` fields."""
        # What the network makes for itself (positions, masks) is made where the pages are.
        with torch.device(fields["pages"].device):
            return self._spell(fields) if "chars" in fields else self._answer(fields)

    def _answer(self, fields: Fields) -> Fields:
        hidden, pointer_losses = read(self.reader, fields, pointers=True)
        loss, right = answer_loss(self.reader, hidden, fields)
        pointer = torch.stack(pointer_losses).mean()
        transcript = fields["kinds"][0, 0] == KINDS.index("transcript")
        kind = "transcript" if transcript else "short"
        return {
            "loss": loss + self.pointer_weight * pointer,
            f"loss_{kind}": loss,
            f"right_{kind}": right,
            "pointer": pointer,
            "finding": pointer_losses[-1],
        }

    def _spell(self, fields: Fields) -> Fields:
        logits = self.spelling(self.reader.vision(fields["pages"])).float()
        logits = logits.unflatten(-1, (SHOWN, -1))
        loss = F.cross_entropy(logits.flatten(0, 2), fields["chars"].flatten())
        right = (logits.argmax(-1) == fields["chars"]).float().mean()
        return {"loss": loss, "loss_vision": loss, "right_vision": right}


def packed(batch: Batch) -> Fields:
    """Returns the fields of questions, copies or transcripts, with their pages drawn."""
    pages = [draw(lines, batch.rows) for prompt in batch.grids for lines in prompt]
    arrays = {
        "pages": np.stack(pages),  # (B·P, height, width) uint8
        "ids": batch.ids,
        "learn": batch.learn,
        "points_at": batch.points_at,
        "finds": batch.finds,
        "kinds": batch.kinds,
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def spelled(pages: list[list[str]], rows: int) -> Fields:
    """Returns the fields of pages whose visual tokens are to be read one by one."""
    drawn = np.stack([draw(lines, rows) for lines in pages])
    chars = np.stack([shown_chars(lines, rows) for lines in pages])
    return {"pages": torch.from_numpy(drawn), "chars": torch.from_numpy(chars)}


def shown_chars(lines: list[str], rows: int) -> np.ndarray:
    """Returns the ids (visual tokens, SHOWN) of the chars that each visual token shows."""
    grid = np.full((rows, GRID_COLUMNS * CHARS_PER_TOKEN), TOKEN_IDS[" "], np.int64)
    for row, line in enumerate(lines):
        grid[row, : len(line)] = encode_text(line[:COLUMNS])
    cells = grid.reshape(-1, LINES_PER_TOKEN, GRID_COLUMNS, CHARS_PER_TOKEN)
    return cells.transpose(0, 2, 1, 3).reshape(-1, SHOWN)


def read(model: ReaderModel, fields: Fields, *, pointers: bool) -> tuple[Tensor, list[Tensor]]:
    """Returns the hidden states (B, N, T, hidden) of packed fields, and the pointer losses."""
    targets = Pointers(fields["points_at"], fields["finds"]) if pointers else None
    return model(fields["pages"], frame(), fields["ids"], targets)


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
