"""What ``glyph ask --embedded`` says of the embedded reader's limits."""

from __future__ import annotations

import re

from glyph_shared.asking import Answer
from glyph_shared.reader import unknown_letters_share

REFUSED = (
    "the model says that the pages do not hold the answer; the small reader looks up plainly "
    "written facts only, open questions need zai-org/Glyph (glyph serve)"
)
"""The way out, where a larger model might answer."""

_MANY = 0.05
"""Share of letters beyond which it is told: a few names stay below, a language does not."""


def foreign_letters_note(text: str, question: str) -> str:
    """Warns of letters that the reader never learned; empty where they are few."""
    for what, letters in (("text", text), ("question", question)):
        share = unknown_letters_share(letters)
        if share > _MANY:
            return (
                f"the embedded reader reads English in Latin letters; {share:.0%} of this {what}'s "
                "letters are others"
            ).replace("%", " %")
    return ""


def unfounded_note(answer: Answer, text: str) -> str:
    """Warns of an answer that no place bears out; empty for a refusal and where one does.

    Args:
        answer: The embedded reader's answer.
        text: What its pages were drawn from.
    """
    words = answer.text.strip()
    if answer.refused or answer.citations or not words:
        return ""
    # A few common words are not cited although they stand somewhere.
    if re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE):
        return "no place where these words stand speaks of what was asked; do not trust them"
    return "these words were found on none of the pages; do not trust them"
