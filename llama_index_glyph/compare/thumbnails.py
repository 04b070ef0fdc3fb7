"""Page images small enough to stand in a report by the hundred."""

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


def thumbnail(folder: Path, name: str) -> str | None:
    """Returns a page's thumbnail as a ``data:`` address.

    Args:
        folder: The comparison's folder.
        name: The page's file as a row names it, relative to the folder.

    Returns:
        None if the file is absent, lies outside the folder, or is no PNG of a page's size.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    try:
        return _shrunk(path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # what Pillow raises for broken files


def _shrunk(path: Path) -> str | None:
    with Image.open(path, formats=["PNG"]) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return None
        scale = min(1.0, WIDTH_PX / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = image.convert("L").resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
