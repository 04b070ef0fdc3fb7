"""Long texts within the messages that stay: most of each goes on pages, its edges stay text.

Pages can stand only in a user's message: GLM-4.1V's chat template drops images of other roles. So
those of another role's text, and its own images, wait for the next user message, or get one of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from glyph_shared.asking.drawn_turns import DrawnTurns
from glyph_shared.asking.turns import Message, Part, message_runs
from glyph_shared.planning import TextTokenCounter, Thetas
from glyph_shared.rendering import PageStore

DEFAULT_LONG_TEXT_TOKENS = 4096
"""Text tokens. With fewer the text itself is surer, and costs little."""

EDGE_TOKENS = 128
"""Text tokens that stay text at each end, in whole lines: where instructions and questions are."""

_GAP = "\n[What stands here is on the images above.]\n"
_ELSEWHERE = "\n[What stands here is on images in the next user message.]\n"
_OWN_MESSAGE = "The images above show what the messages before leave to them."


@dataclass
class LongTexts:
    """Draws the long texts of messages, one message after the other.

    Attributes:
        thetas: What draws them.
        counter: Who counts text tokens.
        least_tokens: The text tokens from which a text counts as long.
        store: Where pages are kept and taken from; None for nowhere.
        drawn: What has been drawn so far.
    """

    thetas: Thetas
    counter: TextTokenCounter
    least_tokens: int
    store: PageStore | None = None
    drawn: DrawnTurns = field(default_factory=DrawnTurns)

    def draw(self, messages: Iterable[Message]) -> list[Message]:
        """Returns the messages with pages in place of most of each long text."""
        sent: list[Message] = []
        waiting: list[Part] = []
        for message in messages:
            if waiting and message["role"] == "assistant":
                sent.append(_own_message(waiting))
                waiting = []
            shown, pages = self._apart(message)
            if message["role"] == "user":
                shown = _headed([*waiting, *pages], shown)
                waiting = []
            else:
                waiting += pages
            sent.append(shown)
        return [*sent, _own_message(waiting)] if waiting else sent

    def _apart(self, message: Message) -> tuple[Message, list[Part]]:
        """Returns a message without its long texts, and the pages of these.

        The images of another role than the user's are among the pages: they are seen nowhere else.
        """
        is_users = message["role"] == "user"
        note = _GAP if is_users else _ELSEWHERE
        content: list[Part] = []
        pages: list[Part] = []
        for run in message_runs(message):
            before = len(self.drawn.parts)
            if isinstance(run, str):
                content.append({"type": "text", "text": self._edges(run, note)})
                pages += self.drawn.parts[before:]
            elif is_users:
                content.append(run)
            else:
                content.append({"type": "text", "text": note.lstrip("\n")})
                pages.append(run)
        return ({**message, "content": content}, pages) if pages else (message, [])

    def _edges(self, text: str, note: str) -> str:
        """Draws a text if it is long; returns what of it stays text."""
        start, stop = middle(text, self.counter, self.least_tokens)
        if start == stop:
            return text
        self.drawn.draw(text[start:stop], self.thetas, self.store)
        return f"{text[:start]}{note}{text[stop:]}".lstrip("\n")


def middle(text: str, counter: TextTokenCounter, least_tokens: int) -> tuple[int, int]:
    """Finds what of a text is drawn: all but some lines at both ends, or nothing.

    Returns:
        A half-open range of chars; empty if the text has fewer than ``least_tokens`` text tokens.
    """
    # A token has at least one byte, so a short text need not be counted.
    if len(text.encode("utf-8", "replace")) < least_tokens or counter.count(text) < least_tokens:
        return 0, 0
    lines = text.splitlines(keepends=True)
    start = _edge(lines, counter)
    stop = len(text) - _edge(lines[::-1], counter)
    return (start, stop) if text[start:stop].strip() else (0, len(text))


def _edge(lines: Sequence[str], counter: TextTokenCounter) -> int:
    """Returns how many chars the first lines have that stay within ``EDGE_TOKENS``."""
    chars = 0
    for line, tokens in zip(lines, accumulate(map(counter.count, lines)), strict=False):
        if tokens > EDGE_TOKENS:
            break
        chars += len(line)
    return chars


def _headed(pages: Sequence[Part], message: Message) -> Message:
    if not pages:
        return message
    content: list[Any] = [*pages]
    for run in message_runs(message):
        content.append({"type": "text", "text": run} if isinstance(run, str) else run)
    return {**message, "content": content}


def _own_message(pages: Sequence[Part]) -> Message:
    return {"role": "user", "content": [*pages, {"type": "text", "text": _OWN_MESSAGE}]}
