"""What to tell a user about chars that no installed font has."""

from __future__ import annotations

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


def missing_message(codepoints: Sequence[int]) -> str:
    """Names the chars, the Debian packages that have them, and the other way out."""
    named = ", ".join(f"U+{code:04X} {chr(code)}" for code in codepoints[:_NAMED])
    more = f" and {len(codepoints) - _NAMED} more" if len(codepoints) > _NAMED else ""
    packages = sorted({_package(code) for code in codepoints})
    other = "; fonts-wqy-zenhei is smaller and has most of CJK" if _CJK in packages else ""
    return (
        f"no installed font has {named}{more}; install a font (Debian: apt-get install "
        f"{' '.join(packages)}{other}), set font_path, or draw a replacement with missing='replace'"
    )


def _package(code: int) -> str:
    for *ranges, package in _PACKAGES:
        if any(low <= code <= high for low, high in ranges):
            return str(package)
    return _ANY_SCRIPT
