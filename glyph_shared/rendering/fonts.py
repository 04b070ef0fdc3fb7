"""What a font knows: which chars it has, and how far each moves the pen."""

from __future__ import annotations

import hashlib
import io
import math
import struct
import sys
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from fontTools.ttLib import TTFont, TTLibError

from glyph_shared.errors import FontError
from glyph_shared.rendering.arrays import Float64s, Int32s, Int64s
from glyph_shared.rendering.font_files import FontFile, read_font_bytes
from glyph_shared.rendering.sharing import cached_property

_FULL_UNICODE = ((3, 10), (0, 6), (0, 4))
"""Platform and encoding of maps beyond U+FFFF, in the order in which fontTools prefers them."""


@dataclass(frozen=True, eq=False)
class Font:
    """One face's tables, in em units.

    Attributes:
        codepoints: Chars the font has a shape for, ascending.
        shapes: The index in the font of each of them.
        advances: Advance of every shape, exact: what line breaking adds up.
        pdf_advances: The same at 7 significant digits of 1/1000 em, as a PDF states widths: what
            positions are summed from, so that pages equal the reference's to the pixel.
        extent: Lowest and highest point of any shape.
        content: The file, so that shapes and hash are of what these tables were read from.
    """

    file: FontFile
    codepoints: Int32s
    shapes: Int32s
    advances: Float64s
    pdf_advances: Float64s
    extent: tuple[float, float]
    content: bytes = field(repr=False)

    @cached_property
    def name(self) -> str:
        """The hash of the file's bytes, and the face: the font's name in θ's and pages' hashes."""
        return f"{hashlib.sha256(self.content).hexdigest()}#{self.file.face}"


@lru_cache(maxsize=64)
def load_font(file: FontFile) -> Font:
    """Reads a font's char map and advances; the answer is shared by the process.

    Raises:
        FontError: The file is no readable font, or has no such face or no Unicode char map.
    """
    content = read_font_bytes(file.path)
    if file.face and content[:4] != b"ttcf":
        raise _unreadable(file, "the file is no collection of faces")
    try:
        tables = TTFont(io.BytesIO(content), fontNumber=file.face, lazy=True)
        # Numbers for names: the shapes' real names would cost more to read than all the rest.
        tables.setGlyphOrder([str(number) for number in range(tables["maxp"].numGlyphs)])
        codepoints, shapes = _char_map(tables)
        units = _advances(tables)
        em = tables["head"].unitsPerEm
        extent = tables["head"].yMin / em, tables["head"].yMax / em
    # fontTools answers damaged tables with whatever its parsers trip over.
    except (TTLibError, KeyError, ValueError, AssertionError, OSError, EOFError) as error:
        raise _unreadable(file, str(error)) from None
    except (AttributeError, IndexError, TypeError, ArithmeticError, struct.error) as error:
        raise _unreadable(file, type(error).__name__) from None
    if not {"glyf", "CFF ", "CFF2"} & set(tables.keys()):
        raise _unreadable(file, "it has no outlines, only pictures")
    if not len(codepoints):
        raise _unreadable(file, "it maps no Unicode chars")
    every = units.tolist()
    pdf_width = {unit: pdf_number(unit * 1000 / em) * 0.001 for unit in set(every)}
    return Font(
        file,
        codepoints,
        shapes,
        units / em,
        np.array([pdf_width[unit] for unit in every]),
        extent,
        content,
    )


def _char_map(tables: TTFont) -> tuple[Int32s, Int32s]:
    """Reads the chars a font has, ascending, and the shape of each."""
    groups = _char_groups(tables.reader["cmap"], tables["maxp"].numGlyphs)
    if groups is None:
        char_map = tables.getBestCmap() or {}
        codes = sorted(char_map)
        named = [int(char_map[code]) for code in codes]
        return np.array(codes, np.int32), np.array(named, np.int32)
    start, end, shape = groups.T
    count = end - start + 1
    before = np.cumsum(count) - count
    place = np.arange(int(count.sum()))
    codepoints = place + np.repeat(start - before, count)
    shapes = place + np.repeat(shape - before, count)
    return codepoints.astype(np.int32), shapes.astype(np.int32)


def _char_groups(table: bytes, glyphs: int) -> Int64s | None:
    """Reads the groups (first char, last char, first shape) of a full Unicode map of format 12.

    fontTools unpacks such a map char by char, which for a Chinese font takes longer than all else.
    None where the best map has another format, or groups that are out of order or out of range.
    """
    (count,) = struct.unpack_from(">H", table, 2)
    records = [struct.unpack_from(">HHI", table, 4 + 8 * number) for number in range(count)]
    offsets = {(platform, encoding): offset for platform, encoding, offset in records}
    best = next((offsets[kind] for kind in _FULL_UNICODE if kind in offsets), None)
    if best is None or struct.unpack_from(">H", table, best) != (12,):
        return None
    (size,) = struct.unpack_from(">I", table, best + 12)
    packed = np.frombuffer(table, ">u4", 3 * size, best + 16)
    groups: Int64s = packed.reshape(-1, 3).astype(np.int64)
    start, end, shape = groups.T
    in_order = (start <= end).all() and (start[1:] > end[:-1]).all()
    in_range = (end <= sys.maxunicode).all() and (shape + end - start < glyphs).all()
    return groups if in_order and in_range else None


def _advances(tables: TTFont) -> Int32s:
    """Reads every shape's advance; those past the table's pairs have the last pair's."""
    count, pairs = tables["maxp"].numGlyphs, tables["hhea"].numberOfHMetrics
    metrics = np.frombuffer(tables.reader["hmtx"], ">u2", 2 * pairs)[::2].astype(np.int32)
    return np.concatenate((metrics, np.full(count - pairs, metrics[-1], np.int32)))


def _unreadable(file: FontFile, reason: str) -> FontError:
    return FontError(
        f"cannot read font {str(file.path)!r}, face {file.face}: {reason}; give another font_path"
    )


def pdf_number(value: float) -> float:
    """Rounds as reportlab writes numbers into a PDF: 7 significant digits, at most 6 decimals."""
    size = abs(value)
    if size <= 1e-7:
        return 0.0
    decimals = 6 - int(math.log10(size)) if size > 1 else 6
    return _read_digits(f"{value:.{min(max(decimals, 0), 6)}f}")


def _read_digits(number: str) -> float:
    """Reads a decimal number as poppler's lexer does, digit by digit, last bits included."""
    sign = -1.0 if number.startswith("-") else 1.0
    whole, _, fraction = number.lstrip("-").partition(".")
    value, place = float(whole), 0.1
    for digit in fraction.rstrip("0"):
        value += place * int(digit)
        place *= 0.1
    return sign * value
