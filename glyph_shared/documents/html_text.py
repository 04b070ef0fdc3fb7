"""HTML to readable text: one block per paragraph, headings marked, tables as rows.

Only what a reader of the page would see is kept; scripts, styles and hidden templates are dropped
and never run. Tags are forgiven as browsers forgive them.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from glyph_shared.documents.document import DocumentBuilder

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
# HTML's own white space: a no-break space is a char to keep.
_SPACES = re.compile(r"[ \t\n\r\f]+")


def add_html(builder: DocumentBuilder, source: str, *, path: str) -> None:
    """Appends the readable text of an HTML file.

    A file that is not HTML at all (a marked section no browser knows) is appended as it stands.
    """
    part = DocumentBuilder()
    parser = _Reader(part, path)
    try:
        parser.feed(source)
        parser.close()
    except AssertionError:
        # html.parser's answer to "<![something[": the tags can't be told from the text.
        builder.add(source, path=path, line=1)
    else:
        builder.extend(part.build(path))


class _Reader(HTMLParser):
    """Turns parser events into text with origins.

    What stands between the last text and the next is kept apart until that text comes: line ends,
    or else a joint (a space, a cell border), and then a mark (a bullet, a heading's ``#``). So
    empty elements leave nothing behind.
    """

    def __init__(self, builder: DocumentBuilder, path: str) -> None:
        super().__init__(convert_charrefs=True)
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

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a block, a list, a table cell, or a stretch to be dropped."""
        if tag in _DROPPED:
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
        elif tag == "img" and (alt := (dict(attrs).get("alt") or "").strip()):
            self._add(f"[image: {_SPACES.sub(' ', alt)}]", self.getpos()[0])

    def handle_endtag(self, tag: str) -> None:
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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Handles ``<br/>``; ``<script/>`` and the like hold nothing that could be dropped."""
        if tag not in _DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        """Adds text, line of the file by line of the file."""
        if self._dropped:
            return
        first = self.getpos()[0]
        if self._pre_just_opened and data.startswith("\n"):
            data, first = data[1:], first + 1  # HTML ignores a line end right after <pre>
        self._pre_just_opened = False
        for number, piece in enumerate(data.split("\n")):
            if self._preformatted:
                self._line_ends += number > 0
                self._add(piece, first + number)
            else:
                self._add_flowing(piece, first + number, continued=number > 0)

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
