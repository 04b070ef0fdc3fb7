"""Pages as PNG files, for what takes images by path: documents name them, and hold no bytes.

Nothing removes them unasked, for documents in indexes name them. ``glyph cache clear`` removes
those of the default folder; the text beside each brings it back.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid5

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.rendering.cache_folder import KeptFiles, is_key
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.config_values import excerpt
from glyph_shared.rendering.page import Page
from glyph_shared.rendering.page_store import default_store
from glyph_shared.rendering.renderer import Renderer

_FOLDER = "page-images"
_SUFFIX = ".png"
_NAMESPACE = UUID("a5b0a1bd-5d3f-5b3f-9d0e-6f0c2d6f7a11")


def drawn(text: str, config: RenderConfig | None) -> Iterator[Page]:
    """Draws a text, or takes its pages from the page store; chars no font has are replaced."""
    renderer, store = Renderer(config, missing="replace"), default_store()
    return renderer.render(text) if store is None else store.render(renderer, text)


def page_id(*parts: object) -> str:
    """Returns an id for a page in an index, a UUID that depends on the parts alone."""
    name = "|".join(map(str, parts)).encode("utf-8", "backslashreplace")  # of lone surrogates
    return str(uuid5(_NAMESPACE, name.decode("utf-8")))


def image_folder(named: str | None) -> Path:
    """Returns the folder of the images: the named one, else one beside the page store.

    Raises:
        ConfigError: None is named, and ``GLYPH_CACHE_DIR`` is ``off``.
    """
    if named is not None:
        return Path(named).expanduser().absolute()
    kept = default_images()
    if kept is None:
        raise ConfigError(
            "page images need a folder, and GLYPH_CACHE_DIR is 'off'; give folder=, or set "
            "GLYPH_CACHE_DIR to a folder"
        )
    return kept.path


def default_images() -> KeptFiles | None:
    """Returns the images of the default folder; None if ``GLYPH_CACHE_DIR`` is ``off``."""
    store = default_store()
    return None if store is None else KeptFiles(store.folder.path.parent / _FOLDER, _SUFFIX)


def keep_image(page: Page, folder: Path) -> Path:
    """Writes a page's PNG file, if it is not there; it appears whole or not at all.

    Raises:
        InputError: The folder cannot be written to.
    """
    path = folder / f"{page.digest}{_SUFFIX}"
    if path.is_file():
        return path
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(".tmp", f"{page.digest[:16]}.", folder)
        with os.fdopen(number, "wb") as file:
            file.write(page.png)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"page images cannot be written to {str(folder)!r}: {error.strerror or error}; give "
            "another folder="
        ) from None
    return path


def kept_image(digest: str, folder: Path) -> Page:
    """Reads a page's PNG file back; what is on it is not known as text any more.

    The name is made of the digest, and the pixels must have it: no other file can be read.

    Raises:
        InputError: There is no such file, or it is another page's, or none.
    """
    if not is_key(digest):
        raise InputError(
            f"a page's digest is a sha256 in hexadecimal digits; got {excerpt(digest)}"
        )
    path = folder / f"{digest}{_SUFFIX}"
    try:
        page = Page.read_png(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"the page {digest} is not in {str(folder)!r} any more; draw its document again"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"the page {str(path)!r} cannot be read: {error}; remove it") from None
    if page.digest != digest:
        raise InputError(f"{str(path)!r} does not show the page that it is named after; remove it")
    return page
