"""A clock that tests turn, so that deadlines pass on machines of any speed."""

from __future__ import annotations

import pytest

from glyph_shared.asking import deadline


class Clock:
    """Stands where deadlines look for the time.

    Args:
        step: Seconds that go by at each look.
    """

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self._step = step

    def monotonic(self) -> float:
        self.now += self._step
        return self.now


def turned(monkeypatch: pytest.MonkeyPatch, step: float = 0.0) -> Clock:
    """Puts a clock in place of the machine's, for deadlines alone."""
    clock = Clock(step)
    monkeypatch.setattr(deadline, "time", clock)
    return clock
