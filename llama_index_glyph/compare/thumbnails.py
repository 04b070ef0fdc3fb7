"""Page images small enough to stand in a report by the hundred, and parts of them in full size."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

WIDTH_PX = 360
"""Words of a page of preset ``en``, 588 px wide, can just be made out at this width."""

MAX_PIXELS = 50_000_000
"""The largest image that is opened; θ draws pages far below it."""

_QUALITY = 20
"""Of WebP: a dense page takes some 40 KB, a third of its PNG, and looks hardly worse."""


_CUT_QUALITY = 40
"""Of what is shown in full size, where each letter counts."""

_AROUND_PX = 10
"""How much of the page is shown around a part of it."""

Box = tuple[int, int, int, int]
"""Left edge, top edge, width and height, in pixels of the page."""


def embedded(folder: Path, name: str, part: Box | None = None) -> str | None:
    """Returns a page's thumbnail, or a part of the page as large as it is, as a ``data:`` address.

    Args:
        folder: The comparison's folder.
        name: The page's file as a row names it, relative to the folder.
        part: What to show, with a little around it; None means all of the page.

    Returns:
        None if the file is absent, lies outside the folder, or is no PNG of a page's size.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    try:
        return _read(path, part)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # what Pillow raises for broken files


def _read(path: Path, part: Box | None) -> str | None:
    with Image.open(path, formats=["PNG"]) as image:
        if image.width * image.height > MAX_PIXELS:
            return None
        grey = image.convert("L")
    small, quality = (_shrunk(grey), _QUALITY) if part is None else (_cut(grey, part), _CUT_QUALITY)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _shrunk(page: Image.Image) -> Image.Image:
    scale = min(1.0, WIDTH_PX / page.width)
    size = (max(1, round(page.width * scale)), max(1, round(page.height * scale)))
    return page.resize(size, Image.Resampling.LANCZOS)


def _cut(page: Image.Image, part: Box) -> Image.Image:
    """Returns a part of a page.

    Raises:
        ValueError: The part lies beside the page.
    """
    left, top = max(0, part[0] - _AROUND_PX), max(0, part[1] - _AROUND_PX)
    right = min(page.width, part[0] + part[2] + _AROUND_PX)
    bottom = min(page.height, part[1] + part[3] + _AROUND_PX)
    return page.crop((left, top, right, bottom))
