"""Token ids and M-RoPE positions of a prompt: GLM-4.1V's chat frame around pages and question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyph_shared.reader.vocabulary import ANSWER_PREFIX, PROMPT_PREFIX, TOKEN_IDS, encode_text

VISUAL_TOKEN_PX = 28
"""Side of the square that one visual token shows: patch 14 times merge 2 (GLM-4.1V)."""


@dataclass(frozen=True)
class Piece:
    """A run of a prompt.

    Attributes:
        ids: (S,) token ids.
        positions: (3, S) positions on the axes time, height, width.
        next_position: The position of whatever follows.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    next_position: int


def pages_piece(page_sizes_px: list[tuple[int, int]]) -> Piece:
    """Returns the part of a prompt up to the last page's end mark.

    Rows and columns of a page count from the position after its begin mark; what follows goes on
    after the larger of both (transformers, `Glm4vModel.get_rope_index`).
    """
    ids = [TOKEN_IDS[token] for token in PROMPT_PREFIX]
    positions = [np.tile(np.arange(len(ids)), (3, 1))]
    position = len(ids)
    for width, height in page_sizes_px:
        rows, columns = height // VISUAL_TOKEN_PX, width // VISUAL_TOKEN_PX
        grid = np.indices((rows, columns)).reshape(2, -1) + position + 1
        time = np.full((1, rows * columns), position + 1)
        begin = np.full((3, 1), position)
        end_position = position + 1 + max(rows, columns)
        positions += [begin, np.concatenate((time, grid)), np.full((3, 1), end_position)]
        ids.append(TOKEN_IDS["<|begin_of_image|>"])
        ids += [TOKEN_IDS["<|image|>"]] * (rows * columns)
        ids.append(TOKEN_IDS["<|end_of_image|>"])
        position = end_position + 1
    return Piece(np.array(ids, np.int64), np.concatenate(positions, 1).astype(np.int64), position)


def question_piece(question: str, position: int) -> Piece:
    """Returns the rest of the prompt: the question and the opening of the answer."""
    ids = encode_text(question) + [TOKEN_IDS[token] for token in ANSWER_PREFIX]
    return text_piece(ids, position)


def text_piece(ids: list[int], position: int) -> Piece:
    """Returns a run of text tokens: their position is the same on all three axes."""
    positions = np.tile(np.arange(position, position + len(ids)), (3, 1))
    return Piece(np.array(ids, np.int64), positions.astype(np.int64), position + len(ids))
