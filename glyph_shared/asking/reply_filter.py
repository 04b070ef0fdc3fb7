"""Separates the answer from the thinking and the control tokens in a model's output.

Output arrives in pieces that may cut a tag anywhere. The filter keeps back what could still turn
out to be a tag, so the pieces it lets through, joined, are the answer.
"""

from __future__ import annotations

import re

from glyph_shared.asking.special_tokens import SPECIAL_TOKENS

_OPEN, _CLOSE = "<think>", "</think>"
_TOKEN = re.compile("|".join(re.escape(token) for token in SPECIAL_TOKENS))
_PREFIXES = frozenset(token[:n] for token in SPECIAL_TOKENS for n in range(1, len(token)))
_STARTS = re.compile(r"[<\[]")


class ReplyFilter:
    """Takes a model's output piece by piece and lets only the answer through.

        reply = ReplyFilter()
        shown = reply.feed("<thi") + reply.feed("nk>hm</think>4") + reply.feed("2") + reply.end()

    Attributes:
        text: The answer so far. A ``</think>`` without an opening tag turns all that came before
            it into thinking, because some chat templates open the tag in the prompt.
        thinking: What stood between think tags so far.
        inside_thinking: True while a think tag is open; at the end, the thinking never closed.
    """

    def __init__(self) -> None:
        self.text = ""
        self.thinking = ""
        self.inside_thinking = False
        self._held = ""
        self._held_before_thinking = ""

    def feed(self, piece: str) -> str:
        """Takes the next piece of output and returns the chars of the answer that it settles."""
        shown: list[str] = []
        self._held += piece
        while match := _TOKEN.search(self._held):
            # What stands before a removed token may be the head of another one that only the
            # removal completes ("<|us<|user|>er|>"): it is held back with the rest.
            head, after = self._held[: match.start()], self._held[match.end() :]
            cut = _settled_length(head)
            shown.append(self._settle(head[:cut]))
            self._held = self._tail_after(match[0], head[cut:]) + after
        cut = _settled_length(self._held)
        head, self._held = self._held[:cut], self._held[cut:]
        shown.append(self._settle(head))
        return "".join(shown)

    def end(self) -> str:
        """Settles what was held back: it was no tag after all. Returns the answer's last chars."""
        rest, self._held = self._held, ""
        shown = self._settle(rest.rstrip())
        self.thinking = self.thinking.strip()
        return shown

    def _tail_after(self, token: str, tail: str) -> str:
        """Acts on a token; returns what stays held in front of the chars that follow it."""
        if token == _OPEN and not self.inside_thinking:
            self.inside_thinking, self._held_before_thinking = True, tail
            return ""
        if token != _CLOSE:
            return tail
        if self.inside_thinking:
            self.thinking += tail
            self.inside_thinking, tail = False, self._held_before_thinking
            return tail
        self.thinking, self.text = self.thinking + self.text + tail, ""
        return ""

    def _settle(self, chars: str) -> str:
        """Adds chars to the thinking or to the answer; an answer begins with a visible char."""
        if self.inside_thinking:
            self.thinking += chars
            return ""
        shown = chars if self.text else chars.lstrip()
        self.text += shown
        return shown


def _settled_length(text: str) -> int:
    """Returns the length of what no further chars can change.

    Every token opens with ``<`` or ``[`` and holds neither again, so what could still become
    tokens is a run of proper token heads, each cut at the next opening. White space before it
    waits too: it is dropped if the answer ends there.
    """
    settled = len(text)
    for start in reversed([match.start() for match in _STARTS.finditer(text)]):
        if text[start:settled] not in _PREFIXES:
            break
        settled = start
    return len(text[:settled].rstrip())
