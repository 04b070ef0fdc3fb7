"""GLM's control tokens: kept out of what is sent, and out of what is answered.

The tokenizer of GLM-4.1V turns these strings into control tokens wherever they stand in a text
part, so a document that merely mentions ``<|user|>`` would open a new turn, and one that mentions
``<|image|>`` would take the place of a page. Text that is drawn on a page needs none of this.
"""

from __future__ import annotations

import re

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|image|>",
    "<|video|>",
    "<|audio|>",
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
    "<|begin_of_audio|>",
    "<|end_of_audio|>",
    "<|begin_of_box|>",
    "<|end_of_box|>",
    "<|begin_of_transcription|>",
    "<|end_of_transcription|>",
    "<|code_prefix|>",
    "<|code_middle|>",
    "<|code_suffix|>",
    "[MASK]",
    "[gMASK]",
    "[sMASK]",
    "<sop>",
    "<eop>",
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
)
"""The added tokens of the GLM-4.1V and GLM-4.5V tokenizers (their ``tokenizer_config.json``)."""

# Any <|name|> is covered, not only GLM's: another model may stand behind the same address.
_NAMED = r"\|[A-Za-z0-9_]{1,40}\|"
_TAGS = "|".join(
    re.escape(token[1:-1]) for token in SPECIAL_TOKENS if token[0] == "<" and token[1] != "|"
)
_MASKS = "|".join(re.escape(token[1:-1]) for token in SPECIAL_TOKENS if token[0] == "[")
_ACTIVE = re.compile(rf"<({_NAMED}|{_TAGS})>|\[({_MASKS})\]")
_INERT = re.compile(rf"‹({_NAMED}|{_TAGS})›|⟦({_MASKS})⟧")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def neutralise(text: str) -> str:
    """Writes control tokens with other brackets, so that they stay readable and do nothing.

    ``<|user|>`` becomes ``‹|user|›`` and ``[gMASK]`` becomes ``⟦gMASK⟧``. Lone surrogates, which
    no request can carry, become U+FFFD.
    """
    sendable = _SURROGATE.sub("\ufffd", text)
    return _ACTIVE.sub(lambda m: f"‹{m[1]}›" if m[1] else f"⟦{m[2]}⟧", sendable)


def restore(text: str) -> str:
    """Undoes ``neutralise``, for comparing with the source; never for what is sent or shown."""
    return _INERT.sub(lambda m: f"<{m[1]}>" if m[1] else f"[{m[2]}]", text)
