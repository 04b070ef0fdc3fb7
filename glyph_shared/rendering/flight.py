"""One drawing of a text that any number of readers share: each page is drawn once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from glyph_shared.rendering.cache_folder import CacheFolder
from glyph_shared.rendering.page import Page
from glyph_shared.rendering.page_record import (
    MARK,
    DamagedEntry,
    closing_record,
    page_record,
    read_record,
)


class NotRecorded(Exception):
    """The flight has ended without an entry.

    Attributes:
        rest: The pages from the one asked for on, for the reader under whom the flight ended; None
            for the others, who must draw again.
        reason: The system's refusal, if that was it; told to one reader.
    """

    def __init__(self, rest: Iterator[Page] | None, reason: OSError | None = None) -> None:
        super().__init__()
        self.rest = rest
        self.reason = reason


class Flight:
    """Pages drawn for the first reader who needs them, and read from the entry by the others.

    Whoever needs the next page draws it, so no reader waits for one who has paused, and one thread
    may have several. Pages are held on disk alone.

    Attributes:
        readers: How many there are; kept by the store.
        ended: Whether the flight is over without an entry.
    """

    def __init__(self, pages: Iterator[Page], folder: CacheFolder, key: str) -> None:
        self.readers = 0
        self.ended = False
        self._pages = pages
        self._folder, self._key = folder, key
        self._lock = threading.Lock()
        self._complete = False
        self._file: BinaryIO | None = None
        self._temporary: Path | None = None
        self._offsets: list[int] = []

    def page(self, index: int, wanted: Callable[[], bool]) -> Page | None:
        """Returns a page, drawn now if it is the next; None behind the last.

        Raises:
            NotRecorded: The page cannot be had from here.
        """
        with self._lock:
            if self.ended:
                raise NotRecorded(None)
            if index < len(self._offsets):
                return self._recorded(index)
            # More than once for a reader whose entry turned out to be damaged midway.
            page = None
            while not self._complete and index >= len(self._offsets):
                page = self._next(wanted, index - len(self._offsets))
            return page

    def close(self) -> None:
        """Lets go of the file, and of what was not completed."""
        with self._lock:
            self._discard()

    def _next(self, wanted: Callable[[], bool], skip: int) -> Page | None:
        """Draws and records a page; ``skip`` more come before the one that was asked for."""
        try:
            page = next(self._pages, None)
        except BaseException:
            # A generator that raised would look finished to the other readers.
            self._discard()
            raise
        try:
            if page is None:
                self._publish()
            elif not wanted() or not self._record(page):
                raise NotRecorded(islice(chain([page], self._pages), skip, None))
        except NotRecorded:
            self._discard()
            raise
        except OSError as refusal:
            self._discard()
            rest = () if page is None else chain([page], self._pages)
            raise NotRecorded(islice(rest, skip, None), refusal) from None
        return page

    def _record(self, page: Page) -> bool:
        """Writes a page behind the others; False if the entry would take too much of the store."""
        if self._file is None:
            self._file, self._temporary = self._folder.begin(self._key)
            self._file.write(MARK)
        record = page_record(page)
        offset = self._file.seek(0, 2)
        if offset + len(record) > self._folder.limit_bytes // 2:
            return False
        self._file.write(record)
        self._file.flush()
        self._offsets.append(offset)
        return True

    def _recorded(self, index: int) -> Page:
        assert self._file is not None
        try:
            self._file.seek(self._offsets[index])
            page = read_record(self._file)
        except (DamagedEntry, OSError):
            self._discard()
            raise NotRecorded(None) from None
        assert isinstance(page, Page)
        return page

    def _publish(self) -> None:
        assert self._file is not None
        assert self._temporary is not None
        self._file.seek(0, 2)
        self._file.write(closing_record(len(self._offsets)))
        self._file.flush()
        # Somebody may have cleared the folder meanwhile; the pages are still in the open file.
        with suppress(FileNotFoundError):
            self._folder.publish(self._temporary, self._key)
        self._temporary = None
        self._complete = True

    def _discard(self) -> None:
        self.ended = True
        try:
            if self._file is not None:
                self._file.close()
        except OSError:  # a full disk refuses once more what is still to be written
            pass
        finally:
            if self._temporary is not None:
                with suppress(OSError):
                    self._temporary.unlink()
            self._file = self._temporary = None
