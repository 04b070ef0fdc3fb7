"""Boxes stand around the chars that they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from glyph_shared.rendering import RenderConfig, render, span_boxes

TEXT = (
    "First line here.\n\n    An indented one with GOLD in it.\nA last line, and then some more.\n"
)


def inked(page, box):
    x, y, width, height = box
    part = page.pixels[y : y + height, x : x + width]
    return bool((part != part.max()).any())


@pytest.mark.parametrize("preset", ["en", "reader", "reference"])
def test_a_box_holds_the_chars_and_little_more(preset):
    config = RenderConfig.preset(preset)
    start = TEXT.index("GOLD")
    with_gold, without = (render(text, config)[0] for text in (TEXT, TEXT.replace("GOLD", "    ")))
    [(x, y, width, height)] = span_boxes(with_gold, (start, start + 4), config)
    # A page may be cropped to its longest line.
    least = min(with_gold.size_px[0], without.size_px[0])
    one, other = (page.pixels[:, :least] for page in (with_gold, without))
    changed = (one != other).reshape(*one.shape[:2], -1).any(axis=2)
    rows = np.flatnonzero(changed.any(axis=1))
    assert y - 1 <= rows[0] <= rows[-1] <= y + height
    assert abs(int(np.flatnonzero(changed.any(axis=0))[0]) - x) <= width


def test_a_part_over_several_lines_has_a_box_for_each_line_with_ink():
    config = RenderConfig.preset("reader")
    page = render(TEXT, config)[0]
    boxes = span_boxes(page, (0, len(TEXT)), config)
    assert len(boxes) == sum(bool(line.strip()) for line in page.line_texts)
    assert all(inked(page, box) for box in boxes)
    assert [box[1] for box in boxes] == sorted({box[1] for box in boxes})


def test_boxes_lie_on_the_page_and_those_of_other_pages_are_none():
    config = RenderConfig.preset("reader")
    pages = render(TEXT * 20, config)
    width, height = pages[0].size_px
    for page in pages:
        for x, y, wide, high in span_boxes(page, page.char_span, config):
            assert 0 <= x <= x + wide <= width
            assert 0 <= y <= y + high <= height
    assert span_boxes(pages[1], pages[0].char_span, config) == []
