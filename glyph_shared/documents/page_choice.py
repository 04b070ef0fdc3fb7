"""Which source pages of a PDF are shown as pictures under ``source_pages="auto"``, and why.

Text is the default, because it is cheaper and exact. A picture is taken where the text layer says
less than the page does: there is none, it is garbled, or what it says lies in the layout. The
constants below were set by looking at pages, and are checked on pages made for it
(``tests/documents/test_page_choice.py``); a wrong choice costs visual tokens, or a table's lines.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

FIGURE_SHARE = 0.2
"""Images and drawings that cover more of the page are worth seeing; logos cover less."""

LEAST_RULES = 3
"""So many lines across and down make a grid: two rows in two columns."""

LEAST_ROWS = 5
LEAST_COLUMNS = 3
"""So many rows of parts on so many shared edges make a table without rules; two columns of prose
share two."""

GARBLED_SHARE = 0.1
"""Chars no reader knows (U+FFFD, private use, control): a font without a map to Unicode."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is known of a source page, see ``page_layout``; an image file has a size alone."""

    size_pt: tuple[float, float] = (0.0, 0.0)
    objects: int = 0
    figures: float = 0.0
    rules: tuple[int, int] = (0, 0)
    equal_rules: int = 0
    rows: int = 0
    columns: int = 0

    @property
    def has_area(self) -> bool:
        """Whether there is anything to draw."""
        return min(self.size_pt) > 0


@dataclass(frozen=True, slots=True)
class Choice:
    """How a source page is read, and why; ``keeps_text`` says whether its text is usable."""

    kind: Literal["text", "picture", "left out"]
    reason: str
    keeps_text: bool = True


def choose(text: str, facts: PageFacts) -> Choice:
    """Chooses text or picture for a source page, or leaves an empty one out."""
    if not text.strip():
        if facts.objects and facts.has_area:
            return Choice("picture", "no text layer", keeps_text=False)
        return Choice("left out", "blank", keeps_text=False)
    if not facts.has_area:
        return Choice("text", "text layer; the page has no area to show")
    if (share := garbled_share(text)) > GARBLED_SHARE:
        return Choice("picture", f"{share:.0%} of its text layer is garbled", keeps_text=False)
    if reason := _layout(facts):
        return Choice("picture", reason)
    return Choice("text", "text layer")


def show(text: str, facts: PageFacts) -> Choice:
    """Returns the choice of a picture wherever there is one to draw, as it was asked for."""
    chosen = choose(text, facts)
    if chosen.kind == "left out" or not facts.has_area:
        return chosen
    if chosen.kind == "picture" and not chosen.keeps_text:
        return chosen
    return Choice("picture", "asked for")


def garbled_share(text: str) -> float:
    """Returns the share of chars that stand for nothing; white space does not count."""
    chars = [char for char in text if not char.isspace()]
    unknown = sum(char == "\ufffd" or unicodedata.category(char) in ("Co", "Cc") for char in chars)
    return unknown / max(1, len(chars))


def _layout(facts: PageFacts) -> str:
    """Says what of the layout the text does not tell; empty where there is nothing."""
    if facts.figures >= FIGURE_SHARE:
        return f"figures cover {facts.figures:.0%} of the page"
    across, down = facts.rules
    if min(across, down) >= LEAST_RULES:
        return f"table: {across} rules across, {down} down"
    if facts.equal_rules >= LEAST_RULES:
        return f"table: {facts.equal_rules} rules of one length"
    if facts.rows >= LEAST_ROWS and facts.columns >= LEAST_COLUMNS:
        return f"table: {facts.rows} rows on {facts.columns} aligned columns"
    return ""
