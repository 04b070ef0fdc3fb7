"""The command with its subcommands: every expected failure is one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from glyph_shared.cli.ask import ask
from glyph_shared.cli.cache import cache
from glyph_shared.cli.console import note, out, tell_error
from glyph_shared.cli.count import count
from glyph_shared.cli.demo import demo
from glyph_shared.cli.doctor import doctor
from glyph_shared.cli.question import AskCommand
from glyph_shared.cli.render import render
from glyph_shared.cli.serve import serve
from glyph_shared.cli.usage import Command, explained
from glyph_shared.errors import ConfigError, GlyphError, ServerError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


# Typer exports no broader class of wrong usage; whose it is, click's or its own, depends on typer.
_WrongUsage: Any = typer.BadParameter.__base__


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Turns what went wrong into a line on standard error and an exit code."""
    try:
        yield
    except GlyphError as error:
        tell_error(str(error))
        raise typer.Exit(exit_code(error)) from None
    except _WrongUsage as error:
        # Without arguments the help was shown, and nothing is left to say.
        if message := explained(error):
            tell_error(f"{message}; see {_command_of(error)} -h")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        tell_error("interrupted")
        raise typer.Exit(INTERRUPTED) from None


def _command_of(error: Any) -> str:
    return f"glyph {error.ctx.info_name}" if error.ctx and error.ctx.parent else "glyph"


class _Subcommands(TyperGroup):
    """Reads the arguments and runs a subcommand, with every failure told in one line."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        with told_in_a_line():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's own class
        with warnings.catch_warnings(), told_in_a_line():
            warnings.showwarning = _show_warning
            return super().invoke(ctx)


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


for _subcommand in (count, render, ask, serve, demo, cache, doctor):
    app.command(cls=AskCommand if _subcommand is ask else Command)(_subcommand)


def main() -> None:
    """Runs the command; a write that the system refuses ends it with exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # θ and ρ are not in every terminal's encoding.
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except OSError as error:
        tell_error(f"the system refused: {error.strerror or error}")
        # What is still to be written would fail again at exit, with a message of Python's own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def exit_code(error: GlyphError) -> int:
    """Returns the documented exit code of an error."""
    if isinstance(error, ConfigError):
        return 2
    return 3 if isinstance(error, ServerError) else 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    note(str(message))
