"""How the commands of this folder end: what a user can mend is told in a line, not a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from glyph_shared import GlyphError


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Ends the process with an error's message, if it is one of ours or of a file."""
    try:
        yield
    except (GlyphError, OSError) as error:
        sys.exit(f"error: {error}")
