"""Prompts that are read once for all of their answers.

TRL gives each answer of a group a copy of its prompt and of its pages: with eight answers the same
pages are read eight times, when answers are drawn and for each of their probabilities. Here a
prompt's keys and values are computed once and repeated; gradients flow through them.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, Glm4vForConditionalGeneration

Fields = dict[str, Tensor]
"""What goes with ids: ``pixel_values``, ``image_grid_thw`` and ``mm_token_type_ids``."""


@dataclass(frozen=True)
class ReadPrompts:
    """Prompts, all but their last token, as the model remembers them.

    Attributes:
        memory: Keys and values, a row for each answer.
        ahead: (answers, 1) what the position of a token is ahead of its number in the row; pages
            take fewer positions than tokens.
    """

    memory: DynamicCache
    ahead: Tensor


def read_once(
    model: Glm4vForConditionalGeneration, ids: Tensor, mask: Tensor, fields: Fields
) -> ReadPrompts:
    """Reads each different prompt once.

    Args:
        model: The model.
        ids: (answers, S) prompts, padded on the left; each without its last token when it is read.
        mask: (answers, S) where there is a token.
        fields: The pages of all rows, and which tokens stand for them.
    """
    images = (ids == model.config.image_start_token_id).sum(1).tolist()
    grids = fields["image_grid_thw"].split(images)
    pixels = fields["pixel_values"].split([int(grid.prod(-1).sum()) for grid in grids])
    firsts, rows = _different(ids, pixels)
    read = model.model(
        input_ids=ids[firsts, :-1],
        attention_mask=mask[firsts, :-1],
        mm_token_type_ids=fields["mm_token_type_ids"][firsts, : ids.shape[1] - 1],
        pixel_values=torch.cat([pixels[first] for first in firsts]),
        image_grid_thw=torch.cat([grids[first] for first in firsts]),
        use_cache=True,
    )
    places = torch.tensor(rows, device=ids.device)
    read.past_key_values.reorder_cache(places)
    return ReadPrompts(read.past_key_values, model.model.rope_deltas[places])


def share_prompts(model: Glm4vForConditionalGeneration) -> None:
    """Makes ``model.generate`` read each different prompt once."""
    generating: Any = model
    generating.generate = partial(_generate, model, generating.generate)


def log_probabilities(
    model: Glm4vForConditionalGeneration, ids: Tensor, mask: Tensor, kept: int, fields: Fields
) -> Any:
    """Returns what TRL's model with a fused head does: ``log_probs`` and ``entropy`` of answers.

    Args:
        model: The model, to which TRL's trainer has added its head.
        ids: (answers, S) prompts and answers.
        mask: (answers, S) where there is a token.
        kept: How many of a row's tokens are the answer.
        fields: As for ``read_once``.
    """
    prompt = ids.shape[1] - kept
    read = read_once(model, ids[:, :prompt], mask[:, :prompt], fields)
    numbers = (mask.cumsum(-1) - 1)[:, prompt - 1 :]
    return model(
        input_ids=ids[:, prompt - 1 :],
        attention_mask=mask,
        position_ids=(numbers + read.ahead).expand(3, -1, -1),
        past_key_values=read.memory,
        labels=ids[:, prompt - 1 :].masked_fill(mask[:, prompt - 1 :] == 0, -100),
        fused_lm_head=True,
    )


def _generate(
    model: Glm4vForConditionalGeneration,
    generate: Any,
    input_ids: Tensor,
    attention_mask: Tensor,
    generation_config: Any,
    **fields: Tensor,
) -> Tensor:
    read = read_once(model, input_ids, attention_mask, fields)
    model.model.rope_deltas = read.ahead
    answers: Tensor = generate(
        input_ids=input_ids,
        attention_mask=attention_mask,
        past_key_values=read.memory,
        generation_config=generation_config,
    )
    return answers


def _different(ids: Tensor, pixels: tuple[Tensor, ...]) -> tuple[list[int], list[int]]:
    """Returns a row of each different prompt, and for each row which of them is its own."""
    numbers: dict[tuple[bytes, int], int] = {}
    firsts, rows = [], []
    for place, (row, shown) in enumerate(zip(ids, pixels, strict=True)):
        key = row.cpu().numpy().tobytes(), zlib.crc32(shown.cpu().numpy().data)
        if key not in numbers:
            numbers[key] = len(numbers)
            firsts.append(place)
        rows.append(numbers[key])
    return firsts, rows
