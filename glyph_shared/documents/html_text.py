"""HTML to readable text: one block per paragraph, headings marked, tables as rows.

Only what a reader of the page would see is kept; scripts, styles and hidden templates are dropped
and never run. Tags are forgiven as browsers forgive them.
"""

from __future__ import annotations

import html
import re

from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.documents.html_events import html_events

_DROPPED = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object"})
_PARAGRAPHS = frozenset(
    {"article", "blockquote", "dl", "figure", "ol", "p", "pre", "section", "table", "title", "ul"}
    | {f"h{level}" for level in range(1, 7)}
)
_LINES = frozenset(
    {"address", "aside", "body", "caption", "dd", "details", "dialog", "div", "dt", "fieldset"}
    | {"figcaption", "footer", "form", "header", "hr", "html", "legend", "li", "main", "nav"}
    | {"option", "select", "summary", "tbody", "tfoot", "thead", "tr"}
)
_BLOCKS = _PARAGRAPHS | _LINES
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol"})
_CELLS = frozenset({"td", "th"})
_LINE_END = re.compile(r"\r\n|\r|\n")
_ALTERNATIVE = re.compile(r"\salt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
# HTML's own white space: a no-break space is a char to keep.
_SPACES = re.compile(r"[ \t\n\r\f]+")


def add_html(builder: DocumentBuilder, source: str, *, path: str) -> None:
    """Appends the readable text of an HTML file."""
    reader = _Reader(builder, path)
    for event in html_events(source):
        if event.kind == "text":
            reader.text(event.value, event.line)
        elif event.kind == "open":
            reader.open(event.value, event.source, event.line)
        else:
            reader.close(event.value)


class _Reader:
    """Turns tags and text into text with origins.

    What stands between the last text and the next is kept apart until that text comes: line ends,
    or else a joint (a space, a cell border), and then a mark (a bullet, a heading's ``#``). So
    empty elements leave nothing behind.
    """

    def __init__(self, builder: DocumentBuilder, path: str) -> None:
        self._builder = builder
        self._path = path
        self._dropped: list[str] = []
        self._preformatted = 0
        self._pre_just_opened = False
        self._lists: list[int | None] = []  # per open list: items so far, None where unnumbered
        self._cells = 0
        self._row_has_text = False
        self._line_ends = 0
        self._joint = ""
        self._mark = ""
        self._has_text = False

    # -- events --------------------------------------------------------------------------------

    def open(self, tag: str, markup: str, line: int) -> None:
        """Opens a block, a list, a table cell, or a stretch to be dropped."""
        if tag in _DROPPED and not markup.endswith("/>"):
            self._dropped.append(tag)
        if self._dropped:
            return
        self._open_block(tag)
        if tag in _HEADINGS:
            self._mark = _HEADINGS[tag]
        elif tag == "br":
            self._line_ends += not self._mark
        elif tag == "li":
            self._mark = self._bullet()
        elif tag == "tr":
            self._cells, self._row_has_text = 0, False
        elif tag in _CELLS:
            self._open_cell()
        elif tag == "img" and (alt := _alternative(markup)):
            self._add(f"[image: {alt}]", line)

    def close(self, tag: str) -> None:
        """Closes what the start tag opened; a stray end tag changes nothing."""
        if self._dropped:
            if tag == self._dropped[-1]:
                self._dropped.pop()
            return
        if tag in _HEADINGS or tag in ("li", "tr"):
            self._mark = self._joint = ""
        if tag in _LISTS and self._lists:
            self._lists.pop()
        if tag in _BLOCKS:
            self._break(tag)
        if tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)

    def text(self, data: str, line: int) -> None:
        """Adds text, line of the file by line of the file."""
        if self._dropped:
            return
        pieces = [html.unescape(piece) for piece in _LINE_END.split(data)]
        if self._pre_just_opened and pieces[0] == "" and len(pieces) > 1:
            pieces, line = pieces[1:], line + 1  # HTML ignores a line end right after <pre>
        self._pre_just_opened = False
        for number, piece in enumerate(pieces):
            if self._preformatted:
                self._line_ends += number > 0
                self._add(piece, line + number)
            else:
                self._add_flowing(piece, line + number, continued=number > 0)

    # -- blocks --------------------------------------------------------------------------------

    def _open_block(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._break(tag)
        if tag == "pre":
            self._preformatted += 1
            self._pre_just_opened = True
        elif tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)

    def _break(self, tag: str) -> None:
        """Asks for a fresh line, or an empty one; a block right after a bullet stays beside it."""
        if not self._mark:
            # Inside a list item neither a list nor a paragraph is set apart.
            in_item = bool(self._lists) and (tag in _LISTS or tag == "p")
            apart = tag in _PARAGRAPHS and not in_item
            self._line_ends = max(self._line_ends, 2 if apart else 1)

    def _open_cell(self) -> None:
        """Draws the border to the cell before, unless that cell ended with blocks of its own."""
        if self._cells and not self._row_has_text:
            self._mark += "| "
        elif self._cells and not self._line_ends:
            self._joint = self._joint.rstrip() + " | "
        self._cells += 1

    def _bullet(self) -> str:
        if not self._lists:
            return "- "
        indent = "  " * (len(self._lists) - 1)
        items = self._lists[-1]
        if items is None:
            return f"{indent}- "
        self._lists[-1] = items + 1
        return f"{indent}{items + 1}. "

    # -- text ----------------------------------------------------------------------------------

    def _add_flowing(self, piece: str, line: int, *, continued: bool) -> None:
        squeezed = _SPACES.sub(" ", piece)
        if continued or squeezed.startswith(" "):
            self._joint = self._joint or " "
        self._add(squeezed.strip(" "), line)
        if squeezed.endswith(" "):
            self._joint = self._joint or " "

    def _add(self, text: str, line: int) -> None:
        if not text:
            return
        between = "\n" * self._line_ends or self._joint
        text = (between if self._has_text else "") + self._mark + text
        self._line_ends, self._joint, self._mark = 0, "", ""
        self._has_text = self._row_has_text = True
        self._builder.add(text, path=self._path, line=line, follows_lines=False)


def _alternative(markup: str) -> str:
    """Returns the text an ``<img>`` offers in place of its picture."""
    match = _ALTERNATIVE.search(markup)
    text = html.unescape(match[1] or match[2] or "") if match else ""
    return _SPACES.sub(" ", text).strip()
