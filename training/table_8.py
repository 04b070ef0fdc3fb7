"""Table 8 of the Glyph paper (arXiv 2510.17800): the looks that training and search draw from.

What the table gives as classes (dpi, palettes, indents, spacing) is drawn class by class; how often
each class comes is not published, and stands here as weights of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glyph_shared.rendering.config_values import (
    GREY_MARKER_MARKUP,
    LINE_BREAK_MARKUP,
    PAGE_SIZES,
)
from training.space import Gene, Space, installed

RED_MARKER_MARKUP = '<font color="#FF0000"> \\n </font>'
"""The reference's own newline marker."""

COMMON_DPI = (72, 80, 96, 100, 110, 120, 144, 150, 300)
MOST_DPI = 400
"""Table 8 says "above 300" and no more; a page of A4 at 400 dpi is beyond what a request holds."""

PAGES = tuple(
    (float(width), float(height))
    for width, height in (
        *(
            PAGE_SIZES[name]
            for name in ("A4", "LETTER", "LEGAL", "A5", "B5", "A3", "B4", "TABLOID")
        ),
        *((595, round(595 * aspect)) for aspect in (1.414, 1.333, 1.5, 1.778)),
    )
)

FONTS: Mapping[str, tuple[str | None, ...]] = MappingProxyType(
    {
        "sans": (None, "Verdana", "Noto Sans", "Source Sans 3", "Liberation Sans", "Arial"),
        "serif": ("DejaVuSerif.ttf", "STIXGeneral.ttf", "Noto Serif", "Times New Roman"),
        "mono": ("DejaVuSansMono.ttf", "Noto Sans Mono", "Courier New"),
        "pixel": ("Press Start 2P", "VT323", "Unifont", "Terminus (TTF)"),
        "italic": ("DejaVuSans-Oblique.ttf", "DejaVuSerif-Italic.ttf", "STIXGeneralItalic.ttf"),
    }
)
"""Fonts of its classes; those that must not be shipped count where they are installed."""

LIGHT = (
    ("#000000", "#FFFFFF", "#FFFFFF"),
    ("#333333", "#FFFFFF", "#FFFFFF"),
    ("#000000", "#F5F5F5", "#F5F5F5"),
    ("#1A1A1A", "#FDF6E3", "#FDF6E3"),
    ("#000000", "#F0F8FF", "#FFFFFF"),
)
DARK = (
    ("#FFFFFF", "#000000", "#000000"),
    ("#E0E0E0", "#1E1E1E", "#1E1E1E"),
    ("#C9D1D9", "#0D1117", "#0D1117"),
)
HANGING = ((-1.0, 1.0), (-1.5, 1.5), (-2.0, 2.0))
FIRST_LINE = ((1.0, 0.0), (1.5, 0.0), (2.0, 0.0), (2.5, 0.0))

_MARGINS = Gene(tuple(float(margin) for margin in range(10, 41)), ordered=True)
_INSTALLED = installed([font for fonts in FONTS.values() for font in fonts])

TABLE_8 = Space(
    MappingProxyType(
        {
            "dpi": Gene.of_classes(
                (1, range(45, 60)),
                (2, range(60, 72)),
                (3, range(72, 120)),
                (3, COMMON_DPI),
                (0.2, range(301, MOST_DPI + 1, 11)),
                ordered=True,
            ),
            "page_size": Gene(PAGES),
            "font": Gene(_INSTALLED),
            "font_size": Gene((7.0, 7.5, 8.0, 9.0, 9.5, 10.0, 11.0, 12.0, 14.0), ordered=True),
            "leading": Gene((0.0, 1.0, 2.0, 3.0), ordered=True),
            "alignment": Gene(("LEFT", "JUSTIFY", "RIGHT", "CENTER"), (8, 8, 1, 1)),
            "margin_x": _MARGINS,
            "margin_y": _MARGINS,
            "frame_padding": Gene((6.0,), ordered=True),
            "indent": Gene.of_classes((3, ((0.0, 0.0),)), (1, FIRST_LINE), (0.5, HANGING)),
            "spacing": Gene.of_classes(
                (3, ((0.0, 0.0),)),
                (1, ((0.0, 0.25), (0.25, 0.25))),
                (0.5, ((0.0, 1.0), (1.0, 1.0))),
            ),
            "horizontal_scale": Gene(tuple(n / 100 for n in range(75, 101)), ordered=True),
            "palette": Gene.of_classes((4, LIGHT), (1, DARK)),
            "newline_markup": Gene.of_classes(
                (9, (LINE_BREAK_MARKUP,)), (1, (RED_MARKER_MARKUP, GREY_MARKER_MARKUP))
            ),
            "auto_crop_width": Gene((True, False)),
            "auto_crop_last_page": Gene((True, False)),
            "crop_multiple": Gene((1, 28)),
            "space_shrinkage": Gene((0.05,)),
        }
    )
)
"""The table, with those of the fonts that are installed here."""
