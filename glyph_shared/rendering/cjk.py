"""Line breaking between ideographs, with the usual prohibitions."""

from __future__ import annotations

import numpy as np

from glyph_shared.rendering.arrays import Bools, Codes

_IDEOGRAPHIC = (
    (0x2E80, 0x303E),
    (0x3041, 0x33FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
    (0x1B000, 0x1B2FF),
    (0x20000, 0x3FFFD),
)

_CANNOT_START = (
    "!%),.:;?]}¢°’”†‡›℃∶、。〃〉》」』】〕〗〙〛〞〟︰︱︳﹐､﹒﹔﹕﹖﹗﹚﹜﹞！＂％＇），．：；？］｝～｡｣"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞヽヾ・"
)
_CANNOT_END = "([{$£¥‘“‹〈《「『【〔〖〘〚〝﹙﹛﹝＄（．［｛￡￥｢"


def breaks_beside_ideographs(codes: Codes) -> Bools:
    """Tells after which chars (all but the last) a line may end because an ideograph is beside.

    Closing punctuation and small kana do not begin a line, opening punctuation does not end one;
    spaces are left to the rule for words.
    """
    ideograph = _ideographs(codes)
    no_start = np.isin(codes, _NO_START)
    no_end = np.isin(codes, _NO_END)
    allowed: Bools = (ideograph[:-1] | ideograph[1:]) & ~no_start[1:] & ~no_end[:-1]
    return allowed


def _ideographs(codes: Codes) -> Bools:
    edges = np.array(_IDEOGRAPHIC).ravel() + np.tile([0, 1], len(_IDEOGRAPHIC))
    inside: Bools = np.searchsorted(edges, codes, side="right") % 2 == 1
    return inside


_NO_START = np.array([*map(ord, _CANNOT_START), 0x20, 0x0A, 0xA0, 0x3000])
_NO_END = np.array([*map(ord, _CANNOT_END), 0xA0])
