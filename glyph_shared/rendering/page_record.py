"""Pages as bytes: the format of the page store's files.

An entry is a mark, one record per page, and a closing record that counts them. A record is::

    16 bytes   BLAKE2b of all that follows
    3 x 4      lengths of what follows, big-endian
    header     JSON: what a page knows besides its pixels
    png        the page's PNG file
    drawn      the chars and line starts on the page, deflated

Each record carries its own checksum, so that pages are read one by one, and none that was damaged
is handed on.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from glyph_shared.rendering.page import DrawnText, Page

MARK = b"glyph pages 1\n"

_SUM_BYTES = 16
_LENGTHS = struct.Struct(">III")
_PREFIX = _SUM_BYTES + _LENGTHS.size


class DamagedEntry(Exception):
    """An entry is cut off, or its bytes are not those that were written."""


def page_record(page: Page) -> bytes:
    """Returns a page's record; encodes the page."""
    drawn = page._drawn
    header = {
        "index": page.index,
        "size_px": page.size_px,
        "char_span": page.char_span,
        "replaced": page.replaced,
        "theta": page.theta_hash,
        # Before the PNG: the digest is of the pixels, which the page then no longer keeps.
        "digest": page.digest,
        "channels": page._channels,
        "marker": drawn.marker,
        "counts": (len(drawn.codes), len(drawn.starts)),
    }
    arrays = (drawn.codes.astype("<u4"), drawn.starts.astype("<i8"), drawn.source.astype("<i8"))
    return _record(header, page.png, zlib.compress(b"".join(map(bytes, arrays)), 1))


def closing_record(pages: int) -> bytes:
    """Returns the record without which an entry counts as cut off."""
    return _record({"pages": pages}, b"", b"")


def read_entry(file: BinaryIO) -> Iterator[Page]:
    """Reads an entry's pages one by one, each checked before it is handed on.

    Raises:
        DamagedEntry: What comes next is not what was written.
    """
    if file.read(len(MARK)) != MARK:
        raise DamagedEntry
    count = 0
    while isinstance(read := read_record(file), Page):
        if read.index != count:
            raise DamagedEntry
        count += 1
        yield read
    if read != count:
        raise DamagedEntry


def read_record(file: BinaryIO) -> Page | int:
    """Reads a page, or the number of pages from the closing record.

    Raises:
        DamagedEntry: The record is cut off, or not what was written.
    """
    prefix = file.read(_PREFIX)
    if len(prefix) < _PREFIX:
        raise DamagedEntry
    lengths = _LENGTHS.unpack_from(prefix, _SUM_BYTES)
    # A damaged length must not become a demand for gigabytes.
    if sum(lengths) > os.fstat(file.fileno()).st_size:
        raise DamagedEntry
    body = file.read(sum(lengths))
    if _checksum(prefix[_SUM_BYTES:], body) != prefix[:_SUM_BYTES]:
        raise DamagedEntry
    header: dict[str, Any] = json.loads(body[: lengths[0]])
    if "pages" in header:
        return int(header["pages"])
    drawn = lengths[0] + lengths[1]
    return _page(header, body[lengths[0] : drawn], body[drawn:])


def _record(header: dict[str, Any], *parts: bytes) -> bytes:
    pieces = (json.dumps(header).encode("ascii"), *parts)
    lengths = _LENGTHS.pack(*map(len, pieces))
    return b"".join((_checksum(lengths, *pieces), lengths, *pieces))


def _checksum(*pieces: bytes) -> bytes:
    hasher = hashlib.blake2b(digest_size=_SUM_BYTES)
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def _page(header: dict[str, Any], png: bytes, deflated: bytes) -> Page:
    chars, lines = header["counts"]
    packed = zlib.decompress(deflated)
    codes = np.frombuffer(packed, "<u4", chars)
    starts, source = np.frombuffer(packed, "<i8", 2 * lines, 4 * chars).reshape(2, lines)
    width, height = header["size_px"]
    start, stop = header["char_span"]
    return Page.from_png(
        png,
        header["digest"],
        index=header["index"],
        size_px=(width, height),
        char_span=(start, stop),
        replaced=header["replaced"],
        theta_hash=header["theta"],
        channels=header["channels"],
        drawn=DrawnText(codes, starts, source, header["marker"]),
    )
