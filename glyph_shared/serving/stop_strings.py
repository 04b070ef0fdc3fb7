"""Ends an answer at a stop string without ever showing part of one."""

from __future__ import annotations


class StopStrings:
    """Passes text through, holding back what may become a stop string.

    Example::

        gate = StopStrings(("END",))
        gate.push("It is 4. E")  # "It is 4. "
        gate.push("ND of it")  # "", and gate.stopped is True
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Takes the next piece and returns what may be shown now."""
        self._held += text
        found = [(at + len(s), at) for s in self._stops if (at := self._held.find(s)) >= 0]
        if found:
            # The one that is complete first, so that the cuts between pieces make no difference.
            self.stopped = True
            shown, self._held = self._held[: min(found)[1]], ""
            return shown
        keep = max((self._overlap(stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def flush(self) -> str:
        """Returns what is still held back when the answer ends by itself."""
        shown, self._held = self._held, ""
        return shown

    def _overlap(self, stop: str) -> int:
        """Returns the length of the longest beginning of ``stop`` that the held text ends with."""
        longest = min(len(stop) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(stop[:n])), 0)
