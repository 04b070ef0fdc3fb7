"""Holds our pages against the pipeline that the reference look comes from, case by case.

    python -m tests.rendering.fidelity [--times 8] [CASE …]

Prints for each case how many pages are identical, how many pixels differ, and the worst page.
``test_reference`` holds the same cases, on shorter texts, to a bar.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from glyph_shared.rendering import RenderConfig, Renderer
from tests.benchmarks import texts
from tests.rendering.oracle import chinese_font, oracle_pages

TEXTS = {
    "prose": (texts.prose, 32_000),
    "code": (texts.code, 24_000),
    "paragraph": (texts.one_paragraph, 24_000),
    "odd": (texts.odd, 9_000),
    "chinese": (texts.chinese, 8_000),
    "mixed": (texts.mixed, 8_000),
}
"""Texts, and how many chars of each are drawn; some two to eight pages."""

RED_MARKUP = '<font color="#FF0000"> \\n </font>'
CROPPED = {"auto_crop_width": True, "auto_crop_last_page": True}
UNCROPPED = {"auto_crop_width": False, "auto_crop_last_page": False}
ARTICLE = {"dpi": 96, "alignment": "JUSTIFY", "first_line_indent": 9.0}
INDENTS = {"first_line_indent": 18.0, "left_indent": 20.0, "right_indent": 12.5}
HANGING = {"first_line_indent": -10.0, "left_indent": 20.0}
ALIGNMENTS = ("LEFT", "RIGHT", "CENTER", "JUSTIFY")

LATIN: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"{text}-{dpi}-{alignment}": (text, {"dpi": dpi, "alignment": alignment, **CROPPED})
        for text in ("prose", "code", "paragraph", "odd")
        for dpi in (72, 96, 120)
        for alignment in ("LEFT", "JUSTIFY")
    },
    **{f"prose-indents-{one}": ("prose", {"alignment": one, **INDENTS}) for one in ALIGNMENTS},
    **{f"odd-hanging-{one}": ("odd", {"alignment": one, **HANGING}) for one in ALIGNMENTS},
    "prose-uncropped": ("prose", UNCROPPED),
    "prose-red": ("prose", {"newline_markup": RED_MARKUP}),
    "code-red-96": ("code", {"newline_markup": RED_MARKUP, "dpi": 96}),
    "prose-red-RIGHT": ("prose", {"newline_markup": RED_MARKUP, "alignment": "RIGHT", **INDENTS}),
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
    "prose-small": ("prose", {"page_size": (420, 595), "margin_x": 24, "margin_y": 30}),
    "prose-narrow": ("prose", {"horizontal_scale": 0.75}),
    "code-narrow-96": ("code", {"horizontal_scale": 0.9, "dpi": 96, "alignment": "JUSTIFY"}),
    "prose-wide-red": ("prose", {"horizontal_scale": 1.2, "newline_markup": RED_MARKUP}),
    "prose-narrow-uncropped": ("prose", {"horizontal_scale": 0.8, **UNCROPPED}),
}

CHINESE: dict[str, tuple[str, dict[str, Any]]] = {
    "chinese-72": ("chinese", {}),
    "chinese-96-JUSTIFY": ("chinese", {"dpi": 96, "alignment": "JUSTIFY"}),
    **{f"mixed-{one}": ("mixed", {"alignment": one}) for one in ALIGNMENTS},
    "mixed-red": ("mixed", {"newline_markup": RED_MARKUP}),
    "mixed-indents": ("mixed", INDENTS),
    "mixed-hanging-120": ("mixed", {"dpi": 120, "alignment": "CENTER", **HANGING}),
    "mixed-spacing": ("mixed", {"space_before": 4.0, "space_after": 6.0, "dpi": 96}),
    "mixed-narrow": ("mixed", {"horizontal_scale": 0.8}),
}
"""Cases that need an installed Chinese font."""

CASES = {**LATIN, **CHINESE}


@dataclass(frozen=True)
class Agreement:
    """How our pages compare with the oracle's."""

    ours: tuple[tuple[int, int], ...]
    theirs: tuple[tuple[int, int], ...]
    differing_px: tuple[int, ...]
    """Per page, grey levels that differ; all of its pixels where the sizes do."""

    @property
    def identical(self) -> int:
        """Number of pages without a difference."""
        return self.differing_px.count(0)

    @property
    def pixels(self) -> int:
        """Pixels of the oracle's pages."""
        return sum(width * height for width, height in self.theirs)


@lru_cache
def agreement(case: str, times: int = 1) -> Agreement:
    """Draws a case's text, or one so many times as long, both ways."""
    name, changes = CASES[case]
    write, length = TEXTS[name]
    text = write(length * times)
    font = chinese_font() if case in CHINESE else None
    config = RenderConfig.preset("reference").model_copy(update={"font_path": font, **changes})
    ours = [grey(page.pixels) for page in Renderer(config, compat=True).render(text)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = [grey(page) for page in oracle_pages(text, config, Path(folder))]
    return Agreement(
        ours=tuple(page.shape[::-1] for page in ours),
        theirs=tuple(page.shape[::-1] for page in theirs),
        differing_px=tuple(map(_differing, ours, theirs)),
    )


def grey(pixels: np.ndarray) -> np.ndarray:
    """One channel of a page."""
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))


def _differing(ours: np.ndarray, theirs: np.ndarray) -> int:
    return int((ours != theirs).sum()) if ours.shape == theirs.shape else theirs.size


def main() -> None:
    """Compares the cases that are asked for, all by default, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="a case, or the start of several")
    parser.add_argument("--times", type=int, default=8, help="how much longer than in the tests")
    options = parser.parse_args()
    table = Table(title=f"Pages beside reportlab and poppler, texts {options.times} times as long")
    for column in ("case", "pages", "identical", "differing px", "of Mpx", "worst page, px"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for case in CASES:
        if case.startswith(tuple(options.cases or [""])) and (case in LATIN or chinese_font()):
            found = agreement(case, options.times)
            counts = [len(found.theirs), found.identical, sum(found.differing_px)]
            shown = [*map(str, counts), f"{found.pixels / 1e6:.1f}", str(max(found.differing_px))]
            table.add_row(case, *shown)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
