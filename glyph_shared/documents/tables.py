r"""Delimited tables to rows a person can read: ``name | age | town``.

One row is one line. A ``|`` inside a cell is written ``\|`` and a line break inside a cell becomes
a space, so that rows and columns stay countable.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from glyph_shared.documents.document import DocumentBuilder

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# str.splitlines also cuts at form feeds and U+2028, which are part of a cell.
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BREAKS_IN_CELL = re.compile(r"\s*[\r\n]+\s*")


def add_table(builder: DocumentBuilder, source: str, *, path: str) -> None:
    """Appends the rows of a CSV or TSV file.

    A file the csv module refuses (a cell beyond its limit, which a stray quote can make) is
    appended as it stands.
    """
    try:
        rows = list(_rows(source))
    except csv.Error:
        builder.add(source, path=path, line=1)
        return
    for line, cells in rows:
        builder.add(" | ".join(cells) + "\n", path=path, line=line)


def _rows(source: str) -> Iterator[tuple[int, list[str]]]:
    """Yields each row with the line it begins on."""
    lines = _LINES.findall(source)
    reader = csv.reader(lines, delimiter=_delimiter(lines))
    begins = 1
    for row in reader:
        yield begins, [_cell(text) for text in row]
        begins = reader.line_num + 1


def _cell(text: str) -> str:
    return _BREAKS_IN_CELL.sub(" ", text.strip()).replace("|", "\\|")


def _delimiter(lines: list[str]) -> str:
    """Returns the separator that stands most often in the first line, outside quotes."""
    first = next((line for line in lines if line.strip()), "")
    bare = _QUOTED.sub("", first)
    return max(_DELIMITERS, key=bare.count)
