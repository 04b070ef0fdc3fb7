"""Pages kept as PNG files: a tenth of their pixels' size, and what a request needs anyway."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

from glyph_shared.rendering import Page

_NO_ROWS = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True, eq=False)
class StoredPage(Page):
    """A page that holds its PNG and makes pixels of it only when asked."""

    _file: bytes = field(repr=False)
    _digest: str = field(repr=False)

    @classmethod
    def of(cls, page: Page) -> StoredPage:
        """Encodes a page and lets go of its pixels."""
        return cls(
            index=page.index,
            size_px=page.size_px,
            char_span=page.char_span,
            replaced=page.replaced,
            theta_hash=page.theta_hash,
            _rows=_NO_ROWS,
            _channels=page._channels,
            _drawn=page._drawn,
            _file=page.png,
            _digest=page.digest,
        )

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """Pixels, uint8: (height, width) if the page is grey, else (height, width, 3)."""
        with Image.open(io.BytesIO(self._file)) as image:
            return np.asarray(image)

    @property
    def png(self) -> bytes:
        """The page as a PNG file."""
        return self._file

    @property
    def digest(self) -> str:
        """sha256 of size and pixels, in hex: equal pages have equal digests."""
        return self._digest
