"""How the settings of θ are written down: page sizes, colours and the newline markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

PAGE_SIZES: dict[str, tuple[float, float]] = {
    "A3": (842, 1191),
    "A4": (595, 842),
    "A5": (420, 595),
    "B4": (729, 1032),
    "B5": (516, 729),
    "LETTER": (612, 792),
    "LEGAL": (612, 1008),
    "TABLOID": (792, 1224),
}
"""Portrait sizes in whole points, as the paper's search space (Table 8) names them."""

LINE_BREAK_MARKUP = "<br/>"
GREY_MARKER_MARKUP = '<font color="#808080"> \\n </font>'

_COLOR = re.compile(r"#?([0-9a-fA-F]{6})")
_MARKER = re.compile(r"""<font color=["'](#[0-9a-fA-F]{6})["']>([^<>]{1,16})</font>""")

_EXCERPT = 200

Color = tuple[int, int, int]


class NewlineMarker(NamedTuple):
    """Visible text that stands for a line break, and its colour."""

    text: str
    color: Color


def parse_page_size(value: Any) -> Any:
    """Reads ``"595,842"``, ``"A4"``, ``"A4-landscape"`` or ``"595:1.414"`` (width : aspect ratio).

    Anything that is not text is handed on for the field's own type check.
    """
    if not isinstance(value, str):
        return value
    name, _, turn = value.strip().upper().partition("-")
    if name in PAGE_SIZES and turn in ("", "PORTRAIT", "LANDSCAPE"):
        size = PAGE_SIZES[name]
        return size[::-1] if turn == "LANDSCAPE" else size
    parts = re.split(r"[,x:]", value)
    try:
        width, other = (float(part) for part in parts)
    except ValueError:
        known = ", ".join(PAGE_SIZES)
        raise ValueError(
            f"page_size must be 'width,height' in points, 'width:aspect', or one of {known} "
            f"(with '-landscape' if wanted); got {value!r}"
        ) from None
    return (width, width * other) if ":" in value else (width, other)


def parse_color(value: Any) -> str:
    """Reads ``#RRGGBB`` (the ``#`` may be missing) and writes it in upper case."""
    match = _COLOR.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"colours are written '#RRGGBB'; got {value!r}")
    return f"#{match[1].upper()}"


def color_channels(color: str) -> Color:
    """Splits ``#RRGGBB`` into its three channel values."""
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def parse_newline_markup(value: str) -> NewlineMarker | None:
    """Reads the newline markup; None means that a line break stays a line break.

    Raises:
        ValueError: The markup is neither ``<br/>`` nor ``<font color="#RRGGBB">text</font>``.
    """
    if value.replace(" ", "").lower() in ("<br/>", "<br>", ""):
        return None
    match = _MARKER.fullmatch(value.strip())
    if match is None:
        raise ValueError(
            "newline_markup must be '<br/>' or '<font color=\"#RRGGBB\">text</font>' with a text "
            f"of at most 16 chars; got {value!r}"
        )
    return NewlineMarker(match[2], color_channels(match[1].upper()))


def newline_markup(marker: NewlineMarker | None) -> str:
    """Writes what ``parse_newline_markup`` reads, always in the same way."""
    if marker is None:
        return LINE_BREAK_MARKUP
    color = "#{:02X}{:02X}{:02X}".format(*marker.color)
    return f'<font color="{color}">{marker.text}</font>'


def excerpt(value: object) -> str:
    """Writes a received value for an error message, cut off where it would fill the screen.

    Of bytes, which may be a page's, only the number.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{type(value).__name__} of length {len(value)}"
    try:
        written = repr(value)
    except ValueError:  # Python refuses to write out numbers of more than 4300 digits.
        return "a number of thousands of digits"
    return written if len(written) <= _EXCERPT else f"{written[:_EXCERPT]}…"


def describe(values: Sequence[float]) -> str:
    """Writes numbers for an error message, without needless decimals."""
    return " x ".join(f"{value:g}" for value in values)
