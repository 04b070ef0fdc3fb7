"""Cuts HTML into tags and text in linear time, whatever the input.

The standard library's parser takes time quadratic in the length of unclosed comments and tags
(CVE-2025-6069), and versions differ in what they make of bad markup. This scanner knows
less, namely no document types and no namespaces, and never looks twice for what is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"</?([a-zA-Z][^\s/>]*)")
_QUOTE_OR_END = re.compile(r"[\"'>]")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Their content is no markup and not for readers.
_RAW = {tag: re.compile(rf"</{tag}\b", re.IGNORECASE) for tag in ("script", "style")}


@dataclass(frozen=True, slots=True)
class HtmlEvent:
    """A tag or a stretch of text.

    Attributes:
        kind: ``open``, ``close`` or ``text``.
        value: The tag's name in lower case, or the text, its entities still escaped.
        source: The whole tag, for its attributes; empty for text.
        line: The line it begins on, from 1.
    """

    kind: Literal["open", "close", "text"]
    value: str
    source: str
    line: int


def html_events(source: str) -> Iterator[HtmlEvent]:
    """Yields the tags and texts of an HTML file, without comments, declarations and scripts."""
    return _Scanner(source).events()


class _Scanner:
    """Walks over the source once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._absent: set[str] = set()  # searched for in vain, so not in what remains either
        self._trust_quotes = True

    def events(self) -> Iterator[HtmlEvent]:
        at, line, text_start, text_line = 0, 1, 0, 1
        while True:
            tag = self._source.find("<", at)
            stop = self._stop_of(tag) if tag >= 0 else len(self._source)
            if tag >= 0 and stop is None:
                at = tag + 1  # a bare "<" is text
                continue
            text = self._source[text_start : tag if tag >= 0 else len(self._source)]
            if text:
                yield HtmlEvent("text", text, "", text_line)
            if tag < 0 or stop is None:
                return
            line = text_line + count_breaks(text)
            markup = self._source[tag:stop]
            if name := _NAME.match(markup):
                kind: Literal["open", "close"] = "close" if markup[1] == "/" else "open"
                yield HtmlEvent(kind, name[1].lower(), markup, line)
                if kind == "open" and (end := _RAW.get(name[1].lower())):
                    closing = end.search(self._source, stop)
                    stop = closing.start() if closing else len(self._source)
            text_line = line + count_breaks(self._source[tag:stop])
            at = text_start = stop

    def _stop_of(self, start: int) -> int | None:
        """Returns where the markup at a ``<`` ends, or None if it is none."""
        source = self._source
        if source.startswith("<!--", start):
            stop = self._find("-->", start + 4)
            return stop + 3 if stop >= 0 else None
        if source.startswith(("<!", "<?"), start):
            stop = self._find(">", start)
            return stop + 1 if stop >= 0 else None
        name = _NAME.match(source, start)
        if name is None or self._find(">", start) < 0:
            return None
        if self._trust_quotes and (stop := self._stop_outside_quotes(name.end())) >= 0:
            return stop + 1
        return self._find(">", start) + 1

    def _stop_outside_quotes(self, at: int) -> int:
        """Finds the ``>`` that ends a tag; a quote that is never closed is a char like others."""
        while found := _QUOTE_OR_END.search(self._source, at):
            if found[0] == ">":
                return found.start()
            closing = self._find(found[0], found.end())
            at = closing + 1 if closing >= 0 else found.end()
        self._trust_quotes = False
        return -1

    def _find(self, what: str, start: int) -> int:
        if what in self._absent:
            return -1
        found = self._source.find(what, start)
        if found < 0:
            self._absent.add(what)
        return found


def count_breaks(text: str) -> int:
    """Counts the line ends of any kind in a text."""
    return sum(1 for _ in _LINE_END.finditer(text))
