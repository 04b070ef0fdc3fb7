"""A rendered page: pixels, the part of the text it shows, and what it costs the model."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from glyph_shared.rendering.arrays import Bytes, Codes, Int64s
from glyph_shared.rendering.normalise import NEWLINE, codes_text, without_markers
from glyph_shared.rendering.png import decode_png, encode_png, png_shape, png_theta_hash
from glyph_shared.rendering.sharing import cached_property
from glyph_shared.rendering.visual_tokens import count_visual_tokens

Span = tuple[int, int]

PICTURE_MARK = "picture-"
"""Begins ``Page.theta_hash`` where the page shows a source page as it is, and no θ drew it."""


@dataclass(frozen=True, eq=False)
class DrawnText:
    """The chars on a page, and where its lines start among them and in the text.

    Attributes:
        codes: Chars of the page.
        starts: Offset of each line among them.
        source: Offset of each line in the text.
        marker: Spelling of the newline marker, if line breaks are drawn.
    """

    codes: Codes
    starts: Int64s
    source: Int64s
    marker: str | None

    @classmethod
    def nothing(cls, source: int) -> DrawnText:
        """Returns what is on a page without drawn text, which stands at a place of the text."""
        return cls(np.zeros(0, np.uint32), np.zeros(1, np.int64), np.array([source]), None)


def pixel_digest(pixels: Bytes) -> str:
    """Returns the sha256 of size and pixels, in hex.

    Args:
        pixels: uint8, (height, width) if grey, else (height, width, 3).
    """
    height, width = pixels.shape[:2]
    hasher = hashlib.sha256(f"{width}x{height}:".encode("ascii"))
    hasher.update(pixels.tobytes())
    return hasher.hexdigest()


@dataclass(frozen=True, eq=False)
class Page:
    """One page of a rendered text.

    Attributes:
        index: Number of the page, from 0.
        size_px: Width and height.
        char_span: Part of the text (as it was given) on this page; the pages' spans tile it.
        replaced: How many chars are drawn as the replacement.
        theta_hash: Hash of the configuration that drew the page; see ``PICTURE_MARK`` for others.
    """

    index: int
    size_px: tuple[int, int]
    char_span: Span
    replaced: int
    theta_hash: str
    _rows: Bytes | None = field(repr=False)
    _channels: int = field(repr=False)
    _drawn: DrawnText = field(repr=False)

    @classmethod
    def from_png(
        cls,
        png: bytes,
        digest: str,
        *,
        index: int,
        size_px: tuple[int, int],
        char_span: Span,
        replaced: int,
        theta_hash: str,
        channels: int,
        drawn: DrawnText,
    ) -> Page:
        """Returns a page that was encoded before, as its PNG file alone."""
        page = cls(index, size_px, char_span, replaced, theta_hash, None, channels, drawn)
        page.__dict__.update(png=png, digest=digest)
        return page

    @classmethod
    def of_pixels(cls, pixels: Bytes, *, index: int, char_span: Span, theta_hash: str) -> Page:
        """Returns a page that shows a picture and no drawn text.

        Args:
            pixels: uint8, (height, width) if grey, else (height, width, 3).
            index: Number of the page, from 0.
            char_span: The part of the text that the picture stands for.
            theta_hash: ``PICTURE_MARK`` and a hash of what drew the picture.
        """
        height, width = pixels.shape[:2]
        channels = pixels.size // (width * height)
        rows = np.zeros((height, width * channels + 1), np.uint8)  # each begins with its filter, 0
        rows[:, 1:] = pixels.reshape(height, -1)
        nothing = DrawnText.nothing(char_span[0])
        return cls(index, (width, height), char_span, 0, theta_hash, rows, channels, nothing)

    @classmethod
    def read_png(cls, png: bytes) -> Page:
        """Returns the page of a PNG file that ``png`` gave, without what stood there as text.

        Raises:
            ValueError: It is no such file.
        """
        theta_hash = png_theta_hash(png)
        if theta_hash is None:
            raise ValueError("it is no PNG file of a page")
        size_px, channels = png_shape(png)
        try:
            rows = decode_png(png, channels, size_px)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        nothing = DrawnText.nothing(0)
        page = cls(0, size_px, (0, 0), 0, theta_hash, rows, channels, nothing)
        page.__dict__.update(png=png, digest=pixel_digest(page.pixels))
        object.__setattr__(page, "_rows", None)
        return page

    @property
    def is_picture(self) -> bool:
        """Whether the page shows a source page as it is, and not text that was drawn."""
        return self.theta_hash.startswith(PICTURE_MARK)

    def placed(self, index: int, char_span: Span) -> Page:
        """Returns the page as one of another place: its number, and its part of a longer text."""
        if (index, char_span) == (self.index, self.char_span):
            return self
        source = self._drawn.source + (char_span[0] - self.char_span[0])
        drawn = replace(self._drawn, source=source)
        made = replace(self, index=index, char_span=char_span, _drawn=drawn)
        # What was encoded stays so.
        kept = ("png", "digest")
        made.__dict__.update((name, self.__dict__[name]) for name in kept if name in self.__dict__)
        return made

    @property
    def pixels(self) -> Bytes:
        """Pixels, uint8: (height, width) if the page is grey, else (height, width, 3)."""
        width, height = self.size_px
        rows = self._rows
        if rows is None:
            rows = decode_png(self.png, self._channels, self.size_px)
        pixels = rows[:, 1:]
        return pixels if self._channels == 1 else pixels.reshape(height, width, self._channels)

    @cached_property
    def png(self) -> bytes:
        """The page as a PNG file, encoded when first asked for.

        From then on the page keeps only the file, a fifth of the pixels' size.
        """
        rows = self._rows
        if rows is None:
            return self.png
        encoded = encode_png(rows, self._channels, self.theta_hash)
        # In this order, so that another thread finds one of the two.
        self.__dict__["png"] = encoded
        object.__setattr__(self, "_rows", None)
        return encoded

    def compact(self) -> Page:
        """Keeps the page as its PNG file alone, for holding many; returns the page."""
        _ = self.png
        return self

    @cached_property
    def digest(self) -> str:
        """sha256 of size and pixels, in hex: equal pages have equal digests."""
        return pixel_digest(self.pixels)

    @cached_property
    def visual_tokens(self) -> int:
        """What the page costs the model, without the two marks around it."""
        return count_visual_tokens(self.size_px)

    @cached_property
    def line_texts(self) -> tuple[str, ...]:
        """What is drawn on each line, trailing spaces included, line breaks left out."""
        text, starts = self._drawn, self._drawn.starts
        lines = np.split(text.codes, starts[1:])
        return tuple(codes_text(line[line != NEWLINE], text.marker) for line in lines)

    @cached_property
    def unmarked_lines(self) -> tuple[str, ...]:
        """The text on each line, with line breaks instead of the markers that were drawn."""
        drawn = self._drawn
        codes, kept = without_markers(drawn.codes, drawn.marker)
        lines = zip(
            np.split(codes, drawn.starts[1:]), np.split(kept, drawn.starts[1:]), strict=True
        )
        return tuple(codes_text(line[stays], drawn.marker) for line, stays in lines)

    @cached_property
    def lines(self) -> tuple[Span, ...]:
        """Part of the text on each drawn line; the lines tile ``char_span``."""
        edges = self._drawn.source.tolist()
        return tuple(pairwise([self.char_span[0], *edges[1:], self.char_span[1]]))

    def data_url(self) -> str:
        """Returns the PNG as a ``data:`` URL."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")
