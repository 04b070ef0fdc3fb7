"""Line breaking between ideographs, with the usual prohibitions."""

from __future__ import annotations

import numpy as np

from glyph_shared.rendering.arrays import Bools, Bytes, Codes
from glyph_shared.rendering.normalise import CODE_LIMIT

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

_IDEOGRAPH, _NO_START, _NO_END = 1, 2, 4

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
    traits = _TRAITS[codes]
    before, after = traits[:-1], traits[1:]
    forbidden = (before & _NO_END) | (after & _NO_START)
    allowed: Bools = ((before | after) & _IDEOGRAPH != 0) & (forbidden == 0)
    return allowed


def _trait_table() -> Bytes:
    table = np.zeros(CODE_LIMIT, np.uint8)
    for first, last in _IDEOGRAPHIC:
        table[first : last + 1] = _IDEOGRAPH
    table[[*map(ord, _CANNOT_START), 0x20, 0x0A, 0xA0, 0x3000]] |= _NO_START
    table[[*map(ord, _CANNOT_END), 0xA0]] |= _NO_END
    return table


_TRAITS = _trait_table()
