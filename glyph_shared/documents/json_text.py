"""JSON with one member per line, so that a page can be read and cited.

An array of plain values stays on one line: a column of numbers would fill pages.
Only white space changes, plus escapes that hide readable text: order, duplicate keys and the way a
number is written all stay. A file that is not valid JSON is kept as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from glyph_shared.documents.document import DocumentBuilder

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_LINE_END = re.compile(r"\r\n|\r|\n")
_INDENT = "  "


def add_json(builder: DocumentBuilder, source: str, *, path: str) -> None:
    """Appends a JSON file, laid out with two spaces of indent per level."""
    if not _is_json(source):
        builder.add(source, path=path, line=1)
        return
    for text, line in _laid_out(source):
        builder.add(text, path=path, line=line, follows_lines=False)
    builder.add("\n", path=path, line=1 + _count_breaks(source.rstrip()), follows_lines=False)


def _is_json(source: str) -> bool:
    try:
        # Numbers stay text: only the syntax is of interest, and a huge integer is refused by int.
        json.loads(source, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _laid_out(source: str) -> Iterator[tuple[str, int]]:
    """Yields each token with the white space before it, and the line it stands on."""
    tokens = list(_tokens(source))
    flat_opens = _flat_arrays([token for token, _ in tokens])
    depth = 0
    before = ""
    inline = False  # inside an array of plain values
    for index, (token, line) in enumerate(tokens):
        if token in "}]":
            depth -= 1
            gap = "" if inline or before in "{[" else _new_line(depth)
            inline = False
        elif token in ",:" or not before or (inline and before == "["):
            gap = ""
        else:
            gap = " " if inline or before == ":" else _new_line(depth)
        if token in "{[":
            depth += 1
            inline = index in flat_opens
        yield gap + _readable(token), line
        before = token


def _flat_arrays(tokens: list[str]) -> set[int]:
    """Returns where arrays open that hold plain values only; they fit a line of their own."""
    flat = set()
    following = ""
    for index in range(len(tokens) - 1, -1, -1):
        if tokens[index] == "[" and following == "]":
            flat.add(index)
        if tokens[index] in "{}[]":
            following = tokens[index]
    return flat


def _tokens(source: str) -> Iterator[tuple[str, int]]:
    line, last = 1, 0
    for match in _TOKEN.finditer(source):
        line += _count_breaks(source[last : match.start()])
        last = match.end()  # a JSON string holds no line break
        yield match.group(), line


def _new_line(depth: int) -> str:
    return "\n" + _INDENT * depth


def _readable(token: str) -> str:
    """Spells out escaped letters, unless they are halves of a char."""
    if "\\u" not in token:
        return token
    spelled = json.dumps(json.loads(token), ensure_ascii=False)
    return token if re.search("[\ud800-\udfff]", spelled) else spelled


def _count_breaks(text: str) -> int:
    return sum(1 for _ in _LINE_END.finditer(text))
