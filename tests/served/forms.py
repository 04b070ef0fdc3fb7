"""Lets the reader's weights fill forms: vLLM holds them to a schema, and this to an end."""

from __future__ import annotations

import json

from tests.served.launch import WEIGHTS

_LIKED = {" ": -100, "\n": -100, '"': 8, "/": 8}


def _token_ids() -> dict[str, int]:
    tokenizer = json.loads((WEIGHTS / "tokenizer.json").read_text(encoding="utf-8"))
    ids: dict[str, int] = tokenizer["model"]["vocab"]
    return ids


ENDS_SOON = {str(_token_ids()[char]): bias for char, bias in _LIKED.items()}
"""A ``logit_bias``. A model that was trained on other things than JSON writes blanks between its
fields, or goes on within a text, until its tokens are used up."""

BODY = {"repetition_penalty": 1.0, "stop_token_ids": [], "logit_bias": ENDS_SOON}
"""What a request to these weights holds beyond the API; Glyph's stop tokens are none of theirs."""
