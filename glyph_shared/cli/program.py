"""The command with its subcommands: every expected failure is one line and an exit code."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from glyph_shared.cli.ask import ask
from glyph_shared.cli.console import note, out, tell_error
from glyph_shared.cli.count import count
from glyph_shared.cli.demo import demo
from glyph_shared.cli.doctor import doctor
from glyph_shared.cli.render import render
from glyph_shared.cli.serve import serve
from glyph_shared.errors import ConfigError, GlyphError, ServerError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


class _Subcommands(TyperGroup):
    """Runs a subcommand and turns what went wrong into a line on standard error."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's own class
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except GlyphError as error:
                tell_error(str(error))
                raise typer.Exit(exit_code(error)) from None
            except KeyboardInterrupt:
                tell_error("interrupted")
                raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="glyph",
    cls=_Subcommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the input cannot be used, 2 wrong usage or settings, "
    "3 the server failed, 130 interrupted.\n\nGLYPH_BASE_URL, GLYPH_MODEL and GLYPH_API_KEY "
    "name the server, the model and the key.",
)


@app.callback(invoke_without_command=True)
def glyph(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Ask questions of text longer than the model's window, by showing it pages, not tokens."""
    if show_version:
        out.print(f"glyph-context {version('glyph-context')}", highlight=False)
        raise typer.Exit


for _subcommand in (count, render, ask, serve, demo, doctor):
    app.command()(_subcommand)


def main() -> None:
    """Runs the command."""
    app()


def exit_code(error: GlyphError) -> int:
    """Returns the documented exit code of an error."""
    if isinstance(error, ConfigError):
        return 2
    return 3 if isinstance(error, ServerError) else 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    note(str(message))
