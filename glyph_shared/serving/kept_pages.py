"""Pages that were sent before, so that a later request may name them: vLLM's ``uuid`` protocol.

A page is kept under the digest of its own pixels, whatever a client calls it. So one name cannot
be two images, and no client can put its page in another's place.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from glyph_shared.rendering import pixel_digest
from glyph_shared.serving.api_errors import cache_miss
from glyph_shared.serving.chat_request import ImagePart
from glyph_shared.serving.page_images import PageGate, Pixels, decode_data_url

KEPT_BYTES = 64 * 2**20
"""PNG files of some 5,000 pages of dense prose."""


class KeptPages:
    """The PNG files of accepted pages by digest; those used longest ago are dropped."""

    def __init__(self, gate: PageGate, *, limit_bytes: int = KEPT_BYTES) -> None:
        self._gate = gate
        self._limit_bytes = limit_bytes
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def read(self, image: ImagePart, number: int) -> Pixels:
        """Returns a page that is sent, and keeps it, or one that is named.

        Args:
            image: The page as its request has it.
            number: Its place in the request, from 1.

        Raises:
            ApiError: It is named and not kept, or sent and no page of an accepted look.
        """
        if image.uuid and not image.url:
            return self._gate.decode(self._named(image.uuid, number), number)
        png = decode_data_url(image.url, number)
        pixels = self._gate.decode(png, number)
        self._keep(pixel_digest(pixels), png)
        return pixels

    def _named(self, digest: str, number: int) -> bytes:
        with self._lock:
            if digest not in self._files:
                raise cache_miss(number - 1)
            self._files.move_to_end(digest)
            return self._files[digest]

    def _keep(self, digest: str, png: bytes) -> None:
        with self._lock:
            if digest not in self._files:
                self._files[digest] = png
                self._size += len(png)
            self._files.move_to_end(digest)
            while self._size > self._limit_bytes:
                _, dropped = self._files.popitem(last=False)
                self._size -= len(dropped)
