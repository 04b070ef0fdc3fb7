"""The name of a text's pages: equal for equal pages, another whenever a page might differ."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import freetype

from glyph_shared.rendering.renderer import Renderer

_PACKAGES = ("glyph-context", "numpy", "freetype-py", "isal", "pillow", "fonttools", "uharfbuzz")
_SLICE_CHARS = 1 << 20


def page_key(renderer: Renderer, text: str) -> str:
    """Checks a text as ``Renderer.render`` does and returns the name of its pages.

    It is a sha256 over the text, θ, the bytes of the fonts that draw it, and the renderer's
    version.

    Raises:
        InputError: There is nothing to draw.
        FontError: No installed font has some of the chars, and the renderer replaces none.
    """
    drawn_by = {
        "fonts": renderer.font_digest(text),
        "renderer": renderer_version(),
        "theta": renderer.theta_hash,
        "missing": renderer.missing,
        "chars": len(text),
    }
    hasher = hashlib.sha256(json.dumps(drawn_by).encode("ascii"))
    # In slices: a second copy of a long text would cost more than its pages.
    for start in range(0, len(text), _SLICE_CHARS):
        piece = text[start : start + _SLICE_CHARS]
        hasher.update(piece.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


@lru_cache(maxsize=1)
def renderer_version() -> str:
    """Returns a hash of this package's code and of the libraries that draw with it.

    The code itself, because a number would wait for somebody to count it up.
    """
    hasher = hashlib.sha256(repr(freetype.version()).encode("ascii"))
    for name in _PACKAGES:
        hasher.update(f"{name} {_version(name)}\n".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        hasher.update(source.read_bytes())
    return hasher.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
