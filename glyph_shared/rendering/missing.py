"""What to tell a user about chars that no installed font has."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_NAMED = 10

_CJK = "fonts-noto-cjk"
_PACKAGES = (
    ((0x2E80, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), _CJK),
    ((0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF), _CJK),
    ((0x2190, 0x2BFF), (0x1F000, 0x1FBFF), "fonts-symbola"),
    ((0x1D000, 0x1D7FF), (0x10080, 0x1CFFF), (0x1E000, 0x1EFFF), "fonts-noto-core"),
)
_ANY_SCRIPT = "fonts-noto-core"
_PRIVATE, _UNASSIGNED = "Co", "Cn"
_IN_NONE = (_PRIVATE, _UNASSIGNED)


def missing_message(codepoints: Sequence[int]) -> str:
    """Names the chars, the Debian packages that have them, and the other way out."""
    return (
        f"no installed font has {named_chars(codepoints)}; {font_advice(codepoints)}, set "
        "font_path, or draw a replacement with missing='replace'"
    )


def named_chars(codepoints: Sequence[int], most: int = _NAMED) -> str:
    """Names chars by their code points, and shows those that can be printed.

    >>> named_chars([0x4E2D, 0xE000, 0x1F600], most=2)
    'U+4E2D 中, U+E000 (private use) and 1 more'
    """
    named = ", ".join(map(_named, codepoints[:most]))
    return named + (f" and {len(codepoints) - most:,} more" if len(codepoints) > most else "")


def font_advice(codepoints: Sequence[int]) -> str:
    """Says what to install; no package is known to have chars of private use or unassigned ones."""
    packages = sorted({_package(code) for code in codepoints if _category(code) not in _IN_NONE})
    if not packages:
        return "install a font that has them"
    other = "; fonts-wqy-zenhei is smaller and has most of CJK" if _CJK in packages else ""
    return f"install a font (Debian: apt-get install {' '.join(packages)}{other})"


def _named(code: int) -> str:
    if _category(code) == _PRIVATE:
        return f"U+{code:04X} (private use)"
    return f"U+{code:04X} {chr(code)}" if chr(code).isprintable() else f"U+{code:04X}"


def _category(code: int) -> str:
    return unicodedata.category(chr(code))


def _package(code: int) -> str:
    for *ranges, package in _PACKAGES:
        if any(low <= code <= high for low, high in ranges):
            return str(package)
    return _ANY_SCRIPT
