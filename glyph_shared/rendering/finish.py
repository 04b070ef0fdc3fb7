"""From black-on-white rows to the finished page: boxes, colours, crops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bytes
from glyph_shared.rendering.compose import PageLayout, has_boxes
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.config_values import Color, color_channels, parse_newline_markup
from glyph_shared.rendering.geometry import Geometry, round_px
from glyph_shared.rendering.raster import Drawing

_INK_TOLERANCE = 5
"""Grey levels by which a pixel may differ from the paper and still count as paper."""

_STRIPS = 8
"""Columns (or rows) looked at together when searching the last ink."""


@dataclass(frozen=True, eq=False)
class Finished:
    """Rows with their filter bytes, ready for a PNG."""

    rows: Bytes
    channels: int
    size_px: tuple[int, int]


class Finisher:
    """Crops and colours the pages of one configuration."""

    def __init__(self, config: RenderConfig, geometry: Geometry) -> None:
        self._config = config
        self._geometry = geometry
        self._ink = color_channels(config.font_color)
        self._paper = color_channels(config.page_bg_color)
        self._box = color_channels(config.para_bg_color)
        self._border = color_channels(config.para_border_color)
        marker = parse_newline_markup(config.newline_markup)
        self._mark = marker.color if marker else self._ink
        self._has_boxes = has_boxes(config)
        colors = (self._ink, self._paper, self._box, self._border)
        self._is_grey = all(len(set(color)) == 1 for color in colors)
        self._shades = _shades(self._ink, self._paper)

    def finish(self, text: Drawing, marks: Drawing | None, layout: PageLayout) -> Finished:
        """Finishes a page.

        Args:
            text: The text, black on white.
            marks: The newline markers, likewise; None if there are none.
            layout: Where the paragraphs' boxes are, and whether this is the last page.
        """
        rows = text.rows
        right = max(text.right, marks.right) if marks else text.right
        grey = self._is_grey and marks is None
        if grey and not self._has_boxes:
            # Black on white is what the rows are already.
            plain = self._ink == (0, 0, 0) and self._paper == (255, 255, 255)
            pixels = rows[:, 1:] if plain else self._shades[:, 0][rows[:, 1:]]
        else:
            pixels = self._colored(rows[:, 1:], marks and marks.rows, layout)
            pixels = pixels[:, :, 0] if grey else pixels
        width, height = self._cropped_size(pixels, right, layout.last)
        if pixels.base is rows:
            return Finished(rows[:height, : width + 1], 1, (width, height))
        return _with_filter_bytes(pixels[:height, :width])

    def _colored(self, text: Bytes, marks: Bytes | None, layout: PageLayout) -> Bytes:
        """Draws boxes, text and markers in their colours."""
        if self._has_boxes:
            pixels = np.empty((*text.shape, 3), np.uint8)
            pixels[:] = self._paper
            self._draw_boxes(pixels, layout)
            _lay_ink(pixels, text, self._ink)
        else:
            pixels = np.take(self._shades, text, axis=0)
        if marks is not None:
            _lay_ink(pixels, marks[:, 1:], self._mark)
        return pixels

    def _draw_boxes(self, pixels: Bytes, layout: PageLayout) -> None:
        config, geometry = self._config, self._geometry
        line = max(1, round_px(config.border_width * geometry.scale)) if config.border_width else 0
        for top, bottom in layout.boxes_px:
            box = pixels[max(top, 0) : max(bottom, 0), slice(*geometry.box_px)]
            box[:] = self._border if line else self._box
            if line:
                box[line:-line, line:-line] = self._box

    def _cropped_size(self, pixels: Bytes, right: int, last: bool) -> tuple[int, int]:
        config = self._config
        height, width = pixels.shape[:2]
        crops_height = config.auto_crop_last_page and last
        if config.auto_crop_width or crops_height:
            shown = pixels if pixels.ndim == 2 else _luminance(pixels)
            if config.auto_crop_width:
                right = width if self._has_boxes else right
                width = self._cropped(shown.T, config.margin_x, right)
            if crops_height:
                height = self._cropped(shown, config.margin_y, height)
        return width, height

    def _cropped(self, strips: Bytes, margin: float, end: int) -> int:
        """Finds the side that keeps the last strip with ink, before ``end``, and a margin."""
        ink = _last_ink(strips, end)
        if not ink:
            return len(strips)
        multiple = self._config.crop_multiple
        return min(-(-(ink + int(margin)) // multiple) * multiple, len(strips))


def _last_ink(strips: Bytes, end: int) -> int:
    """Counts the strips (rows, or columns of a transposed page) up to the last with ink."""
    corner = sorted(strips[:2, :2].ravel().tolist())
    paper = corner[len(corner) // 2]
    while end > 0:
        start = max(0, end - _STRIPS)
        block = strips[start:end]
        ink = (block.max(axis=1) > paper + _INK_TOLERANCE) | (
            block.min(axis=1) < paper - _INK_TOLERANCE
        )
        if ink.any():
            return start + int(np.flatnonzero(ink)[-1]) + 1
        end = start
    return 0


def _shades(ink: Color, paper: Color) -> Bytes:
    """Tabulates, for each grey of black on white, the color of ``ink`` on ``paper``."""
    light = np.arange(256, dtype=np.int32)[:, None]
    return ((light * np.array(paper) + (255 - light) * np.array(ink)) // 255).astype(np.uint8)


def _lay_ink(pixels: Bytes, drawn: Bytes, color: Color) -> None:
    """Blends what is drawn black on white over colored pixels, truncating as poppler does."""
    inked = drawn != 255
    light = drawn[inked].astype(np.int32)[:, None]
    mixed = (light * pixels[inked] + (255 - light) * np.array(color, np.int32)) // 255
    pixels[inked] = mixed.astype(np.uint8)


def _luminance(pixels: Bytes) -> Bytes:
    """Converts to grey with the weights of ITU-R 601, as Pillow's mode L does."""
    weights = np.array([19595, 38470, 7471], np.uint32)
    return ((pixels @ weights + 0x8000) >> 16).astype(np.uint8)


def _with_filter_bytes(pixels: Bytes) -> Finished:
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else 3
    rows = np.zeros((height, width * channels + 1), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    return Finished(rows, channels, (width, height))
