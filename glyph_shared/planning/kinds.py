"""What kind of text a document is: prose, code, a table, or CJK. Pure, cheap and repeatable.

A file's suffix decides where it is that of a programming language or a table. Else the text does,
by a sample of its start, middle and end, in this order:

=======  ==========================================================================================
cjk      at least ``CJK_SHARE`` of the chars that are no space are Han, kana or hangul
table    ``TABLE_SHARE`` of the lines have the same number of ``|``, of tabs, or of ``;`` or ``,``
         without a space behind, at least ``LEAST_COLUMNS`` - 1; or so many inner gaps of two spaces
code     the share of brackets and operators among the chars that are no space, times that of the
         lines that are indented or end like a statement, is at least ``CODE_SCORE``
prose    everything else
=======  ==========================================================================================
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import PurePosixPath
from typing import Literal

from glyph_shared.documents import Document

Kind = Literal["prose", "code", "table", "cjk"]

CJK_SHARE = 0.3
TABLE_SHARE = 0.6
LEAST_COLUMNS = 3

CODE_SCORE = 0.035
"""Novels score below 0.001, licences up to 0.02, Python's help topics 0.033; nine in ten modules of
Python's library score more. In doubt it is prose: its look takes half the tokens of code's."""

_CODE = re.compile(
    r"\.(asm|bash|c|cc|cfg|clj|cmake|cpp|cs|css|dart|el|erl|ex|go|h|hpp|hs|ini|java|jl|js|json|jsx|"
    r"kt|lua|m|mk|ml|php|pl|pm|proto|ps1|py|pyi|r|rb|rs|scala|scss|sh|sql|swift|tf|toml|ts|tsx|v|"
    r"vhd|vue|xml|yaml|yml|zig)"
)
_TABLE = frozenset({".csv", ".tsv"})
_SAMPLE_CHARS = 1 << 15
_SEPARATORS = tuple(map(re.compile, (r"\|", r"\t", r";(?! )", r",(?! )")))
_CJK = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_SIGNS = re.compile(r"[(){}\[\]<>=;_*&|\\+$@]")
_INNER_GAP = re.compile(r"(?<=\S)(?: {2,}|\t)(?=\S)")
_SHAPED = re.compile(r"^(?: {2,}|\t)|[;:{}()\[\],]$")


def text_kind(text: str, path: str = "") -> Kind:
    r"""Returns the kind of a text; ``path`` is the file it came from, if any.

    >>> text_kind("name | town\n", "people.csv")
    'table'
    >>> text_kind("It rained all day, and nobody went out.")
    'prose'
    """
    suffix = PurePosixPath(path).suffix.lower()
    if _CODE.fullmatch(suffix):
        return "code"
    return "table" if suffix in _TABLE else _kind_of_sample(_sample(text))


@lru_cache(maxsize=64)
def _kind_of_sample(sample: str) -> Kind:
    if _share_of_chars(_CJK, sample) >= CJK_SHARE:
        return "cjk"
    lines = [line for line in sample.splitlines() if line.strip()]
    if _is_table(lines):
        return "table"
    return "code" if _is_code(sample, lines) else "prose"


def document_kind(document: Document) -> Kind:
    """Returns the kind of most chars of a document, each of its files judged for itself.

    One that has no text, as a scan may have none, counts as prose.
    """
    chars: Counter[Kind] = Counter()
    for start, stop, path in files_of(document):
        chars[text_kind(document.text[start:stop], path)] += stop - start
    return max(chars, key=chars.__getitem__, default="prose")


def files_of(document: Document) -> list[tuple[int, int, str]]:
    """Returns the stretch of each file in a document, and its path."""
    grouped = groupby(document.origins, key=lambda origin: origin.path)
    stretches = [(path, list(origins)) for path, origins in grouped]
    return [(origins[0].start, origins[-1].end, path) for path, origins in stretches]


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE_CHARS:
        return text
    middle = (len(text) - _SAMPLE_CHARS) // 2
    starts = (0, middle, len(text) - _SAMPLE_CHARS)
    return "\n".join(text[start : start + _SAMPLE_CHARS] for start in starts)


def _share_of_chars(pattern: re.Pattern[str], text: str) -> float:
    inked = len(text) - sum(map(text.count, " \t\r\n"))
    return sum(1 for _ in pattern.finditer(text)) / max(1, inked)


def _is_table(lines: Sequence[str]) -> bool:
    # One line, or two, have equal numbers of anything.
    if len(lines) < LEAST_COLUMNS:
        return False
    least = TABLE_SHARE * len(lines)
    for separator in _SEPARATORS:
        counts = Counter(len(separator.findall(line)) for line in lines)
        columns, alike = max(counts.items(), key=lambda item: (item[0] > 0, item[1]))
        if columns >= LEAST_COLUMNS - 1 and alike >= least:
            return True
    gaps = (len(_INNER_GAP.findall(line)) for line in lines)
    return sum(count >= LEAST_COLUMNS - 1 for count in gaps) >= least


def _is_code(sample: str, lines: Sequence[str]) -> bool:
    shaped = sum(1 for line in lines if _SHAPED.search(line)) / max(1, len(lines))
    return shaped * _share_of_chars(_SIGNS, sample) >= CODE_SCORE
