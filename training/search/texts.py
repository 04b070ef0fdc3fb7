"""The texts that looks are measured on, each in three parts that share no paragraph.

``search`` is what a search sees, ``choice`` decides among its best, ``confirm`` is for the one that
was chosen. Without files of your own: prose and code of Python's library, and the Chinese manual
pages and messages that Debian's packages login, passwd and vim-runtime install.
"""

from __future__ import annotations

import ast
import gettext
import gzip
import re
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from glyph_shared.errors import InputError

Part = Literal["search", "choice", "confirm"]

PARTS: tuple[Part, ...] = ("search", "choice", "confirm")

_NOT_LIBRARY = ("test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages")
_MARKUP = re.compile(r"[*`|\\]+")
_HAN = re.compile("[\u4e00-\u9fff]")
_ROFF = re.compile(r"\\f[A-Z]|\\&|\\m\[[a-z]*\]|\\-")
_MANUALS, _MESSAGES = Path("/usr/share/man/zh_CN"), "/usr/share/vim/vim*/lang/zh_CN.UTF-8"
_SENTENCES = 6
"""Chinese sentences that make a paragraph."""


def text_of(source: str, part: Part, length: int) -> str:
    """Returns so many chars of a part of a text, from its beginning.

    Args:
        source: ``prose``, ``code`` or ``chinese``, or a file of your own, whose paragraphs are
            dealt out in turn.
        part: Which of the three.
        length: How many chars; fewer where there are no more, but at least half.

    Raises:
        InputError: There is no such text, or too little of it.
    """
    pieces = _pieces(source)
    joined = "\n\n".join(pieces[PARTS.index(part) :: len(PARTS)])[:length]
    if len(joined) < length / 2:
        raise InputError(
            f"{source!r} has {len(joined):,} chars for part {part!r}; at least {length // 2:,} are "
            "needed: give a longer file, or measure fewer chars"
        )
    return joined


@lru_cache(maxsize=8)
def _pieces(source: str) -> tuple[str, ...]:
    """Returns what is dealt out: paragraphs, or for code whole classes and functions."""
    if source in _SOURCES:
        return tuple(_SOURCES[source]())
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"a text is one of {', '.join(_SOURCES)} or a file; got {source!r}: {error}"
        ) from None
    return tuple(piece for piece in re.split(r"\n\s*\n", text) if piece.strip())


def _prose() -> Sequence[str]:
    """Paragraphs of the library's docstrings: longer than two lines, not indented as code."""
    blocks = (block for text in _docstrings() for block in text.split("\n\n"))
    flat = (
        " ".join(_MARKUP.sub("", block).split())
        for block in blocks
        if not block.startswith("    ") and ">>>" not in block
    )
    return tuple(dict.fromkeys(block for block in flat if len(block) > 150))


def _code() -> Sequence[str]:
    """The library's classes and functions as they are written, a file after the other."""
    return tuple(piece for text in _sources() for piece in _definitions(text))


def _chinese() -> Sequence[str]:
    """Paragraphs of some sentences each."""
    sentences = tuple(dict.fromkeys((*_manual_lines(), *_vim_messages())))
    grouped = (sentences[at : at + _SENTENCES] for at in range(0, len(sentences), _SENTENCES))
    return tuple("".join(group) for group in grouped)


_SOURCES: Mapping[str, Callable[[], Sequence[str]]] = MappingProxyType(
    {"prose": _prose, "code": _code, "chinese": _chinese}
)


def _sources() -> Iterator[str]:
    library = Path(sysconfig.get_path("stdlib"))
    for file in sorted([*library.glob("*.py"), *library.glob("[a-z]*/*.py")]):
        if file.parent.name not in _NOT_LIBRARY:
            yield file.read_text(encoding="utf-8", errors="replace")


def _docstrings() -> Iterator[str]:
    for text in _sources():
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""


def _definitions(text: str) -> Iterator[str]:
    starts = [match.start() for match in re.finditer(r"^(?:class|def|async def) ", text, re.M)]
    for start, stop in pairwise([*starts, len(text)]):
        yield text[start:stop].rstrip()


def _manual_lines() -> Iterator[str]:
    for file in sorted(_MANUALS.glob("man*/*.gz")):
        text = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        lines = (line for line in text.split("\n") if line[:1] not in (".", "'", ""))
        yield from _sentences(_ROFF.sub("", line).strip() for line in lines)


def _vim_messages() -> Iterator[str]:
    for folder in sorted(Path("/").glob(_MESSAGES.lstrip("/"))):
        with (folder / "LC_MESSAGES" / "vim.mo").open("rb") as file:
            catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        lines = (line for text in catalog.values() for line in str(text).split("\n"))
        yield from _sentences(line.strip() for line in lines)


def _sentences(lines: Iterator[str]) -> Iterator[str]:
    """Yields lines that are mostly Chinese, each with an end."""
    for line in lines:
        if len(line) >= 6 and len(_HAN.findall(line)) >= 0.5 * len(line):
            yield line if line[-1] in "。！？：；" else f"{line}。"
