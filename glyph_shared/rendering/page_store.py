"""Pages that were drawn before: kept on disk by what they were drawn from, and read back.

The second question on a corpus draws nothing. An entry holds the pages of one text; its name is a
hash of the text, θ, the fonts' bytes and the renderer's version (see ``page_key``), its pages carry
checksums (see ``page_record``), and it appears whole or not at all (see ``cache_folder``).
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from weakref import WeakValueDictionary

from glyph_shared.errors import CacheWarning, ConfigError, InputError
from glyph_shared.rendering.cache_folder import CacheFolder, CacheUsage, is_key
from glyph_shared.rendering.config_values import excerpt
from glyph_shared.rendering.flight import Flight, NotRecorded
from glyph_shared.rendering.page import Page
from glyph_shared.rendering.page_key import page_key
from glyph_shared.rendering.page_record import DamagedEntry, read_entry
from glyph_shared.rendering.renderer import Renderer

DEFAULT_LIMIT_BYTES = 1 << 30

_OFF = "off"


def _always() -> bool:
    return True


class PageStore:
    """Pages on disk, shared by threads and processes.

    Example:
        store = PageStore(Path("pages"))
        renderer = Renderer()
        first = list(store.render(renderer, text))
        again = list(store.render(renderer, text))  # read, not drawn

    A folder that cannot be written to, or that others can write to, is told once by a CacheWarning;
    pages are then drawn each time.
    """

    def __init__(self, folder: Path | str, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        """Names the folder, which is made when the first pages are kept.

        Args:
            folder: Where the entries are; made readable for the user alone.
            limit_bytes: What all entries may take, 1 GiB by default; beyond it, those used longest
                ago are dropped. An entry may have half: longer texts are drawn each time.

        Raises:
            ConfigError: There would be no room.
        """
        if limit_bytes <= 0:
            raise ConfigError(f"limit_bytes must be positive; got {excerpt(limit_bytes)}")
        self.folder = CacheFolder(Path(folder), limit_bytes)
        self._lock = threading.RLock()  # a reader that is garbage-collected takes it again
        self._flights: dict[str, Flight] = {}
        self._alive: WeakValueDictionary[tuple[str, int], Page] = WeakValueDictionary()
        self._has_warned = False

    def render(
        self, renderer: Renderer, text: str, *, wanted: Callable[[], bool] = _always
    ) -> Iterator[Page]:
        """Checks a text as ``Renderer.render`` does; returns an iterator over its pages.

        They are read where the store has them, else drawn one by one, and kept once all are drawn.
        However many ask at the same time, each page is drawn once.

        Args:
            renderer: What draws them. One with ``compat=True`` draws without the store.
            text: The whole text.
            wanted: Asked before a page is encoded to be kept; after a False nothing of this text
                is. It spares those who only count pages the cost of files.

        Raises:
            InputError: There is nothing to draw.
            FontError: No installed font has some of the chars, and the renderer replaces none.
        """
        if renderer.compat or not isinstance(text, str):
            return renderer.render(text)
        return self._pages(page_key(renderer, text), lambda: renderer.render(text), wanted)

    def keep(self, key: str, draw: Callable[[], Iterator[Page]]) -> Iterator[Page]:
        """Returns an iterator over pages that are no renderer's: read, else drawn and kept.

        Args:
            key: A sha256, in hex, of all that the pages depend on.
            draw: Draws them, numbered from 0.

        Raises:
            InputError: The key is no such hash, so it might name another file.
        """
        if not is_key(key):
            raise InputError(f"a key is a sha256 in hexadecimal digits; got {excerpt(key)}")
        return self._pages(key, draw, _always)

    def redraw(self, renderer: Renderer, text: str, digest: str) -> Page:
        """Returns one page of a text by its digest: read, or drawn again where it was dropped.

        So that a program need keep no pages, only texts, θ and digests.

        Raises:
            InputError: No page of the text has this digest: text or θ is another, or font or
                renderer has changed since.
            FontError: No installed font has some of the chars, and the renderer replaces none.
        """
        count = 0
        for page in self.render(renderer, text):
            if page.digest == digest:
                return page
            count += 1
        raise InputError(
            f"none of the {count} pages of this text is {digest!r} any more: text or θ is not the "
            "one it was drawn from, or the font or the renderer has changed; render the text anew"
        )

    def usage(self) -> CacheUsage:
        """Counts the entries and their bytes."""
        return self.folder.usage()

    def clear(self) -> CacheUsage:
        """Removes all entries; returns what they were."""
        return self.folder.clear()

    def _pages(
        self, key: str, draw: Callable[[], Iterator[Page]], wanted: Callable[[], bool]
    ) -> Iterator[Page]:
        done, damaged = 0, False
        while (flight := self._join(key, draw, look=not damaged)) is None:
            try:
                with self.folder.open(key) as file:
                    for stored in read_entry(file):
                        yield self._shared(key, stored)
                        done += 1
                return
            except (DamagedEntry, OSError):
                damaged = True
                self.folder.remove(key)
        try:
            while (page := flight.page(done, wanted)) is not None:
                yield self._shared(key, page)
                done += 1
        except NotRecorded as ended:
            self._warn(ended.reason)
            rest = ended.rest
        else:
            return
        finally:
            self._leave(key, flight)
        yield from islice(draw(), done, None) if rest is None else rest

    def _join(self, key: str, draw: Callable[[], Iterator[Page]], *, look: bool) -> Flight | None:
        """Returns the drawing of these pages, begun if need be; None if there is an entry."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or flight.ended:
                # Looked for here, so that none who comes late begins a second drawing.
                if look and self.folder.has(key):
                    return None
                flight = self._flights[key] = Flight(draw(), self.folder, key)
            flight.readers += 1
            return flight

    def _leave(self, key: str, flight: Flight) -> None:
        with self._lock:
            flight.readers -= 1
            if flight.readers:
                return
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.close()

    def _shared(self, key: str, page: Page) -> Page:
        """Returns the same page to all who hold it, so that many readers need the room of one."""
        return self._alive.setdefault((key, page.index), page)

    def _warn(self, refusal: OSError | None) -> None:
        if refusal is None or self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            f"drawn pages cannot be kept in {str(self.folder.path)!r}: "
            f"{refusal.strerror or refusal}; going on without. Make room or rights there, name "
            f"another folder in GLYPH_CACHE_DIR, or set it to {_OFF!r}",
            CacheWarning,
            stacklevel=3,
        )


def default_store() -> PageStore | None:
    """Returns the store that clients and the command share.

    Its folder is ``pages`` in GLYPH_CACHE_DIR, else in ``glyph-context`` in XDG_CACHE_HOME, else in
    ``~/.cache/glyph-context``. None if GLYPH_CACHE_DIR is ``off``.
    """
    named = os.environ.get("GLYPH_CACHE_DIR")
    if named == _OFF:
        return None
    base = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache")
    return _store_at(Path(named or Path(base, "glyph-context")).expanduser().absolute() / "pages")


@lru_cache(maxsize=8)
def _store_at(folder: Path) -> PageStore:
    """Returns the process's store for a folder: one, so that all who ask share its drawings."""
    return PageStore(folder)


if hasattr(os, "register_at_fork"):
    # A forked process must not inherit locks that threads it does not have will never release.
    os.register_at_fork(after_in_child=_store_at.cache_clear)
