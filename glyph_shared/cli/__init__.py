"""The ``glyph`` command: one module per subcommand, each a thin shell around the library."""

from glyph_shared.cli.program import app, main

__all__ = ["app", "main"]
