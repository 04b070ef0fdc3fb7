"""Which of ``glyph ask``'s arguments is the question, and what is said where none can be."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import Any

import typer

from glyph_shared.cli.usage import Command
from glyph_shared.documents import STANDARD_INPUT
from glyph_shared.errors import ConfigError, InputError

_EXAMPLE_FILE = "book.txt"
_EXAMPLE_QUESTION = "Who is Bertha?"


class AskCommand(Command):
    """Tells a missing question apart from a missing file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments.

        Raises:
            ConfigError: There is only one, which cannot be both file and question.
        """
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter:
            # The parser hands a single argument to the question, whatever it is.
            values = self.make_parser(ctx).parse_args(given)[0]
            alone = values.get("question")
            if isinstance(alone, str) and not values.get("paths"):
                raise ConfigError(_not_enough(alone)) from None
            raise


def check_quotes(paths: Sequence[str], question: str) -> None:
    """Refuses a question that the shell has split into words.

    Raises:
        InputError: A path behind an existing one does not exist.
    """
    first = next((number for number, path in enumerate(paths) if not _exists(path)), 0)
    # An absent first path is a wrong path: reading it says so.
    if first:
        whole = " ".join([*paths[first:], question])
        raise InputError(
            f"cannot read {paths[first]}: no such file or folder; if it is a word of the "
            f"question, put the question in quotes: {_command(paths[:first], whole)}"
        )


def _not_enough(alone: str) -> str:
    if _exists(alone):
        return f"the question is missing; for example: {_command([alone], _EXAMPLE_QUESTION)}"
    return (
        f"give a file or folder, then a question in quotes; got only {alone!r}. For example: "
        f"{_command([_EXAMPLE_FILE], _EXAMPLE_QUESTION)}"
    )


def _exists(path: str) -> bool:
    # A NUL, which no path may hold, makes this False and not an error.
    return path == STANDARD_INPUT or os.path.exists(path)


def _command(paths: Sequence[str], question: str) -> str:
    quoted = shlex.quote(question) if '"' in question else f'"{question}"'
    return f"glyph ask {shlex.join(paths)} {quoted}"
