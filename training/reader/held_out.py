"""A fixed set of unseen words, texts and question wordings, measured during training."""

from __future__ import annotations

import random
from collections import defaultdict

import torch
from torch import Tensor

from training.reader.corpus import Corpus
from training.reader.learner import Fields, packed, read
from training.reader.model import ReaderModel
from training.reader.segments import KINDS, Mix, make_batch

MEASURED = {
    "1p": (3, Mix(prompts=8, segments=12, copy=0.25, absent=0.25)),
    "2p": (1, Mix(prompts=4, pages=2, segments=12, copy=0.25, absent=0.25)),
    "tr": (1, Mix(prompts=4, transcript=True)),
    "linked": (1, Mix(prompts=6, segments=12, copy=0.0, absent=0.0, linked=1.0)),
}
"""Batches of a mix by the name that their figures bear, and how many of each."""

_SEED = 999


class HeldOut:
    """The batches of `MEASURED`, drawn once."""

    def __init__(self, corpus: Corpus) -> None:
        rng = random.Random(_SEED)
        self._fields = {
            name: [packed(make_batch(rng, corpus, mix, held_out=True)) for _ in range(count)]
            for name, (count, mix) in MEASURED.items()
        }

    @torch.no_grad()
    def measure(self, model: ReaderModel, device: torch.device) -> dict[str, float]:
        """Returns exact match per kind and char accuracy, teacher-forced (= greedy, if exact)."""
        found: dict[str, list[float]] = defaultdict(list)
        for name, batches in self._fields.items():
            for batch in batches:
                fields = {key: value.to(device) for key, value in batch.items()}
                with torch.device(device):
                    right, counted = _right_answers(model, fields)
                exact = (right | ~counted).all(-1)
                for index, kind in enumerate(KINDS):
                    chosen = fields["kinds"] == index
                    found[f"{name}_{kind}"] += exact[chosen].float().tolist()
                    chars = right[chosen][counted[chosen]]
                    found[f"{name}_{kind}_chars"] += chars.float().tolist()
        return {name: sum(values) / len(values) for name, values in sorted(found.items()) if values}


def _right_answers(model: ReaderModel, fields: Fields) -> tuple[Tensor, Tensor]:
    hidden, _ = read(model, fields, pointers=False)
    guess = model.logits(hidden[:, :, :-1]).argmax(-1)
    counted = fields["learn"][:, :, 1:]
    return (guess == fields["ids"][:, :, 1:]) & counted, counted
