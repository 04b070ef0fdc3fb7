"""``python -m glyph_shared.cli``, for environments whose scripts are not on the path."""

from glyph_shared.cli import main

main()
