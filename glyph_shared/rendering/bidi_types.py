"""Names for the bidirectional types of UAX #9."""

from __future__ import annotations

from glyph_shared.rendering.arrays import Bools, Bytes

L, R, AL, EN, AN, ES, ET, CS, NSM, BN, B, S, WS, ON = range(14)
LRE, RLE, LRO, RLO, PDF, LRI, RLI, FSI, PDI = range(14, 23)

TYPE_BY_NAME = {
    "": L,
    "L": L,
    "R": R,
    "AL": AL,
    "EN": EN,
    "AN": AN,
    "ES": ES,
    "ET": ET,
    "CS": CS,
    "NSM": NSM,
    "BN": BN,
    "B": B,
    "S": S,
    "WS": WS,
    "ON": ON,
    "LRE": LRE,
    "RLE": RLE,
    "LRO": LRO,
    "RLO": RLO,
    "PDF": PDF,
    "LRI": LRI,
    "RLI": RLI,
    "FSI": FSI,
    "PDI": PDI,
}
"""By Python's names; it has none for chars that are not assigned, most of which are L."""

ISOLATE_MARKS = (LRI, RLI, FSI, PDI)
EMBEDDINGS = (LRE, RLE, LRO, RLO)


def is_neutral(types: Bytes) -> Bools:
    """Tells which types are neutral: separators, spaces, other symbols and isolates' marks."""
    neutral: Bools = (types >= B) & (types <= ON)
    neutral |= types >= LRI
    return neutral
