"""Texts of any length from what every Python brings along: its documentation and its source."""

from __future__ import annotations

import ast
import itertools
import random
import re
import sysconfig
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from pydoc_data.topics import topics

_MARKUP = re.compile(r"[*`|\\]+")


def prose(length: int) -> str:
    """Paragraphs of running text, a blank line between them."""
    return _cycled(_paragraphs(), "\n\n", length)


def one_paragraph(length: int) -> str:
    """The same words without a single newline."""
    return _cycled(_paragraphs(), " ", length)


def code(length: int) -> str:
    """Python source: short lines, deep indents."""
    return _cycled(_sources(), "\n", length)


def chinese(length: int) -> str:
    """Frequent Chinese chars in random order, in sentences and paragraphs of ordinary length."""
    pick = random.Random(2510)
    chars = [bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in _CELLS]
    sentences = (
        "".join(pick.choices(chars, k=pick.randint(6, 30))) + "。" for _ in itertools.count()
    )
    paragraphs = (
        "".join(itertools.islice(sentences, pick.randint(2, 9))) for _ in itertools.count()
    )
    return _taken(paragraphs, "\n", length)


def mixed(length: int) -> str:
    """Chinese with what is mixed into it: words, quotes, spaces, blank lines, markup."""
    pick = random.Random(3)
    changes: tuple[Callable[[str], str], ...] = (
        lambda line: line.replace("。", "，and some English words, (quoted) “here” as usual; ", 2),
        lambda line: line.replace("。", "！ ", 2),
        lambda line: f"  {line} ",
        lambda line: f"\u3000\u3000{line}   x  & <b> y",
        lambda line: f"{'x' * 90} {line}",
        lambda line: f"{line}\n",
        lambda line: f"{line}\n ",
    )
    lines = chinese(length).split("\n")
    return "\n".join(pick.choice(changes)(line) if pick.random() < 0.5 else line for line in lines)[
        :length
    ]


def odd(length: int) -> str:
    """What layout stumbles over: blank lines, runs of spaces, long words, markup, odd spaces."""
    pick = random.Random(7)
    plain = ["word ", "a&b ", "<x> ", "& ", "x<y ", "tail\n", "\n", "\n\n", "  ", "    ", " \t"]
    rare = ["\u2028", "\r\n", "so\u00adft ", "\u200b", "W" * 90 + " ", "long" * 60 + " "]
    parts = (pick.choice(plain if pick.random() < 0.8 else rare) for _ in itertools.count())
    return _taken(parts, "", length)


def novel(length: int) -> str:
    """Paragraphs of running text, no two alike: documentation, then the library's docstrings.

    There are about 1.2 million chars of them; a longer text is refused.
    """
    paragraphs = dict.fromkeys((*_paragraphs(), *_docstring_paragraphs()))
    text = "\n\n".join(paragraphs)
    if len(text) < length:
        raise ValueError(f"length must be at most {len(text):,}; got {length:,}")
    return text[:length]


def named(name: str, length: int) -> str:
    """One of the texts above by its name, or the beginning of a file."""
    if name in _TEXTS:
        return _TEXTS[name](length)
    return Path(name).read_text(encoding="utf-8")[:length]


def prose_chunks(length: int) -> Iterator[str]:
    """`prose` in pieces of 64 KB, so that nobody holds all of it."""
    piece = prose(1 << 16)
    for _ in range(length // len(piece)):
        yield piece


_TEXTS = {"prose": prose, "one paragraph": one_paragraph, "code": code, "chinese": chinese}
_NOT_LIBRARY = ("test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages")
_CELLS = range(0xA1, 0xFA)


@lru_cache
def _paragraphs() -> tuple[str, ...]:
    """Documentation paragraphs that are prose: longer than two lines, not indented as code."""
    blocks = (block for topic in topics.values() for block in topic.split("\n\n"))
    flat = (
        " ".join(_MARKUP.sub("", block).split())
        for block in blocks
        if not block.lstrip("\n").startswith("    ")
    )
    return tuple(block for block in flat if len(block) > 200)


@lru_cache
def _docstring_paragraphs() -> tuple[str, ...]:
    """Paragraphs of the standard library's docstrings that are prose, as `_paragraphs` has it."""
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(library.glob("*.py")) + sorted(library.glob("[a-z]*/*.py"))
    kept = (file for file in files if file.parent.name not in _NOT_LIBRARY)
    docstrings = (text for file in kept for text in _docstrings(file.read_bytes()))
    blocks = (block for text in docstrings for block in text.split("\n\n"))
    flat = (
        " ".join(_MARKUP.sub("", block).split())
        for block in blocks
        if not block.startswith("    ") and ">>>" not in block
    )
    return tuple(block for block in flat if len(block) > 80)


def _docstrings(source: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@lru_cache
def _sources() -> tuple[str, ...]:
    library = Path(sysconfig.get_path("stdlib"))
    names = ("argparse", "ast", "datetime", "inspect", "tarfile", "typing", "zipfile", "pickle")
    files = (library / f"{name}.py" for name in names)
    return tuple(file.read_text(encoding="utf-8") for file in files if file.exists())


def _cycled(parts: tuple[str, ...], joint: str, length: int) -> str:
    return _taken(itertools.cycle(parts), joint, length)


def _taken(parts: Iterator[str], joint: str, length: int) -> str:
    chosen, size = [], 0
    while size < length:
        chosen.append(next(parts))
        size += len(chosen[-1]) + len(joint)
    return joint.join(chosen)[:length]
