"""Lines to pages: where pages start, where each line's pen and baseline are. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glyph_shared.rendering.arrays import Bools, Codes, Float64s, Int64s
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.geometry import Geometry
from glyph_shared.rendering.line_breaks import Lines
from glyph_shared.rendering.normalise import SPACE

_TOLERANCE = 1e-6
"""Points by which a line may be too full, or a page too high, for a float's last digits."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where lines go.

    Attributes:
        pages: First line of each page, and the number of lines at the end.
        x: Start of each line's pen, from the frame's left edge.
        spacing: Added to each elastic space of a line.
        baseline: Baseline of each line, from its page's top.
    """

    pages: Int64s
    x: Float64s
    spacing: Float64s
    baseline: Float64s


def place_lines(
    lines: Lines, config: RenderConfig, geometry: Geometry, rightward: Bools | None = None
) -> Placement:
    """Places lines on pages; the first line is at the top of a page.

    Args:
        lines: The lines.
        config: θ.
        geometry: What follows from it.
        rightward: Which lines run from right to left; None if none does.
    """
    tops = line_tops(lines.opens, config)
    pages = page_starts(tops, geometry.height - config.line_height)
    page_of_line = np.repeat(np.arange(len(pages) - 1), np.diff(pages))
    baseline = tops - tops[pages[:-1]][page_of_line] + geometry.origin_y + config.font_size
    x, spacing = align(lines, config, geometry)
    if rightward is not None and rightward.any():
        x[rightward] = mirrored(x, lines, spacing, config, geometry)[rightward]
        if config.auto_crop_width:
            x -= _room_left(x, lines, pages, rightward)[page_of_line]
    return Placement(pages, x, spacing, baseline)


def line_tops(opens: Bools, config: RenderConfig) -> Float64s:
    """Sums up line heights and the spaces between paragraphs."""
    gap = max(config.space_before, config.space_after)
    tops: Float64s = np.arange(len(opens), dtype=np.float64) * config.line_height
    if gap:
        tops += gap * (np.cumsum(opens) - bool(opens[0]))
    return tops


def page_starts(tops: Float64s, reach: float) -> Int64s:
    """Fills pages with the lines whose tops are within reach of the first's.

    So a space between paragraphs never begins a page.
    """
    starts = [0]
    while starts[-1] < len(tops):
        limit = tops[starts[-1]] + reach + _TOLERANCE
        starts.append(int(np.searchsorted(tops, limit, side="right")))
    return np.array(starts, np.int64)


def align(lines: Lines, config: RenderConfig, geometry: Geometry) -> tuple[Float64s, Float64s]:
    """Finds the pen's start and the spacing of each line."""
    x = np.full(len(lines.start), config.left_indent)
    room = np.full(len(lines.start), geometry.width)
    x[lines.opens] += config.first_line_indent
    room[lines.opens] -= config.first_line_indent
    slack = room - lines.width
    adjusted = slack < -_TOLERANCE
    if config.alignment == "JUSTIFY":
        adjusted |= ~lines.closes & (slack > _TOLERANCE)
    adjusted &= lines.gaps > 0
    spacing = np.where(adjusted, slack / np.maximum(lines.gaps, 1), 0.0).round(6)
    if config.alignment in ("RIGHT", "CENTER"):
        share = 1.0 if config.alignment == "RIGHT" else 0.5
        x += np.where(adjusted, 0.0, slack * share)
    return x, spacing


def mirrored(
    x: Float64s, lines: Lines, spacing: Float64s, config: RenderConfig, geometry: Geometry
) -> Float64s:
    """Finds the pen's start of lines from right to left: they begin at the right.

    LEFT means the side where a line begins; RIGHT and CENTER mean what they say. A first line's
    indent is at its beginning, the paragraph's indents are where they are.
    """
    indent = np.where(lines.opens, config.first_line_indent, 0.0)
    if config.alignment in ("RIGHT", "CENTER"):
        start = x - indent
    else:
        room = geometry.width - indent
        start = config.left_indent + room - lines.width - spacing * lines.gaps
    # Widths are differences of sums over a block: their last digits depend on where it begins.
    rounded: Float64s = start.round(6)
    return rounded


def _room_left(x: Float64s, lines: Lines, pages: Int64s, rightward: Bools) -> Float64s:
    """Finds how far lines of pages from right to left may move, so that these can be cropped."""
    inked = np.where(lines.ink_stop > lines.start, x, np.inf)
    room = np.minimum.reduceat(inked, pages[:-1])
    movable = np.isfinite(room) & np.logical_or.reduceat(rightward, pages[:-1])
    return np.where(movable, np.maximum(room, 0.0), 0.0)


def elastic_spaces(codes: Codes, lines: Lines) -> Bools:
    """Tells which spaces take a line's spacing: those between its words, not its indentation."""
    elastic: Bools = codes == SPACE
    indented = lines.ink_start > lines.start
    if indented.any():
        edges = np.zeros(len(codes) + 1, np.int8)
        edges[lines.start[indented]] += 1
        edges[lines.ink_start[indented]] -= 1
        elastic &= np.cumsum(edges[:-1], dtype=np.int8) == 0
    return elastic
