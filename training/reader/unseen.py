"""The looks that a reader is measured in: its own, those its card names, and unseen ones.

Each differs from the reader's own θ in one respect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from glyph_shared.errors import FontError
from glyph_shared.reader.card import look_config
from training.reader.looks import OWN, Look, look, look_of

FONTS = ("LiberationMono-Regular.ttf", "FreeMono.ttf", "NotoMono-Regular.ttf")
"""Of Debian's fonts-liberation, fonts-freefont-ttf and fonts-noto-mono."""

SCALES = (0.9, 1.06, 1.2)
"""Sizes of chars as parts of the own θ's; the first and the last lie outside of training's."""

SHIFTS_PX = ((1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (0, 3))
"""To the right and down."""


def looks_to_measure(accepted: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Look], list[str]]:
    """Returns looks by what tables call them, and the fonts that are not installed.

    Args:
        accepted: The θ of the reader's card, as what they change of its own.
    """
    looks = {"own look": OWN}
    absent = []
    for theta in accepted:
        try:
            looks[look_name(theta)] = look_of(look_config(theta))
        except FontError:
            absent.append(str(theta["font-path"]))
    for font in FONTS:
        try:
            looks[font.partition("-")[0].removesuffix(".ttf")] = look(font)
        except FontError:
            absent.append(font)
    looks |= {f"chars of {scale:g} times the size": look(scale=scale) for scale in SCALES}
    looks |= {_shift_name(*shift): look(shift_px=shift) for shift in SHIFTS_PX}
    return looks, absent


def look_name(theta: Mapping[str, Any]) -> str:
    """Returns what tables call a θ that changes these fields of the reader's own."""
    return ", ".join(f"{key} {value}" for key, value in sorted(theta.items()))


def _shift_name(right: int, down: int) -> str:
    return f"{right} px to the right" if right else f"{down} px down"
