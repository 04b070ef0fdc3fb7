"""PNG files assembled by hand around one deflate stream."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from glyph_shared.rendering.arrays import Bytes

try:
    from isal.isal_zlib import compress
except ImportError:  # no wheel for this machine: zlib is slower and as right
    from zlib import compress

THETA_KEYWORD = b"glyph-theta"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_CHANNELS = {0: 1, 2: 3}  # by PNG's number of a colour type
_LEVEL = 2  # isal's 1 to 2 cost the same


def encode_png(rows: Bytes, channels: int, theta_hash: str) -> bytes:
    """Encodes rows that already carry their filter byte (0), with θ's hash as a text chunk."""
    height, stride = rows.shape
    color_type = next(number for number, count in _CHANNELS.items() if count == channels)
    header = _HEADER.pack((stride - 1) // channels, height, 8, color_type, 0, 0, 0)
    pixels = compress(np.ascontiguousarray(rows).data, _LEVEL)
    text = THETA_KEYWORD + b"\0" + theta_hash.encode("latin-1")
    chunks = ((b"IHDR", header), (b"tEXt", text), (b"IDAT", pixels), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def decode_png(png: bytes, channels: int, size_px: tuple[int, int]) -> Bytes:
    """Returns the rows, filter bytes included, that ``encode_png`` was given."""
    content = next((content for name, content in _chunks(png) if name == b"IDAT"), b"")
    width, height = size_px
    size = height * (width * channels + 1)
    # A damaged file must not become a demand for gigabytes.
    rows = np.frombuffer(zlib.decompressobj().decompress(content, size), np.uint8)
    return rows.reshape(height, width * channels + 1)


def png_shape(png: bytes) -> tuple[tuple[int, int], int]:
    """Reads width and height, and the channels, of a PNG that ``encode_png`` made.

    Raises:
        ValueError: It is none.
    """
    for name, content in _chunks(png):
        if name == b"IHDR" and len(content) == _HEADER.size:
            width, height, depth, color_type, *_ = _HEADER.unpack(content)
            if depth == 8 and color_type in _CHANNELS and width and height:
                return (width, height), _CHANNELS[color_type]
    raise ValueError("it is no PNG file with 8 bits of grey or of each colour")


def png_theta_hash(png: bytes) -> str | None:
    """Reads θ's hash from a PNG; None if it carries none or is no PNG."""
    for name, content in _chunks(png):
        if name == b"tEXt" and content.startswith(THETA_KEYWORD + b"\0"):
            return content[len(THETA_KEYWORD) + 1 :].decode("latin-1")
        if name == b"IDAT":
            break
    return None


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields the names and contents of a PNG's chunks; none of anything else."""
    place = len(_SIGNATURE)
    while png.startswith(_SIGNATURE) and place + 8 <= len(png):
        size, name = struct.unpack_from(">I4s", png, place)
        yield name, png[place + 8 : place + 8 + size]
        place += size + 12


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(name))
    return b"".join((struct.pack(">I", len(content)), name, content, struct.pack(">I", check)))
