"""The column gather draws what a plain loop over shapes draws, byte for byte."""

import numpy as np
import pytest

from glyph_shared.rendering.atlas import VARIANTS, Atlas
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.font_files import find_font
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.normalise import text_codes
from glyph_shared.rendering.raster import Painter, PlacedLines
from glyph_shared.rendering.shapes import shape_table


class Stage:
    """A painter, and a loop that draws the same lines shape by shape."""

    def __init__(self, **changes):
        self.config = RenderConfig.preset("reference").model_copy(update=changes)
        self.geometry = Geometry.of(self.config)
        self.table = shape_table(find_font(self.config.font_path), None)
        size_px = self.config.font_size * self.geometry.scale
        self.atlas = Atlas(self.table, size_px, self.config.horizontal_scale)
        self.painter = Painter(self.atlas, self.table, self.config.font_size, self.geometry)

    def lines(self, texts, baselines, *, x=0.0, spacing=0.0):
        codes = text_codes("".join(texts))
        stops = np.cumsum([len(text) for text in texts])
        count = len(texts)
        self.table.cover(codes.astype(np.int64))
        return PlacedLines(
            shapes=self.table.lookup[codes],
            start=np.append(0, stops[:-1]),
            stop=stops,
            x=np.full(count, x),
            spacing=np.full(count, spacing),
            elastic=codes == 0x20,
            baseline_px=np.array(baselines),
        )

    def looped(self, lines):
        width, height = self.geometry.page_px
        page = np.full((height, width), 255, np.int64)
        scale = self.geometry.x_scale
        for start, stop, x, spacing, row in zip(
            lines.start, lines.stop, lines.x, lines.spacing, lines.baseline_px, strict=True
        ):
            pen = x
            for place in range(start, stop):
                shape = int(lines.shapes[place])
                at = pen * scale + self.geometry.origin_x * scale
                variant = int((at - np.floor(at)) * 4) if self.atlas.has_variants else 0
                self._stamp(page, shape * VARIANTS + variant, int(np.floor(at)), int(row))
                step = self.table.pdf_advances[shape] * self.config.font_size
                pen += step + spacing * bool(lines.elastic[place])
        return page

    def _stamp(self, page, key, column, row):
        ink, left, top = self.atlas._draw(key)
        for y, x in np.ndindex(*ink.shape):
            place = row - top + y, column + left + x
            if 0 <= place[0] < page.shape[0] and 0 <= place[1] < page.shape[1]:
                page[place] = (255 - int(ink[y, x])) * page[place] // 255


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dpi": 96},
        {"dpi": 110, "font_path": "DejaVuSansMono.ttf"},
        {"dpi": 72, "font_size": 30, "line_height": 30},
        {"horizontal_scale": 0.8},
        {"font_path": "DejaVuSerif-Italic.ttf", "font_size": 11, "line_height": 11},
    ],
    ids=str,
)
def test_pages_equal_a_loop_over_shapes(changes):
    stage = Stage(page_size=(200, 120), margin_x=3, margin_y=3, **changes)
    texts = ["fjord; quickly, AVA", "", "jump_over §ÅÇ", "y" * 40]
    lines = stage.lines(texts, [20, 33, 47, 60], x=0.3, spacing=0.37)
    drawn = stage.painter.paint(lines)
    assert (drawn.rows[:, 0] == 0).all()
    assert drawn.rows[:, 1:].tolist() == stage.looped(lines).tolist()


@pytest.mark.fault(8)
def test_marks_stacked_on_one_letter_all_blend():
    stage = Stage(page_size=(100, 60))
    lines = stage.lines(["e\u0301\u0308\u0327\u0331x"], [30])
    assert np.abs(stage.painter.paint(lines).rows[:, 1:] - stage.looped(lines)).max() <= 1


@pytest.mark.parametrize("rows", [[2, 15], [58, 70], [30]])
def test_ink_beyond_the_page_is_cut_off(rows):
    stage = Stage(page_size=(100, 60))
    lines = stage.lines(["Åg" * 30] * len(rows), rows)
    assert stage.painter.paint(lines).rows[:, 1:].tolist() == stage.looped(lines).tolist()


def test_a_taller_shape_later_does_not_move_earlier_ones():
    stage = Stage(page_size=(100, 60))
    before = stage.painter.paint(stage.lines(["abc"], [30])).rows
    stage.painter.paint(stage.lines(["\u0489Ǻ∰"], [30]))
    assert (stage.painter.paint(stage.lines(["abc"], [30])).rows == before).all()


def test_nothing_inked_is_a_white_page():
    stage = Stage(page_size=(100, 60))
    drawn = stage.painter.paint(stage.lines(["   "], [30]))
    assert drawn.right == 0
    assert (drawn.rows[:, 1:] == 255).all()
