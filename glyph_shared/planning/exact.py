"""Finds the strings that a page cannot be trusted with: one wrong char makes them useless.

A word misread by one letter is still understood; an account number is not. Those strings are found
here so that they can go along as text. Every search is linear in the text, whatever the text is: a
pattern starts only where a word starts, or has a bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

ExactKind = Literal["uuid", "iban", "hex", "email", "number", "url"]

# Scripts written without spaces end a word where Latin letters would go on.
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_LETTER = rf"[^\W{_NO_SPACES}]"
_FREE, _END = r"(?<![A-Za-z\d])", r"(?![A-Za-z\d])"
_UUID = re.compile(rf"{_FREE}[\da-f]{{8}}(?:-[\da-f]{{4}}){{3}}-[\da-f]{{12}}{_END}", re.A | re.I)
_HEX = re.compile(rf"{_FREE}(?:0x)?[\da-f]{{8,}}{_END}", re.A | re.I)
_DIGITS = re.compile(rf"{_FREE}\d+(?:[.,]\d+)*{_END}")
_SIX_DIGITS = re.compile(r"\d{6}")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_CODE = re.compile(rf"{_FREE}[A-Z\d]*\d{{6}}[A-Z\d]*{_END}", re.A | re.I)
_IBAN = re.compile(
    rf"{_FREE}[A-Z]{{2}}\d{{2}}(?:[ \xa0]?[A-Z\d]{{4}}){{2,7}}(?:[ \xa0]?[A-Z\d]{{1,3}})?{_END}",
    re.A,
)
_SHORTEST_IBAN, _LONGEST_IBAN = 15, 34
_IBAN_DIGITS = 8
# RFC 5321: 64 chars before the @, 63 in each part of the domain.
_LOCAL = rf"(?:{_LETTER}|[.%+'-])"
_LABEL = rf"{_LETTER}(?:(?:{_LETTER}|-){{0,61}}{_LETTER})?"
_EMAIL = re.compile(
    rf"(?<!{_LETTER})(?<![.%+'@-]){_LETTER}{_LOCAL}{{0,63}}@{_LABEL}(?:\.{_LABEL}){{1,8}}"
    rf"(?!{_LETTER}|@)"
)
_URL = re.compile(
    rf"{_FREE}((?i:(?:https?|ftps?|sftp|ssh|git|s3|gs|wss?|file)://|www\.))"
    rf"(?:{_LETTER}|[-.~:/?#\[\]@!$&'()*+,;=%])+"
)
_SENTENCE_SIGNS = ".,;:!?'"
_OPENING = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class ExactString:
    """A string to be copied, not read.

    Attributes:
        kind: What it is.
        text: The string.
        char_span: Where it stands, half-open.
    """

    kind: ExactKind
    text: str
    char_span: tuple[int, int]


def find_exact_strings(text: str) -> list[ExactString]:
    """Returns the exact strings of a text in its order; none overlaps another.

    Found are UUIDs; hexadecimal numbers of 8 digits and more; IBANs, in groups or not; numbers and
    codes with 6 digits in a row, and numbers of 6 digits in thousands; e-mail addresses; URLs. Of
    two that overlap the one that starts first is taken, of two that start together the longer.

    >>> [found.text for found in find_exact_strings("Order 4711000815, see www.example.org.")]
    ['4711000815', 'www.example.org']
    """
    chosen: list[ExactString] = []
    # The sort is stable: of two kinds at the same span the one that is searched first is taken.
    for found in sorted(_all(text), key=lambda found: (found.char_span[0], -found.char_span[1])):
        if not chosen or found.char_span[0] >= chosen[-1].char_span[1]:
            chosen.append(found)
    return chosen


def _all(text: str) -> Iterator[ExactString]:
    yield from (_found("uuid", text, *match.span()) for match in _UUID.finditer(text))
    yield from _ibans(text)
    for match in _HEX.finditer(text):
        if not match[0].isdecimal():
            yield _found("hex", text, *match.span())
    yield from _numbers(text)
    yield from (_found("email", text, *match.span()) for match in _EMAIL.finditer(text))
    for match in _URL.finditer(text):
        if length := _url_length(match[0], match.end(1) - match.start()):
            yield _found("url", text, match.start(), match.start() + length)


def _found(kind: ExactKind, text: str, start: int, stop: int) -> ExactString:
    return ExactString(kind, text[start:stop], (start, stop))


def _numbers(text: str) -> Iterator[ExactString]:
    for match in _DIGITS.finditer(text):
        if _SIX_DIGITS.search(match[0]) or _is_in_thousands(match[0]):
            yield _found("number", text, *match.span())
    for match in _CODE.finditer(text):
        yield _found("number", text, *match.span())


def _is_in_thousands(number: str) -> bool:
    return sum(map(str.isdecimal, number)) >= 6 and _THOUSANDS.fullmatch(number) is not None


def _ibans(text: str) -> Iterator[ExactString]:
    for match in _IBAN.finditer(text):
        if length := _iban_length(match[0]):
            yield _found("iban", text, match.start(), match.start() + length)


def _iban_length(groups: str) -> int:
    """Returns how many of the chars are an IBAN; 0 if none are.

    Words in capitals behind it look like further groups, so the check digits decide. Without a
    valid end it is taken up to the last group with a digit: a mistyped IBAN is a string, too.
    """
    chars = groups.replace("\xa0", " ")
    parts = chars.split(" ")
    ends = list(accumulate((len(part) for part in parts), lambda end, length: end + 1 + length))
    long_enough = [
        (end, part)
        for end, part in zip(ends, parts, strict=True)
        if _SHORTEST_IBAN <= len(chars[:end].replace(" ", "")) <= _LONGEST_IBAN
    ]
    for end, _ in reversed(long_enough):
        if _has_valid_check(chars[:end].replace(" ", "")):
            return end
    for end, part in reversed(long_enough):
        digits = sum(map(str.isdecimal, chars[:end]))
        if digits >= _IBAN_DIGITS and any(map(str.isdecimal, part)):
            return end
    return 0


def _has_valid_check(iban: str) -> bool:
    """Tells whether the check digits are right (ISO 7064, modulo 97)."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _url_length(url: str, least: int) -> int:
    """Returns the length without the sentence's own signs and brackets at the end.

    0 means that nothing is left behind the ``least`` chars of ``https://`` or ``www.``.
    """
    surplus = {closing: url.count(closing) - url.count(_OPENING[closing]) for closing in _OPENING}
    end = len(url)
    while end > least and (url[end - 1] in _SENTENCE_SIGNS or surplus.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in surplus:
            surplus[url[end]] -= 1
    return end if end > least else 0
