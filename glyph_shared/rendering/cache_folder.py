"""Folders of kept files: whole files or none; that of the page store of the user alone."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_KEY = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"[0-9a-f]{16}\.\w+\.tmp")
_PAGES = ".pages"
_STALE_S = 600
"""Seconds after its last write at which a temporary file is taken for a dead process's. Should its
process live, it finds the file gone at the end and keeps nothing."""

_SLACK = 16
"""The folder is looked through once for this part of its limit that a process writes, and has as
much room then: with a look for each entry, many small texts would take quadratic time."""


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """What a folder holds: whole entries, and the bytes of all files, unfinished ones included."""

    entries: int
    size_bytes: int


class KeptFiles:
    """Files named by a sha256 and a suffix, beside files of others, which are left alone."""

    def __init__(self, path: Path, suffix: str) -> None:
        self.path = path
        self._entry_name = re.compile(_KEY.pattern + re.escape(suffix))

    def usage(self) -> CacheUsage:
        """Counts what is there."""
        files = list(self._files())
        entries = sum(path.suffix != ".tmp" for path, _ in files)
        return CacheUsage(entries, sum(found.st_size for _, found in files))

    def clear(self) -> CacheUsage:
        """Removes these files and nothing else; returns what they were."""
        before = self.usage()
        for path, _ in self._files():
            _remove(path)
        left = self.usage()
        return CacheUsage(before.entries - left.entries, before.size_bytes - left.size_bytes)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Yields the entries, and files that are being written or were left by a dead process."""
        try:
            names = os.listdir(self.path)
        except OSError:
            return
        for name in filter(self._is_ours, names):
            try:
                yield self.path / name, (self.path / name).lstat()
            except OSError:  # another process was quicker
                continue

    def _is_ours(self, name: str) -> bool:
        return bool(self._entry_name.fullmatch(name) or _TEMPORARY.fullmatch(name))


class CacheFolder(KeptFiles):
    """The page store's entries, by key. An entry appears at once and whole, or not at all.

    Nothing is synced to the disk: a killed process leaves at most a temporary file, and what a
    power cut tears is found by its checksum.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        super().__init__(path, _PAGES)
        self.limit_bytes = limit_bytes
        self._room = 0  # bytes that may be written before the folder is looked through

    def has(self, key: str) -> bool:
        """Tells whether there is an entry."""
        return self._entry(key).is_file()

    def open(self, key: str) -> BinaryIO:
        """Opens an entry, which from then on is the one used last.

        Raises:
            OSError: There is none, or the folder is not the user's alone.
        """
        entry = self._entry(key)
        file = entry.open("rb")
        try:
            self._check()
            os.utime(entry)
        except OSError:
            file.close()
            raise
        return file

    def begin(self, key: str) -> tuple[BinaryIO, Path]:
        """Makes a temporary file for an entry.

        Raises:
            OSError: The folder cannot be written to, or is not the user's alone.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check()
        number, name = tempfile.mkstemp(".tmp", f"{key[:16]}.", self.path)
        return os.fdopen(number, "w+b"), Path(name)

    def publish(self, temporary: Path, key: str) -> None:
        """Makes a complete temporary file the entry, and drops what was used longest ago.

        Processes that write at the same time may each exceed the limit by a sixteenth.

        Raises:
            OSError: It cannot be put in place.
        """
        size = temporary.stat().st_size
        os.replace(temporary, self._entry(key))
        self._room -= size
        if self._room < 0:
            self.trim()

    def remove(self, key: str) -> None:
        """Removes an entry if it is there and can be removed."""
        _remove(self._entry(key))

    def trim(self) -> None:
        """Removes stale temporary files, and beyond the limit entries until there is room again."""
        files = list(self._files())
        for path, found in files:
            if path.suffix == ".tmp" and found.st_mtime < time.time() - _STALE_S:
                _remove(path)
        entries = [file for file in files if file[0].suffix == _PAGES]
        size = sum(found.st_size for _, found in entries)
        slack = self.limit_bytes // _SLACK
        kept_bytes = self.limit_bytes - slack if size > self.limit_bytes else size
        for path, found in sorted(entries, key=lambda file: file[1].st_mtime_ns):
            if size <= kept_bytes:
                break
            _remove(path)
            size -= found.st_size
        self._room = min(slack, self.limit_bytes - size)

    def _entry(self, key: str) -> Path:
        return self.path / f"{key}{_PAGES}"

    def _check(self) -> None:
        """Refuses a folder into which others could put pages of theirs."""
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise PermissionError(f"{str(self.path)!r} is a link or no folder")
        if hasattr(os, "geteuid") and (
            found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise PermissionError(f"others can write to {str(self.path)!r}")


def is_key(key: str) -> bool:
    """Tells whether a key makes a file name of the store's own kind."""
    return _KEY.fullmatch(key) is not None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # read-only, or no longer a file: nothing is lost but room
        return
