"""The reference look, held against the pipeline that it comes from: reportlab and poppler.

Needs poppler's ``pdftoppm``; the other half of the oracle comes with the dev dependencies.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glyph_shared.rendering import RenderConfig, Renderer
from tests.benchmarks import texts
from tests.rendering.oracle import missing_tool, oracle_pages

pytestmark = pytest.mark.skipif(bool(missing_tool()), reason=f"needs {missing_tool()}")

TEXTS = {
    "prose": lambda: texts.prose(32_000),
    "code": lambda: texts.code(24_000),
    "paragraph": lambda: texts.one_paragraph(24_000),
    "odd": lambda: texts.odd(9_000),
}
RED_MARKUP = '<font color="#FF0000"> \\n </font>'
CROPPED = {"auto_crop_width": True, "auto_crop_last_page": True}
UNCROPPED = {"auto_crop_width": False, "auto_crop_last_page": False}
ARTICLE = {"dpi": 96, "alignment": "JUSTIFY", "first_line_indent": 9.0}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"{text}-{dpi}-{alignment}": (text, {"dpi": dpi, "alignment": alignment, **CROPPED})
        for text in TEXTS
        for dpi in (72, 96, 120)
        for alignment in ("LEFT", "JUSTIFY")
    },
    "prose-uncropped": ("prose", UNCROPPED),
    "prose-red": ("prose", {"newline_markup": RED_MARKUP}),
    "code-red-96": ("code", {"newline_markup": RED_MARKUP, "dpi": 96}),
    "prose-article": ("prose", ARTICLE),
    "prose-indents": ("prose", {"left_indent": 20.0, "right_indent": 12.5, "line_height": 11.3}),
    "prose-spacing": ("prose", {"space_before": 4.0, "space_after": 6.0, "dpi": 96}),
    "prose-mono": ("prose", {"font_path": "DejaVuSansMono.ttf", "font_size": 8, "line_height": 9}),
    "code-center": ("code", {"alignment": "CENTER", **UNCROPPED}),
    "prose-right": ("prose", {"alignment": "RIGHT", **UNCROPPED}),
    "prose-dark": ("prose", {"font_color": "#DDDDDD", "para_bg_color": "#101418"}),
    "prose-45": ("prose", {"dpi": 45, "font_size": 12, "line_height": 13}),
    "prose-150": ("prose", {"dpi": 150, "page_size": (298, 420)}),
    "paragraph-300": ("paragraph", {"dpi": 300, "page_size": (250, 200)}),
    "odd-left": ("odd", {}),
    "odd-justify-96": ("odd", {"alignment": "JUSTIFY", "dpi": 96}),
    "odd-center": ("odd", {"alignment": "CENTER"}),
    "prose-narrow": ("prose", {"page_size": (420, 595), "margin_x": 24, "margin_y": 30}),
}


@dataclass(frozen=True)
class Agreement:
    """How our pages compare with the oracle's."""

    ours: tuple[tuple[int, int], ...]
    theirs: tuple[tuple[int, int], ...]
    differing_px: tuple[int, ...]
    """Per page, grey levels that differ; all of its pixels where the sizes do."""

    @property
    def identical(self) -> int:
        return self.differing_px.count(0)

    @property
    def pixels(self) -> int:
        return sum(width * height for width, height in self.theirs)


@lru_cache
def agreement(case: str) -> Agreement:
    name, changes = CASES[case]
    text = TEXTS[name]()
    config = RenderConfig.preset("reference").model_copy(update={"font_path": None, **changes})
    ours = [_grey(page.pixels) for page in Renderer(config, compat=True).render(text)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = [_grey(page) for page in oracle_pages(text, config, Path(folder))]
    return Agreement(
        ours=tuple(page.shape[::-1] for page in ours),
        theirs=tuple(page.shape[::-1] for page in theirs),
        differing_px=tuple(map(_differing, ours, theirs)),
    )


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))


def _differing(ours: np.ndarray, theirs: np.ndarray) -> int:
    return int((ours != theirs).sum()) if ours.shape == theirs.shape else theirs.size


@pytest.mark.parametrize("case", CASES)
def test_pages_have_the_references_number_and_sizes(case):
    found = agreement(case)
    assert found.ours == found.theirs


@pytest.mark.parametrize("case", CASES)
def test_hardly_a_pixel_differs_from_the_reference(case):
    found = agreement(case)
    # Coloured shapes that overlap may be a grey level or two off; lines may not be.
    assert sum(found.differing_px) <= found.pixels / 1_000


def test_nearly_every_page_is_the_references_to_the_pixel():
    found = [agreement(case) for case in CASES]
    pages = sum(len(one.theirs) for one in found)
    assert sum(one.identical for one in found) >= 0.85 * pages
    assert sum(sum(one.differing_px) for one in found) <= sum(one.pixels for one in found) / 10_000


def test_the_oracle_tells_different_looks_apart(tmp_path):
    text = texts.prose(2_000)
    config = RenderConfig.preset("reference").model_copy(update={"font_path": None})
    [page] = Renderer(config, compat=True).render(text)
    other = config.model_copy(update={"font_size": 8.9})
    [theirs] = oracle_pages(text, other, tmp_path)
    assert page.pixels.shape != theirs.shape[:2] or (page.pixels != _grey(theirs)).any()
