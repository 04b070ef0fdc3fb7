"""What the subcommands say, and where: results to standard output, all else to standard error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from glyph_shared.documents import OBJECT_MARK, Document, page_ranges
from glyph_shared.errors import FontError
from glyph_shared.planning import counted
from glyph_shared.rendering import RenderConfig, Renderer
from glyph_shared.rendering.missing import font_advice, named_chars

out = Console()
err = Console(stderr=True)

_TOLD = 8
"""Reasons for pictures that are told for a file; there may be one for each source page."""

_CHARS_NAMED = 3

# A document or a model could write orders to the terminal; only line breaks and tabs pass.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def say(text: str, *, end: str = "\n", style: str | None = None) -> None:
    """Prints a result as it is: no markup, no colours guessed, no lines broken."""
    out.print(printable(text), end=end, style=style, markup=False, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Tells something that is worth knowing but stops nothing."""
    _to_stderr(text, "yellow")


def tell_error(text: str) -> None:
    """Tells what went wrong."""
    _to_stderr(text, "red")


def printable(text: str) -> str:
    """Replaces control characters, which a terminal would obey, and what UTF-8 cannot write."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@contextmanager
def progress(
    what: str, total: int | None, *, count: bool = False
) -> Iterator[tuple[Progress, TaskID]]:
    """Shows a bar on standard error while the block runs; nothing where that is no terminal.

    Args:
        what: What is being done.
        total: How much there is; None if that is told later.
        count: Whether the numbers themselves mean something to a reader, as pages do.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn() if count else TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar, bar.add_task(what, total=total)


def tell_skipped(document: Document) -> None:
    """Names the files of a folder that could not be read."""
    for skipped in document.skipped:
        note(f"left out {skipped.path}: {skipped.reason}")


def tell_source_pages(document: Document) -> None:
    """Tells which source pages are shown as pictures, and why."""
    shown = [page for page in document.source_pages if page.kind == "picture"]
    for path, group in groupby(shown, key=lambda page: page.path):
        pages = list(group)
        of = sum(page.path == path for page in document.source_pages)
        why: dict[str, list[int]] = {}
        for page in pages:
            why.setdefault(page.reason, []).append(page.number)
        told = [f"p. {page_ranges(numbers)} {reason}" for reason, numbers in why.items()]
        more = f"; and {counted(len(told[_TOLD:]), 'other reason')}" if told[_TOLD:] else ""
        note(
            f"{path}: {len(pages):,} of {counted(of, 'source page')} as pictures: "
            f"{'; '.join(told[:_TOLD])}{more}"
        )


def tell_replaced(chars: int, text: str, config: RenderConfig | None = None) -> None:
    """Counts the chars that no font has, and names some of them with what to install.

    Args:
        chars: How many were replaced.
        text: What they stand in.
        config: The θ of the text's pages; its font may have chars that no other has.
    """
    if not chars:
        return
    have = "has" if chars == 1 else "have"
    lacking = _lacking(text, config)
    if not lacking:
        note(
            f"{counted(chars, 'control character')} {have} no shape, so a visible replacement was "
            "drawn"
        )
        return
    note(
        f"{counted(chars, 'char')} {have} no shape in any installed font, so a visible replacement "
        f"was drawn: {named_chars(lacking, _CHARS_NAMED)}; {font_advice(lacking)}"
    )


def _lacking(text: str, config: RenderConfig | None) -> tuple[int, ...]:
    try:
        # Checks before it draws, and no page is asked for.
        Renderer(config).render(text.replace(OBJECT_MARK, " "))
    except FontError as error:
        return error.codepoints
    return ()


def _to_stderr(text: str, style: str) -> None:
    line = f"glyph: {printable(text)}"
    err.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
