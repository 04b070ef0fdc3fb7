"""The reader's character vocabulary and its chat frame.

One token per char keeps the copying task simple for a model of a few million parameters: what it
reads at one place of a page is what it writes. No compression ratio is ever computed with it.
"""

from __future__ import annotations

from collections import Counter

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "[gMASK]",
    "<sop>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "<|begin_of_image|>",
    "<|image|>",
    "<|end_of_image|>",
    "<|begin_of_video|>",
    "<|video|>",
    "<|end_of_video|>",
    "<think>",
    "</think>",
)
"""Control tokens under the names of GLM-4.1V's tokenizer."""

REFUSAL = "Not on these pages."
"""The answer when the pages do not hold it: one token, so its probability is read off directly."""

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for every char outside the vocabulary, in questions and in answers."""

_TYPOGRAPHY = "“”‘’—–…•°£€§©«»·×ÀÉàáâäæçèéêëíîïñóôöùúûüß"

VOCABULARY = (
    *SPECIAL_TOKENS,
    REFUSAL,
    UNKNOWN,
    "\n",
    *(chr(code) for code in range(32, 127)),
    *_TYPOGRAPHY,
)
"""Every token; its index is its id."""

TOKEN_IDS = {token: index for index, token in enumerate(VOCABULARY)}

PROMPT_PREFIX = ("[gMASK]", "<sop>", "<|user|>", "\n")
"""What stands before the pages (GLM-4.1V's chat template)."""

ANSWER_PREFIX = ("<|assistant|>", "\n")
"""What stands between the question and the answer."""

END_OF_ANSWER = "<|user|>"
"""GLM-4.1V ends its turn by opening the user's next one."""

STOP_IDS = frozenset(TOKEN_IDS[token] for token in ("<|endoftext|>", "<|user|>", "<|observation|>"))


def encode_text(text: str) -> list[int]:
    """Turns plain text into token ids, one per char; unknown chars become ``UNKNOWN``.

    Special tokens written out in the text are spelled char by char: text can never control the
    model.
    """
    unknown = TOKEN_IDS[UNKNOWN]
    return [TOKEN_IDS.get(char, unknown) for char in text]


def unknown_letters_share(text: str) -> float:
    """Returns the share of a text's letters that are outside the vocabulary, from 0 to 1.

    >>> unknown_letters_share("Straße 7"), unknown_letters_share("北京 ok")
    (0.0, 0.5)
    """
    letters = {char: count for char, count in Counter(text).items() if char.isalpha()}
    unknown = sum(count for char, count in letters.items() if char not in TOKEN_IDS)
    return unknown / max(1, sum(letters.values()))
