"""Text to pages: checks the text, lays it out, draws its pages one by one."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal, get_args

import numpy as np

from glyph_shared.errors import ConfigError, FontError, InputError
from glyph_shared.rendering.ahead import in_order
from glyph_shared.rendering.arrays import Codes, Int32s, Int64s
from glyph_shared.rendering.atlas import shared_atlas
from glyph_shared.rendering.compat import CompatComposer
from glyph_shared.rendering.compose import Composer, PageLayout, slices
from glyph_shared.rendering.config import RenderConfig, theta_hash
from glyph_shared.rendering.config_values import excerpt, parse_newline_markup
from glyph_shared.rendering.finish import Finisher
from glyph_shared.rendering.font_files import find_font
from glyph_shared.rendering.fonts import load_font
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.missing import missing_message
from glyph_shared.rendering.normalise import (
    MARKER,
    REPLACED,
    is_blank,
    normalise,
    text_codes,
)
from glyph_shared.rendering.page import DrawnText, Page
from glyph_shared.rendering.raster import Painter
from glyph_shared.rendering.scripts import INVISIBLE, TRAITS
from glyph_shared.rendering.shapes import MISSING, shape_table

Missing = Literal["error", "replace"]

MAX_WORKERS = 64


class Renderer:
    """Draws texts under one configuration; may be shared by threads.

    Example:
        >>> renderer = Renderer(RenderConfig.preset("en"))
        >>> [page.size_px for page in renderer.render("Call me Ishmael.")]
        [(112, 56)]
    """

    def __init__(
        self,
        config: RenderConfig | None = None,
        *,
        compat: bool = False,
        missing: Missing = "error",
        workers: int = 1,
    ) -> None:
        """Prepares fonts and measures.

        Args:
            config: θ; preset ``en`` by default.
            missing: What to do with a char that no font has: ``error`` raises FontError,
                ``replace`` draws U+FFFD and counts it in ``Page.replaced``.
            compat: Copies the reference's text rules and layout defects, for comparison with it.
            workers: With more than 1, threads encode pages while the next ones are drawn; with 1,
                pages are drawn when asked for, and encoded when their file is. Same bytes.

        Raises:
            ConfigError: ``config`` is no RenderConfig, ``missing`` has another value, or
                ``workers`` is no number from 1 to 64.
            FontError: The font cannot be read, or no font has the newline marker's chars.
        """
        if missing not in get_args(Missing):
            raise ConfigError(f"missing must be 'error' or 'replace'; got {excerpt(missing)}")
        if workers not in range(1, MAX_WORKERS + 1):
            raise ConfigError(
                f"workers must be a number from 1 to {MAX_WORKERS}; got {excerpt(workers)}"
            )
        self.config = _checked_config(config)
        self.compat = compat
        self.workers = int(workers)
        self.missing = missing
        self._replaces_missing = missing == "replace"
        drawn = self.config
        if compat:
            # The reference draws at full width and resizes what it drew.
            drawn = drawn.model_copy(update={"horizontal_scale": 1.0})
        geometry = Geometry.of(drawn)
        marker = parse_newline_markup(self.config.newline_markup)
        self._marker = marker and marker.text
        font = find_font(self.config.font_path)
        self._table = shape_table(font, self._marker)
        self.theta_hash = theta_hash(self.config, font)
        atlas = shared_atlas(self._table, drawn.font_size * geometry.scale, drawn.horizontal_scale)
        self._cover(text_codes(self._marker or "").astype(np.int64))
        composer = CompatComposer if compat else Composer
        self._composer = composer(drawn, geometry, self._table, self._look_up)
        self._painter = Painter(atlas, self._table, drawn.font_size, geometry)
        width_factor = self.config.horizontal_scale / drawn.horizontal_scale
        self._finisher = Finisher(drawn, geometry, width_factor=width_factor)

    def render(self, text: str | Iterable[str]) -> Iterator[Page]:
        """Checks a text and returns an iterator that draws its pages one by one.

        Args:
            text: A text, or its pieces in order. A str is checked as a whole; of pieces only as
                many as it takes to find the first ink, the rest when they are reached.

        Raises:
            InputError: There is nothing to draw: the text is empty or all whitespace; or it is
                neither a str nor pieces of str.
            FontError: No installed font has some of the chars, and ``missing`` is ``error``.
        """
        if isinstance(text, str):
            self._check(text)
            return self._pages(slices(text))
        return self._pages(self._checked_pieces(_strings(text)))

    def font_digest(self, text: str) -> str:
        """Checks a text as ``render`` does; hashes which font draws each char."""
        marker = text_codes(self._marker or "")
        # Not by numpy's set functions: they would import its masked arrays for this alone.
        codes = sorted({*self._check(text).tolist(), *marker.tolist(), REPLACED})
        fonts = self._table.fonts
        drawn = []
        for code, shape in zip(codes, self._table.lookup[codes].tolist(), strict=True):
            number, index = self._table.font_of(shape)
            font = load_font(fonts[number]).name if number >= 0 else "none"
            drawn.append((code, font, index if number >= 0 else shape))
        return hashlib.sha256(repr(drawn).encode("ascii")).hexdigest()

    def _check(self, text: str) -> Int64s:
        """Checks a text; returns its distinct chars, none if they are ASCII and in the font."""
        if is_blank(text):
            raise InputError(
                f"the text is empty or whitespace ({len(text)} chars): there is nothing to draw"
            )
        if text.isascii() and self._table.primary_covers_ascii:
            return np.empty(0, np.int64)
        seen = np.zeros(sys.maxunicode + 1, np.bool_)
        for piece in slices(text):
            seen[text_codes(piece)] = True
        # Apart from each other, so that the rule for runs of marks drops none of them.
        distinct = " ".join(map(chr, np.flatnonzero(seen).tolist()))
        codes: Int64s = np.flatnonzero(np.bincount(normalise(distinct).codes))
        codes = codes[TRAITS[codes] & INVISIBLE == 0]
        self._cover(codes)
        return codes

    def _checked_pieces(self, pieces: Iterator[str]) -> Iterator[str]:
        """Reads pieces up to the first ink, checks them, and returns all pieces again."""
        read: list[str] = []
        for piece in pieces:
            read.append(piece)
            if not is_blank(piece):
                self._check("".join(read))
                return chain(read, pieces)
        raise InputError("the pieces are empty or whitespace: there is nothing to draw")

    def _cover(self, codes: Int64s) -> None:
        lacking = self._table.cover(codes).tolist()
        if lacking and not self._replaces_missing:
            raise FontError(missing_message(lacking), codepoints=lacking)

    def _look_up(self, codes: Codes) -> Int32s:
        """Finds the shape of each char; one that no font has becomes the replacement's."""
        shapes = self._table.lookup[codes]
        missing = shapes == MISSING
        if missing.any():
            self._cover(np.flatnonzero(np.bincount(codes[missing])))
            shapes = self._table.lookup[codes]
            shapes[shapes == MISSING] = self._table.lookup[REPLACED]
        return shapes

    def _pages(self, pieces: Iterator[str]) -> Iterator[Page]:
        layouts = enumerate(self._composer.pages(pieces, self._marker))
        if self.workers > 1:
            drawn = (self._draw(*layout) for layout in layouts)
            yield from in_order(Page.compact, drawn, self.workers)
            return
        for index, layout in layouts:
            yield self._draw(index, layout)

    def _draw(self, index: int, layout: PageLayout) -> Page:
        marks = layout.codes >= MARKER
        if marks.any():
            if layout.order is not None:
                marks = marks[layout.order]
            text = self._painter.paint(layout.lines, ~marks)
            drawn_marks = self._painter.paint(layout.lines, marks)
        else:
            text, drawn_marks = self._painter.paint(layout.lines), None
        finished = self._finisher.finish(text, drawn_marks, layout)
        return Page(
            index=index,
            size_px=finished.size_px,
            char_span=layout.span,
            replaced=self._count_replaced(layout.codes),
            theta_hash=self.theta_hash,
            _rows=finished.rows,
            _channels=finished.channels,
            _drawn=DrawnText(layout.codes, layout.line_starts, layout.line_source, self._marker),
        )

    def _count_replaced(self, codes: Codes) -> int:
        count = int(np.count_nonzero(codes == REPLACED))
        if self._replaces_missing:
            missing = self._table.lookup[codes] == MISSING
            count += int(np.count_nonzero(missing & (TRAITS[codes] & INVISIBLE == 0)))
        return count


def _checked_config(config: RenderConfig | None) -> RenderConfig:
    if config is None:
        return RenderConfig()
    if not isinstance(config, RenderConfig):
        raise ConfigError(
            f"config must be a RenderConfig or None; got {excerpt(config)}: make one with "
            "RenderConfig(dpi=72) or RenderConfig.preset('en')"
        )
    return config


def _strings(pieces: Iterable[str]) -> Iterator[str]:
    """Passes a text's pieces on; bytes, whose pieces are numbers, are refused as a whole."""
    if isinstance(pieces, (bytes, bytearray)) or not isinstance(pieces, Iterable):
        raise InputError(
            f"a text is a str or pieces of str; got {type(pieces).__name__}: decode or join it"
        )
    return map(_checked_piece, pieces)


def _checked_piece(piece: str) -> str:
    if not isinstance(piece, str):
        raise InputError(f"a text's pieces must be str; got {excerpt(piece)}")
    return piece


def render(
    text: str | Iterable[str], config: RenderConfig | None = None, *, workers: int = 1
) -> list[Page]:
    """Draws a text's pages; see ``Renderer`` and ``Renderer.render`` for what they raise."""
    return list(Renderer(config, workers=workers).render(text))
