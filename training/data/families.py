"""Font families of the styles, and what stands in for those that are not installed.

The project ships no font. A style names the family it means and its substitute, with a comma
between, so the same seed means the same θ on every machine; ``substituted`` tells which families a
machine lacks.
"""

from __future__ import annotations

from collections.abc import Iterable

from glyph_shared.errors import FontError
from glyph_shared.rendering.font_files import require_font

SERIF = (
    "Times New Roman",
    "Georgia",
    "Noto Serif",
    "Source Serif 4",
    "DejaVu Serif",
    "STIXGeneral",
)
SANS = ("Verdana", "Arial", "Source Sans 3", "Noto Sans", "Open Sans", "DejaVu Sans")
MONO = ("Courier New", "Source Code Pro", "Noto Sans Mono", "Liberation Mono", "DejaVu Sans Mono")
PIXEL = ("Unifont", "Press Start 2P", "VT323", "Silkscreen")
ITALIC = ("DejaVuSans-Oblique.ttf", "DejaVuSerif-Italic.ttf", "STIXGeneralItalic.ttf")

_SUBSTITUTES = {
    **dict.fromkeys(SERIF, "DejaVuSerif.ttf"),
    **dict.fromkeys(SANS, "DejaVuSans.ttf"),
    **dict.fromkeys(MONO, "DejaVuSansMono.ttf"),
    **dict.fromkeys(PIXEL, "DejaVuSansMono-Bold.ttf"),
    **dict.fromkeys(ITALIC, "DejaVuSans-Oblique.ttf"),
}
"""Fonts that come with matplotlib, so every installation has them."""


def with_substitute(family: str) -> str:
    """Returns a ``font_path`` that names a family and, after a comma, what stands in for it."""
    return f"{family}, {_SUBSTITUTES[family]}"


def substituted(font_paths: Iterable[str]) -> dict[str, str]:
    """Returns the families that are not installed, with the file that is drawn instead of each."""
    pairs = (path.split(", ", 1) for path in sorted(set(font_paths)) if ", " in path)
    return {family: substitute for family, substitute in pairs if not _is_installed(family)}


def _is_installed(family: str) -> bool:
    try:
        require_font(family)
    except FontError:
        return False
    return True
