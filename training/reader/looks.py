"""How the reader's pages look: its own θ, and variations of it that make reading robust.

A page is lines of monospaced chars, so where a char stands follows from its row and column.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import freetype
import numpy as np

from glyph_shared.reader.prompt import VISUAL_TOKEN_PX
from glyph_shared.rendering import RenderConfig, Renderer
from glyph_shared.rendering.font_files import find_font

FONTS = (
    "DejaVuSansMono.ttf",
    "DejaVuSansMono-Bold.ttf",
    "DejaVuSansMono-Oblique.ttf",
    "NotoMono-Regular.ttf",
    "FreeMonoBold.ttf",
)
"""Monospaced fonts of training; Liberation Mono is kept for the evaluation."""

ADVANCE_PX = 7.0
"""Width of a char in the reader's own θ: four to a visual token."""

MOST_SHIFT_PX = 4
SIZES = (0.94, 1.12)
"""Sizes of chars, as parts of the own θ's."""

Cell = tuple[int, int]


@dataclass(frozen=True)
class Look:
    """A θ of monospaced pages.

    config: The θ.
    advance: Width of a char in px.
    """

    config: RenderConfig
    advance: float

    @cached_property
    def columns(self) -> int:
        """Chars of a line."""
        return int((self.config.page_size[0] - 2 * self.config.margin_x) / self.advance)

    @cached_property
    def rows(self) -> int:
        """Lines of a page."""
        height = self.config.page_size[1] - 2 * self.config.margin_y
        return int(height / self.config.line_height)

    @cached_property
    def tokens_per_row(self) -> int:
        """Visual tokens side by side."""
        return round(self.config.page_size[0]) // VISUAL_TOKEN_PX

    @cached_property
    def tokens(self) -> int:
        """Visual tokens of a page."""
        return self.tokens_per_row * (round(self.config.page_size[1]) // VISUAL_TOKEN_PX)

    def middle_px(self, row: int) -> float:
        """Returns how far down the middle of a row's chars is; below them a line may be empty."""
        height = min(2 * self.advance, self.config.line_height)
        return self.config.margin_y + row * self.config.line_height + height / 2

    def visual_token(self, cell: Cell) -> int:
        """Returns which visual token shows the middle of a row's and column's char."""
        row, column = cell
        x = self.config.margin_x + (column + 0.5) * self.advance
        across = min(int(x / VISUAL_TOKEN_PX), self.tokens_per_row - 1)
        return int(self.middle_px(row) / VISUAL_TOKEN_PX) * self.tokens_per_row + across

    def draw(self, lines: Sequence[str]) -> np.ndarray:
        """Draws a page's lines; returns it grey, uint8 (height, width)."""
        text = "\n".join(lines)
        if not text.strip():
            width, height = (round(side) for side in self.config.page_size)
            return np.full((height, width), int(self.config.page_bg_color[1:3], 16), np.uint8)
        return next(_renderer(self.config).render(text)).pixels


@cache
def _renderer(config: RenderConfig) -> Renderer:
    return Renderer(config)


OWN = Look(RenderConfig.preset("reader"), ADVANCE_PX)
"""The reader's own θ."""


def varied(rng: random.Random) -> Look:
    """Draws a look: another font, a shift, colours, or another size, often several of them."""
    font = rng.choice(FONTS) if rng.random() < 0.6 else FONTS[0]
    scale = rng.uniform(*SIZES) if rng.random() < 0.3 else 1.0
    shifted = rng.random() < 0.6
    right = rng.randint(0, MOST_SHIFT_PX) if shifted else 0
    down = rng.randint(0, MOST_SHIFT_PX) if shifted else 0
    ink, paper = _colours(rng) if rng.random() < 0.4 else (0, 255)
    return look(font, scale=scale, shift_px=(right, down), ink=ink, paper=paper)


def look(
    font: str = FONTS[0],
    *,
    scale: float = 1.0,
    shift_px: tuple[int, int] = (0, 0),
    ink: int = 0,
    paper: int = 255,
    rows: int = OWN.rows,
) -> Look:
    """Returns the reader's θ with some of it changed.

    Args:
        font: A monospaced font's file name.
        scale: Size of the chars, as a part of the own θ's; lines grow along, and never shrink.
        shift_px: How far the text stands from the left and from the top.
        ink: Grey of the text, 0 to 255.
        paper: Grey behind it.
        rows: Lines of the own θ that a page has room for; an even number.
    """
    advance = ADVANCE_PX * scale
    own = OWN.config
    changed = {
        "page_size": (own.page_size[0], own.line_height * rows),
        "font_path": font,
        "font_size": advance / _advance_of(font),
        "line_height": own.line_height * max(1.0, scale),
        "margin_x": own.margin_x + shift_px[0],
        "margin_y": own.margin_y + shift_px[1],
        "font_color": _grey(ink),
        "page_bg_color": _grey(paper),
        "para_bg_color": _grey(paper),
        "para_border_color": _grey(paper),
    }
    return Look(own.model_copy(update=changed), advance)


def look_of(config: RenderConfig) -> Look:
    """Returns the look of a θ that names a monospaced font."""
    return Look(config, config.font_size * _advance_of(config.font_path or FONTS[0]))


def _colours(rng: random.Random) -> tuple[int, int]:
    dark, light = rng.randint(0, 90), rng.randint(190, 255)
    return (dark, light) if rng.random() < 0.7 else (light, dark)


def _grey(level: int) -> str:
    return f"#{level:02X}{level:02X}{level:02X}"


@cache
def _advance_of(font: str) -> float:
    """Returns the width of a monospaced font's chars as a part of its size."""
    face = freetype.Face(str(find_font(font).path))
    face.load_char("a", freetype.FT_LOAD_NO_SCALE)
    return float(face.glyph.advance.x / face.units_per_EM)
