"""Which files of a folder are read, and in which order.

The order is that of the path's names, char by char, on every machine. Left out are the folders of
version control, whatever ``.gitignore`` files exclude (those of the folder, of each folder below,
and of the folders above up to the repository's root), symbolic links, and ``.env`` files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

_VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", "CVS", "_darcs"})

# Files of environment variables, such as .env.local and .envrc: pages may go to a remote server.
_SECRETS = ".env"


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A file of a folder; ``problem`` says why it cannot be read, else it is empty."""

    path: Path
    name: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Rules:
    """One ``.gitignore`` and the folder its patterns are relative to."""

    folder: Path
    spec: GitIgnoreSpec

    def verdict(self, path: Path, *, is_folder: bool) -> bool | None:
        """Returns True for ignored, False for expressly kept, None for not mentioned."""
        relative = path.relative_to(self.folder).as_posix() + ("/" if is_folder else "")
        return self.spec.check_file(relative).include


def walk(root: Path) -> Iterator[FolderEntry]:
    """Yields the files below ``root`` in their stable order."""
    root = root.resolve()
    rules = _rules_above(root)
    if _is_ignored(root, rules, is_folder=True):
        rules = ()  # whoever names an ignored folder wants it read
    yield from _walk(root, root, rules)


def printable_path(path: Path) -> str:
    """Returns a path as one line of valid text, whatever bytes the file system allowed in it."""
    text = os.fsencode(path.as_posix()).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _walk(folder: Path, root: Path, rules: tuple[_Rules, ...]) -> Iterator[FolderEntry]:
    rules += _rules_of(folder)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _entry(folder, root, f"cannot be listed: {error.strerror}")
        return
    for entry in entries:
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        if _is_ignored(path, rules, is_folder=is_folder):
            continue
        if is_folder:
            if entry.name not in _VERSION_CONTROL:
                yield from _walk(path, root, rules)
        else:
            yield _entry(path, root, _problem(entry, root))


def _entry(path: Path, root: Path, problem: str) -> FolderEntry:
    return FolderEntry(path, printable_path(path.relative_to(root)), problem)


def _problem(entry: os.DirEntry[str], root: Path) -> str:
    """Says why an entry is not read; empty if it is."""
    if entry.is_symlink():
        return _link_problem(entry.path, root)
    if not entry.is_file():
        return "not a regular file"
    if entry.name.startswith(_SECRETS):
        return "may hold keys and passwords; name the file itself to have it read"
    return ""


def _link_problem(link: str, root: Path) -> str:
    # Unlike Path.resolve, neither call raises for a link to itself.
    if not Path(os.path.realpath(link)).is_relative_to(root):
        return "symbolic link that leaves the folder"
    if not os.path.exists(link):
        return "symbolic link to nothing"
    # To follow it would only repeat its target.
    return "symbolic link; its target is read in its own place"


def _is_ignored(path: Path, rules: tuple[_Rules, ...], *, is_folder: bool) -> bool:
    """Asks the nearest ``.gitignore`` first, as git does."""
    for rule in reversed(rules):
        verdict = rule.verdict(path, is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False


def _rules_above(root: Path) -> tuple[_Rules, ...]:
    """Returns the rules of the folders above ``root`` that belong to the same repository."""
    if (root / ".git").exists():
        return ()
    above: list[_Rules] = []
    for folder in root.parents:
        above[:0] = _rules_of(folder)
        if (folder / ".git").exists():
            return tuple(above)
    return ()


def _rules_of(folder: Path) -> tuple[_Rules, ...]:
    try:
        lines = (
            (folder / ".gitignore").read_text(encoding="utf-8-sig", errors="replace").splitlines()
        )
    except OSError:
        return ()
    return (_Rules(folder, GitIgnoreSpec.from_lines(lines)),)
