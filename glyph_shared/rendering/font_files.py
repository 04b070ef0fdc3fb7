"""Where fonts are: files named by the user, matplotlib's DejaVu family, fontconfig's list.

Nothing here reads a font's tables; see ``fonts`` for that.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from glyph_shared.errors import FontError, FontWarning
from glyph_shared.rendering.config_values import excerpt

DEFAULT_FONT = "DejaVuSans.ttf"

_LIST_TIMEOUT_S = 20
_NOT_FOR_TEXT = ("lastresort", "coloremoji", "adobeblank")
_NOT_FIRST = ("serif", "mono", "looped", "unjoined", "nastaliq", "kufi", "rashi")
"""Words in the names of families that draw a char only if no plainer one has it."""

_FACE_DIGITS = 5
_SFNT_MAGIC = (b"\0\1\0\0", b"true", b"OTTO", b"ttcf")


class FontFile(NamedTuple):
    """One face: a file, and its index in a collection.

    Attributes:
        path: The file.
        face: The index.
        stamp: What changes when the file is replaced; empty where nobody looked.
    """

    path: Path
    face: int = 0
    stamp: tuple[int, ...] = ()


class SystemFont(NamedTuple):
    """One entry of fontconfig's list; ``charset`` holds hexadecimal ranges such as ``20-7e``."""

    file: FontFile
    families: tuple[str, ...]
    rank: tuple[int, int, int, str]
    charset: str


@lru_cache(maxsize=1)
def bundled_folder() -> Path:
    """Returns matplotlib's font folder, found without importing matplotlib.

    Raises:
        FontError: matplotlib is not installed.
    """
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise FontError("matplotlib, whose DejaVu fonts are the default, is not installed")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def find_font(name: str | None) -> FontFile:
    """Returns the file of a path, file name or family name; DejaVu Sans where there is none.

    Of several names with commas between them, the first that is installed counts.

    Constructing a config refuses an absent font, so the substitute serves only configs read by
    ``RenderConfig.from_json``, which has warned. The stamp makes a file that was replaced since
    another one, so whatever is remembered of the old one is not used for it.
    """
    found = _located(name) or FontFile(bundled_folder() / DEFAULT_FONT)
    return found._replace(stamp=_stamp(found.path))


def require_font(name: str | None, *, may_be_absent: bool = False) -> None:
    """Checks that a font exists, and by its first bytes that it is one.

    Raises:
        FontError: Neither a file nor an installed font has this name, or the file is no font.
    """
    if name is None:
        return
    found = _located(name)
    if found is not None:
        _read_magic(found.path)
    elif not may_be_absent:
        raise FontError(
            f"no font {excerpt(name)}: not a file, not among matplotlib's fonts, not known to "
            "fontconfig; give a .ttf/.otf path, or None for DejaVu Sans"
        )


def warn_if_absent(name: str | None) -> None:
    """Warns that DejaVu Sans stands in for a font that is not installed."""
    if name is not None and _located(name) is None:
        warnings.warn(
            f"font {excerpt(name)} is not installed; DejaVu Sans is drawn instead", FontWarning, 3
        )


def read_font_bytes(path: Path) -> bytes:
    """Reads a TrueType or OpenType file.

    Raises:
        FontError: The file cannot be read, or holds another format.
    """
    _read_magic(path)
    return path.read_bytes()


def _read_magic(path: Path) -> None:
    """Reads the bytes that say what a file is."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise FontError(f"cannot read font {str(path)!r}: {error.strerror}") from None
    if magic not in _SFNT_MAGIC:
        kind = "a web font (WOFF)" if magic[:3] == b"wOF" else "not a TrueType or OpenType font"
        raise FontError(f"{str(path)!r} is {kind}; convert it to .ttf or .otf")


def _located(name: str | None) -> FontFile | None:
    if name is None:
        return FontFile(bundled_folder() / DEFAULT_FONT)
    stem, _, number = name.rpartition("#")
    if stem and number.isdecimal() and len(number) <= _FACE_DIGITS:
        found = _located(stem)
        return found and FontFile(found.path, int(number))
    path = Path(name)
    if _is_file(path):
        return FontFile(path)
    if "," in name:
        found_names = (_located(one.strip()) for one in name.split(","))
        return next((one for one in found_names if one is not None), None)
    bundled = bundled_folder() / path.name
    if _is_file(bundled):
        return FontFile(bundled)
    return _installed(path.name)


def _installed(name: str) -> FontFile | None:
    """Finds a file or family name in fontconfig's list, the most regular face first."""
    wanted = name.casefold()
    for font in system_fonts():
        families = (family.casefold() for family in font.families)
        if font.file.path.name.casefold() == wanted or wanted in families:
            return font.file
    bundled = bundled_folder() / f"{name.replace(' ', '')}.ttf"
    return FontFile(bundled) if _is_file(bundled) else None


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:  # reading it will say so
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _is_file(path: Path) -> bool:
    """Tells whether a path leads to a file; one that no system takes as a path does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@lru_cache(maxsize=1)
def system_fonts() -> tuple[SystemFont, ...]:
    """Lists fontconfig's scalable fonts, upright regular sans first; empty without fontconfig."""
    command = shutil.which("fc-list")
    if command is None:
        return ()
    names = ("file", "index", "weight", "slant", "scalable", "color", "charset", "family")
    form = "\t".join(f"%{{{name}}}" for name in names) + "\n"
    try:
        listing = subprocess.run(
            [command, "--format", form], capture_output=True, timeout=_LIST_TIMEOUT_S, check=True
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return ()
    fonts = [font for line in listing.splitlines() if (font := _parse_listed(line)) is not None]
    return tuple(sorted(fonts, key=lambda font: font.rank))


def _parse_listed(line: str) -> SystemFont | None:
    fields = line.split("\t")
    if len(fields) != 8:
        return None
    path, index, weight, slant, scalable, colored, charset, family = fields
    # Pictures in color, as of emoji, have no outlines to draw in black.
    if scalable != "True" or colored == "True":
        return None
    # A variable font lists named instances with an index above 16 bits and its axes as "[a b]".
    if not (index.isdecimal() and int(index) < 1 << 16 and weight.isdecimal()):
        return None
    if Path(path).suffix.lower() not in (".ttf", ".otf", ".ttc"):
        return None
    if any(word in Path(path).name.casefold() for word in _NOT_FOR_TEXT):
        return None
    rank = (
        abs(int(weight) - 80) + 1000 * int(slant != "0"),
        int(any(word in family.casefold() for word in _NOT_FIRST)),
        int(index),
        path,
    )
    return SystemFont(FontFile(Path(path), int(index)), tuple(family.split(",")), rank, charset)
