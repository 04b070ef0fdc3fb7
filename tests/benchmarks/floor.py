"""Compiles and clocks ``floor.c``: the least CPU time that a text's pages can cost."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import freetype
import numpy as np
from isal import isal_zlib

SOURCE = Path(__file__).with_name("floor.c")
ROW = 16
DEFLATE: dict[str, Callable[..., bytes]] = {"isal": isal_zlib.compress, "zlib": zlib.compress}
SHAPE = np.dtype([("offset", "i4"), ("left", "i2"), ("top", "i2"), ("rows", "i2"), ("_", "i2")])


@dataclass(frozen=True)
class Floor:
    """CPU milliseconds per page of each stage in C, and of a bare page fill and copy."""

    pages: int
    layout: float
    raster: float
    png: dict[str, float]
    copy: float

    def total(self, deflate: str) -> float:
        """All three stages, the PNG by `deflate` (``isal`` or ``zlib``)."""
        return self.layout + self.raster + self.png[deflate]


def compiler() -> str | None:
    """The C compiler on this machine, or None."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> ctypes.CDLL:
    """Compiles the floor into a library below `folder` and loads it."""
    library = folder / "floor.so"
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run([str(compiler()), *flags, str(SOURCE), "-o", str(library), "-lm"], check=True)
    floor = ctypes.CDLL(str(library))
    floor.floor_layout.restype = ctypes.c_ssize_t
    return floor


def measure(floor: ctypes.CDLL, text: str, font: Path, *, page_px: tuple[int, int]) -> Floor:
    """Draws the text at 72 dpi, 9 pt on 10 pt lines, 16 px from the page's edges."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    advances, shapes, atlas = _atlas(font, np.unique(codes), size=9)
    width, height = page_px
    starts, ends = np.empty(len(codes) + 1, np.int32), np.empty(len(codes) + 1, np.int32)
    lines, layout = _clocked(
        floor.floor_layout,
        _at(codes),
        ctypes.c_ssize_t(len(codes)),
        _at(advances),
        ctypes.c_double(width - 32),
        _at(starts),
        _at(ends),
    )
    page = np.empty((height, width + 1 + ROW), np.uint8)
    measures = (ctypes.c_double(value) for value in (17, 25, 10, 1))
    fixed: list[Any] = [_at(advances), _at(shapes), _at(atlas), _at(page)]
    fixed += [ctypes.c_ssize_t(page.shape[1]), ctypes.c_ssize_t(height), *measures]
    per_page = (height - 32) // 10
    firsts = range(0, lines, per_page)
    raster, png = 0.0, dict.fromkeys(DEFLATE, 0.0)
    for first in firsts:
        count = ctypes.c_ssize_t(min(per_page, lines - first))
        here = [_at(codes), _at(starts[first:]), _at(ends[first:]), count]
        raster += _clocked(floor.floor_draw, *here, *fixed)[1]
        page[:, 0] = 0  # PNG's filter byte
        scanlines = np.ascontiguousarray(page[:, : width + 1])
        for name in png:
            png[name] += _clocked(_deflated_checksum, name, scanlines)[1]
    share = 1e3 / len(firsts)
    return Floor(
        pages=len(firsts),
        layout=layout * share,
        raster=raster * share,
        png={name: seconds * share for name, seconds in png.items()},
        copy=_fill_and_copy(page) * 1e3,
    )


def _atlas(font: Path, codes: np.ndarray, *, size: int) -> list[np.ndarray]:
    """Advances by char, four shapes by char, and the shapes' rows as inverted ink."""
    face = freetype.Face(str(font))
    face.set_pixel_sizes(0, size)
    upright = freetype.Matrix(0x10000, 0, 0, 0x10000)
    advances = np.zeros(int(codes[-1]) + 1)
    shapes = np.zeros((len(advances), 4), SHAPE)
    rows: list[np.ndarray] = []
    for code in codes.tolist():
        for fraction in range(4):
            face.set_transform(upright, freetype.Vector(fraction * 16, 0))
            face.load_char(code, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_RENDER)
            bitmap = face.glyph.bitmap
            ink = 255 - np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
            place = (len(rows), face.glyph.bitmap_left, face.glyph.bitmap_top, len(ink), 0)
            shapes[code, fraction] = place
            rows += [
                np.pad(row[:ROW], (0, ROW - len(row[:ROW])), constant_values=255) for row in ink
            ]
        advances[code] = face.glyph.linearHoriAdvance / 65536
    return [advances, shapes, np.stack(rows)]


def _fill_and_copy(page: np.ndarray, rounds: int = 200) -> float:
    target = np.empty_like(page)

    def once() -> None:
        for _ in range(rounds):
            page.fill(255)
            np.copyto(target, page)

    return _clocked(once)[1] / rounds


def _at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _deflated_checksum(name: str, scanlines: np.ndarray) -> int:
    return zlib.crc32(DEFLATE[name](scanlines, 1))


def _clocked(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    start = time.process_time()
    result = work(*arguments)
    return result, time.process_time() - start
