"""A throw-away head that tells which chars each visual token shows.

Answers give the vision part a signal at the few places they come from; this head gives one at every
visual token. It is left out of what is exported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from glyph_shared.reader.prompt import VISUAL_TOKEN_PX
from glyph_shared.reader.vocabulary import TOKEN_IDS, encode_text
from training.reader.looks import ADVANCE_PX, OWN
from training.reader.pages import GridPage

ACROSS = round(VISUAL_TOKEN_PX / ADVANCE_PX)
DOWN = round(VISUAL_TOKEN_PX / OWN.config.line_height)
_BLANK = TOKEN_IDS[" "]


class ReadingHead(nn.Module):
    """One linear map from a visual token to the chars at its places, blanks among them."""

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.map = nn.Linear(hidden, ACROSS * DOWN * vocabulary)

    def loss(self, visual: Tensor, shown: Tensor) -> tuple[Tensor, float]:
        """Returns the cross-entropy, and the share of chars other than blanks that are right.

        Args:
            visual: (pages, visual tokens, hidden).
            shown: (pages, visual tokens, places), see `chars_shown`.
        """
        logits = self.map(visual).float().unflatten(-1, (ACROSS * DOWN, -1))
        inked = shown != _BLANK
        right = (logits.argmax(-1) == shown)[inked].float().mean().item()
        return F.cross_entropy(logits.flatten(0, 2), shown.flatten()), right


def chars_shown(pages: Sequence[GridPage]) -> Tensor:
    """Returns the ids of the chars at each visual token's places, (pages, visual tokens, places).

    A place is where the middle of a char of the own θ stands. Of two chars in one place, which
    smaller sizes have, the later one counts.
    """
    shown = np.full((len(pages), pages[0].look.tokens, ACROSS * DOWN), _BLANK, np.int64)
    for page, places in zip(pages, shown, strict=True):
        theta, advance = page.look.config, page.look.advance
        last = np.array(theta.page_size) - 1
        for row, line in enumerate(page.lines):
            ids = encode_text(line)
            x = np.minimum(theta.margin_x + (np.arange(len(ids)) + 0.5) * advance, last[0])
            y = min(page.look.middle_px(row), last[1])
            token = int(y // VISUAL_TOKEN_PX) * page.look.tokens_per_row + x // VISUAL_TOKEN_PX
            across = x % VISUAL_TOKEN_PX // ADVANCE_PX
            down = y % VISUAL_TOKEN_PX // OWN.config.line_height
            places[token.astype(int), (down * ACROSS + across).astype(int)] = ids
    return torch.from_numpy(shown)
