"""From black-on-white rows to the finished page: boxes, colours, crops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bytes
from glyph_shared.rendering.compose import PageLayout, has_boxes
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.config_values import color_channels, parse_newline_markup
from glyph_shared.rendering.geometry import Geometry, round_px
from glyph_shared.rendering.raster import Drawing
from glyph_shared.rendering.visual_tokens import LEAST_PIXELS

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

    def __init__(
        self, config: RenderConfig, geometry: Geometry, *, width_factor: float = 1.0
    ) -> None:
        """Prepares colours and crops.

        Args:
            config: θ.
            geometry: Measures of the pages as they are drawn.
            width_factor: By how much drawn pages are resized in width, as the reference does.
        """
        self._width_factor = width_factor
        self._config = config
        self._geometry = geometry
        marker = parse_newline_markup(config.newline_markup)
        self._has_boxes = has_boxes(config)
        colors = {
            "ink": color_channels(config.font_color),
            "paper": color_channels(config.page_bg_color),
            "box": color_channels(config.para_bg_color),
            "border": color_channels(config.para_border_color),
            "mark": marker.color if marker else (0, 0, 0),
        }
        self._channels = 1 if all(len(set(color)) == 1 for color in colors.values()) else 3
        shown = {name: color[: self._channels] for name, color in colors.items()}
        self._ink, self._paper, self._mark = shown["ink"], shown["paper"], shown["mark"]
        self._box, self._border = shown["box"], shown["border"]
        self._shades = _shades(self._ink, self._paper)
        # Black on white is what the text's rows are already.
        plain_colors = (self._ink, self._paper) == ((0,), (255,)) and not self._has_boxes
        self._is_plain = plain_colors and width_factor == 1

    def finish(self, text: Drawing, marks: Drawing | None, layout: PageLayout) -> Finished:
        """Finishes a page.

        Args:
            text: The text, black on white; its rows may become the page's.
            marks: The newline markers, likewise; None if there are none.
            layout: Where the paragraphs' boxes are, and whether this is the last page.
        """
        right = max(text.right, marks.right) if marks else text.right
        pixels = self._colored(text.rows[:, 1:], layout)
        if marks is not None:
            _lay_ink(pixels, marks.rows[:, 1:], self._mark)
        if self._width_factor != 1:
            pixels = _resized(pixels, self._width_factor)
            right = pixels.shape[1]
        width, height = self._cropped_size(pixels, right, layout.last)
        if self._is_plain:
            return Finished(text.rows[:height, : width + 1], 1, (width, height))
        return _with_filter_bytes(pixels[:height, :width])

    def _colored(self, text: Bytes, layout: PageLayout) -> Bytes:
        """Draws boxes and text in their colors, as (row, column, channel)."""
        if self._is_plain:
            return text[:, :, None]
        if not self._has_boxes:
            return np.stack([shades.take(text) for shades in self._shades.T], axis=-1)
        pixels = np.empty((*text.shape, self._channels), np.uint8)
        pixels[:] = self._paper
        self._draw_boxes(pixels, layout)
        _lay_ink(pixels, text, self._ink)
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
            if config.auto_crop_width:
                right = width if self._has_boxes else right
                width = self._cropped(pixels.swapaxes(0, 1), config.margin_x, right)
            if crops_height:
                height = max(
                    self._cropped(pixels, config.margin_y, height), self._least_height(width)
                )
        return width, height

    def _least_height(self, width: int) -> int:
        """Finds the height below which the model would enlarge, and so blur, a page.

        The reference crops without regard to that; so does a config with its crop multiple, 1.
        """
        multiple = self._config.crop_multiple
        least = math.ceil(LEAST_PIXELS / width / multiple) * multiple if multiple > 1 else 1
        return min(least, self._geometry.page_px[1])

    def _cropped(self, strips: Bytes, margin: float, end: int) -> int:
        """Finds the side that keeps the last strip with ink, before ``end``, and a margin."""
        ink = _last_ink(strips, end)
        if not ink:
            return len(strips)
        multiple = self._config.crop_multiple
        return min(-(-(ink + int(margin)) // multiple) * multiple, len(strips))


def _resized(pixels: Bytes, width_factor: float) -> Bytes:
    """Resizes a drawn page in width alone, by Pillow's default filter."""
    from PIL import Image  # what no other look needs

    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    resized = np.asarray(image.resize((max(1, int(width * width_factor)), height)))
    return resized.reshape(height, -1, pixels.shape[2])


def _last_ink(strips: Bytes, end: int) -> int:
    """Counts the strips (rows, or columns of a transposed page) up to the last with ink."""
    corner = sorted(_luminance(strips[:2, :2]).ravel().tolist())
    paper = corner[len(corner) // 2]
    while end > 0:
        start = max(0, end - _STRIPS)
        block = _luminance(strips[start:end])
        ink = np.zeros(end - start, np.bool_)
        if paper >= _INK_TOLERANCE:
            ink |= block.min(axis=1) < paper - _INK_TOLERANCE
        if paper <= 255 - _INK_TOLERANCE:
            ink |= block.max(axis=1) > paper + _INK_TOLERANCE
        if ink.any():
            return start + int(np.flatnonzero(ink)[-1]) + 1
        end = start
    return 0


def _shades(ink: Sequence[int], paper: Sequence[int]) -> Bytes:
    """Tabulates, for each grey of black on white, the color of ``ink`` on ``paper``."""
    light = np.arange(256, dtype=np.int32)[:, None]
    shades: Bytes = (light * np.array(paper) + (255 - light) * np.array(ink)) // 255
    return shades.astype(np.uint8)


def _lay_ink(pixels: Bytes, drawn: Bytes, color: Sequence[int]) -> None:
    """Blends what is drawn black on white over colored pixels, truncating as poppler does."""
    row, column = np.divmod(np.flatnonzero(drawn != 255), drawn.shape[1])
    light = drawn[row, column].astype(np.int32)[:, None]
    mixed = (light * pixels[row, column] + (255 - light) * np.array(color, np.int32)) // 255
    pixels[row, column] = mixed


def _luminance(pixels: Bytes) -> Bytes:
    """Converts to grey with the weights of ITU-R 601, as Pillow's mode L does."""
    if pixels.shape[2] == 1:
        grey: Bytes = pixels[:, :, 0]
        return grey
    red, green, blue = np.moveaxis(pixels.astype(np.uint32), 2, 0)
    grey = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)
    return grey


def _with_filter_bytes(pixels: Bytes) -> Finished:
    height, width, channels = pixels.shape
    rows = np.zeros((height, width * channels + 1), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    return Finished(rows, channels, (width, height))
