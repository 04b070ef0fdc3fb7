"""Bytes to text, by one stated rule, losing nothing.

1. A byte order mark decides: UTF-8, UTF-32, UTF-16 (the mark itself is not part of the text).
2. Otherwise UTF-8, if all bytes are valid UTF-8.
3. Otherwise the encoding that the file declares in its first kilobyte, as HTML, XML and Python
   files do, if all bytes are valid in it.
4. Otherwise Windows-1252, in which most other Western files are written.
5. Otherwise (five byte values mean nothing in Windows-1252) Latin-1, which accepts every byte.

A caller who knows better names the encoding.
"""

from __future__ import annotations

import codecs
import re

from glyph_shared.errors import InputError

# UTF-32's little-endian mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SNIFFED_BYTES = 8192

# Python also has codecs that unescape or unpack; only those that files are written in are believed.
_DECLARED = re.compile(
    rb"(?:charset|coding|encoding)\s*[=:]\s*[\"']?"
    rb"((?:gb|big5|euc|shift|sjis|iso-?8859|windows-|cp|koi8|mac|johab|hz|tis)[\w.-]*)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 1024


def decode(data: bytes, *, name: str, encoding: str | None = None) -> str:
    """Decodes a file's bytes.

    Raises:
        InputError: The bytes contradict their byte order mark or the encoding the caller named,
            or no such encoding exists.
    """
    if encoding is not None:
        return _decode_as(data, encoding, name, "pass another encoding= or none")
    for mark, marked in _MARKS:
        if data.startswith(mark):
            return _decode_as(data[len(mark) :], marked, name, "its byte order mark is wrong")
    for guess in ("utf-8", *_declared(data), "cp1252"):
        try:
            return data.decode(guess)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")


def _decode_as(data: bytes, encoding: str, name: str, hint: str) -> str:
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise InputError(f"no encoding is named {encoding!r}; try 'utf-8' or 'gb18030'") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not valid {encoding}: byte {error.start} cannot be read; {hint}"
        ) from error


def _declared(data: bytes) -> list[str]:
    match = _DECLARED.search(data, 0, _DECLARED_WITHIN)
    return [match[1].decode("ascii")] if match else []


def looks_binary(data: bytes) -> bool:
    """Tells whether bytes are not text: a NUL near the start without a byte order mark.

    This is git's rule, with UTF-16 and UTF-32 let through by their mark.
    """
    if any(data.startswith(mark) for mark, _ in _MARKS):
        return False
    return b"\0" in data[:_SNIFFED_BYTES]
