"""Where the reference's lines begin and what their spaces gain, rounded as in its PDFs."""

from __future__ import annotations

from collections.abc import Iterator

from glyph_shared.rendering.arrays import Int64s
from glyph_shared.rendering.compat_lines import CompatLine
from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.fonts import pdf_number
from glyph_shared.rendering.line_breaks import Measure

_FUZZ = 1e-6
_SLACK = 1e-8


class _Moves:
    """The pen's way from line to line: each move is rounded when written, so roundings add up.

    The move back to the margin and the next one away from it are written as one.
    """

    def __init__(self) -> None:
        self.x = 0.0
        self._base = 0.0
        self._back: float | None = None

    def begin(self, away: float) -> None:
        """Moves from the margin to a line's start."""
        self._move(away)
        self._back = None

    def end(self, away: float) -> None:
        """Moves back to the margin."""
        self._move(-away)

    def _move(self, distance: float) -> None:
        if abs(distance) <= _FUZZ:
            return
        if self._back is None:
            self._base = self.x
        else:
            distance += self._back
        self._back = pdf_number(distance)
        self.x = self._base + self._back


class Spacer:
    """Aligns a paragraph's lines as reportlab does, numbers rounded as they stand in its PDFs."""

    def __init__(self, config: RenderConfig, measure: Measure) -> None:
        self._config = config
        self._measure = measure
        self._share = {"CENTER": 0.5, "RIGHT": 1.0}.get(config.alignment, 0.0)

    def place(
        self, lines: list[CompatLine], gaps: Int64s, *, opens: bool, closes: bool, compound: bool
    ) -> Iterator[tuple[float, float]]:
        """Yields each line's pen start and what its spaces gain.

        Args:
            lines: Lines of a paragraph, as many as are on the page.
            gaps: How many spaces that may be stretched come before each char.
            opens: The first of them is the paragraph's first.
            closes: The last of them is the paragraph's last.
            compound: The paragraph has several source lines.
        """
        pen = _Moves()
        for place, line in enumerate(lines):
            first = opens and place == 0
            indent = self._config.first_line_indent if first else 0.0
            room = self._measure.first_width if first else self._measure.width
            slack = float(room - line.width)
            count = int(gaps[line.stop] - gaps[line.start])
            last = closes and place == len(lines) - 1
            if count and self._stretches(slack, line.broken, last, compound):
                spacing = pdf_number(slack / count)
                # reportlab forgets the way to a centred line's start, and still goes back.
                pen.begin(0.0 if compound and self._share else indent)
                away = indent
            else:
                spacing = 0.0
                away = indent + self._share * slack
                pen.begin(away)
            yield pen.x + self._config.left_indent, spacing
            pen.end(away)

    def _stretches(self, slack: float, broken: bool, last: bool, compound: bool) -> bool:
        justified = self._config.alignment == "JUSTIFY"
        if slack < -_SLACK:
            return not (justified and compound and broken)
        return justified and slack > _SLACK and not (broken or last)
