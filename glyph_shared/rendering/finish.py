"""From black-on-white rows to the finished page: crops and colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bytes
from glyph_shared.rendering.compose import PageLayout
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.geometry import Geometry

_INK_TOLERANCE = 5
"""Grey levels by which a pixel may differ from the paper and still count as paper."""


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

    def finish(self, rows: Bytes, marks: Bytes | None, layout: PageLayout) -> Finished:
        """Finishes a page."""
        width, height = self._geometry.page_px
        if self._config.auto_crop_width:
            width = self._cropped(rows[:, 1:].T, self._config.margin_x, width)
        if self._config.auto_crop_last_page and layout.last:
            height = self._cropped(rows[:, 1:], self._config.margin_y, height)
        return Finished(rows[:height, : width + 1], 1, (width, height))

    def _cropped(self, strips: Bytes, margin: float, full: int) -> int:
        """Finds the side that keeps the last strip with ink and a margin behind it."""
        kept = _last_ink(strips) + int(margin)
        multiple = self._config.crop_multiple
        return min(-(-max(kept, 1) // multiple) * multiple, full)


def _last_ink(strips: Bytes) -> int:
    """Counts the strips (rows, or columns of a transposed page) up to the last with ink."""
    for place in range(len(strips) - 1, -1, -1):
        if strips[place].min() < 255 - _INK_TOLERANCE:
            return place + 1
    return 0
