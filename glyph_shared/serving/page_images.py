"""Pages out of a request: data URLs in, grey pixels out, everything else refused.

Nothing is ever fetched. A page must be a PNG that carries an accepted hash of its look and has the
reader's own size; the size is read from the file's header before anything is decoded, so an image
bomb is refused for 33 bytes of work.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glyph_shared.rendering import RenderConfig, png_theta_hash
from glyph_shared.serving.api_errors import ApiError

POINTS_PER_INCH = 72

_DATA_URL = re.compile(r"data:image/[\w.+-]{1,40};base64,", re.ASCII)
_THETA = re.compile(r"[0-9a-f]{16}", re.ASCII)
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_HEADER_BYTES = 33

Pixels = NDArray[np.uint8]


class PageGate:
    """Lets the pages of accepted looks through."""

    def __init__(self, render_config: RenderConfig, accepted_thetas: tuple[str, ...]) -> None:
        self.size_px = page_size_px(render_config)
        self.accepted_thetas = accepted_thetas

    def read(self, url: str, number: int) -> Pixels:
        """Returns the grey pixels of one page.

        Args:
            url: The page as a data URL.
            number: The page's place in the request from 1, for the message.

        Raises:
            ApiError: It is not a PNG data URL, or not a page of an accepted look.
        """
        return self.decode(decode_data_url(url, number), number)

    def decode(self, png: bytes, number: int) -> Pixels:
        """Returns the grey pixels of a page's PNG file.

        Raises:
            ApiError: It is not a page of an accepted look.
        """
        self._check_look(png, number)
        self._check_size(png, number)
        return _decode_png(png, self.size_px, number)

    def _check_look(self, png: bytes, number: int) -> None:
        if not png.startswith(_PNG_START) or len(png) < _PNG_HEADER_BYTES:
            raise _refused(number, "is not a PNG file; send the pages as the renderer made them")
        theta = png_theta_hash(png)
        if theta not in self.accepted_thetas:
            # A damaged mark is page bytes, which no message may hold.
            known = theta is not None and _THETA.fullmatch(theta) is not None
            drawn = f"has theta {theta}" if known else "carries no mark of how it was drawn"
            raise _refused(
                number,
                f"{drawn}, and this reader reads {' '.join(self.accepted_thetas)} only: leave "
                "the look to the client, or draw pages with the render_config that /v1/models "
                "names (`glyph ask --preset reader`, in Python RenderConfig.preset('reader'))",
            )

    def _check_size(self, png: bytes, number: int) -> None:
        size = struct.unpack(">II", png[16:24])
        if size != self.size_px:
            expected = "{} x {}".format(*self.size_px)
            raise _refused(number, f"is {size[0]} x {size[1]} px; this reader takes {expected}")


def page_size_px(config: RenderConfig) -> tuple[int, int]:
    """Returns the size of an uncropped page (width, height)."""
    width, height = config.page_size
    scale = config.dpi / POINTS_PER_INCH
    return round(width * scale), round(height * scale)


def _refused(number: int, why: str) -> ApiError:
    return ApiError(f"page {number} {why}", param="image")


def decode_data_url(url: str, number: int) -> bytes:
    """Returns the bytes of a base64 data URL.

    Raises:
        ApiError: It is none; nothing else is fetched.
    """
    match = _DATA_URL.match(url)
    if match is None:
        scheme = re.match(r"[A-Za-z][\w+.-]{0,20}:", url)
        got = scheme.group() if scheme else "no scheme"
        raise _refused(
            number, f"must be a data:image/png;base64 URL, this server fetches nothing; got {got}"
        )
    try:
        return base64.b64decode(url[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise _refused(number, "is not valid base64") from None


def _decode_png(png: bytes, size_px: tuple[int, int], number: int) -> Pixels:
    # Pillow's own message may hold an object's address (CVE-2026-22778), so it is not repeated.
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            grey = np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError, struct.error, EOFError):
        raise _refused(number, "is a damaged PNG file") from None
    if grey.shape != size_px[::-1]:
        raise _refused(number, "has another size than its header says")
    return grey
