"""Text tokens without a tokenizer: an estimate from the runs of letters, digits and signs.

GLM-4's tokenizer, like OpenAI's cl100k_base on which it builds, first cuts text into words, numbers
of up to three digits, runs of signs and runs of white space, and then spends one token on each
piece it knows. The estimate cuts the same way and charges long pieces by length.

The charges were set on Jane Eyre and checked on other texts against cl100k_base:

    Jane Eyre                      239,002 tokens    estimate +0.2 %   (paper: "240K")
    The Time Machine                39,296                    +0.9 %
    XQuAD paragraphs, English       39,089                    +3.6 %
    Python's standard library      390,206                    +6.7 %
    Python's help topics           105,674                    +5.9 %
    indented JSON                  127,570                    +1.7 %
    rows of numbers and dates      120,239                     0.0 %

cl100k_base knows few Chinese words and so says nothing about GLM there; a vocabulary made for
Chinese spends about 0.6 tokens per char (DeepSeek's published ratio). Other scripts are charged one
token per two letters, which is unchecked.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

# Kinds of chars. A run of one kind is one piece.
_WORD, _NUMBER, _LINE_END, _SPACE, _HAN, _LETTER, _SIGN = range(7)
_HAN_RANGES = ((0x2E80, 0x2FDF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))
_HAN_TOKENS_PER_CHAR = 0.6
# Chars of a piece that one token covers, by kind; 0 marks kinds with rules of their own.
_REACH = np.array([8, 3, 0, 0, 0, 2, 8])
# Chars counted at a time; a run cut at the edge costs one token too many.
_BLOCK = 1 << 22


def estimate_text_tokens(text: str) -> int:
    """Estimates the tokens of a text in linear time, some 50 million chars a second."""
    return round(sum(_count(text[at : at + _BLOCK]) for at in range(0, len(text), _BLOCK)))


def _count(text: str) -> float:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds()[np.minimum(codes, 0xFFFF)]
    kinds[(codes >= 0x20000) & (codes < 0x40000)] = _HAN
    starts = np.flatnonzero(np.diff(kinds, prepend=255))
    kind, length = kinds[starts], np.diff(starts, append=len(kinds))
    before = np.concatenate(([_LINE_END], kind[:-1]))
    after = np.concatenate((kind[1:], [_LINE_END]))
    reach = _REACH[kind]
    tokens = -(-length // np.maximum(reach, 1)) * (reach > 0)
    # A line end right after signs is part of them.
    tokens += (kind == _LINE_END) & (before != _SIGN)
    # One space belongs to the word behind it, but numbers take none.
    tokens += (kind == _SPACE) & ((length > 1) | (after == _NUMBER))
    return int(tokens.sum()) + _HAN_TOKENS_PER_CHAR * int(length[kind == _HAN].sum())


@lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    """Returns the kind of each char of the basic plane; its last entry serves all planes above."""
    kinds = np.array([_kind(chr(code)) for code in range(0x10000)], np.uint8)
    for first, last in _HAN_RANGES:
        kinds[first : last + 1] = _HAN
    return kinds


def _kind(char: str) -> int:
    if char in "\r\n":
        return _LINE_END
    if char.isascii() and char.isalpha():
        return _WORD
    category = unicodedata.category(char)
    if category[0] == "N":
        return _NUMBER
    if category[0] == "Z" or char == "\t":
        return _SPACE
    return _LETTER if category[0] in "LM" else _SIGN
