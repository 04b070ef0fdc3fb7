"""How wrong usage is told, and how a subcommand's usage is written."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from typer.core import TyperArgument, TyperCommand

from glyph_shared.rendering.config_values import excerpt


class Command(TyperCommand):
    """A subcommand whose usage line writes its arguments as their metavars do."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Returns the words behind the command's name; typer would add brackets and dots."""
        arguments = [one for one in self.get_params(ctx) if isinstance(one, TyperArgument)]
        return ["[OPTIONS]", *(one.metavar or str(one.name).upper() for one in arguments)]


def explained(error: Any) -> str:
    """Returns what is wrong with the arguments as one line; empty where nothing is left to say."""
    message = " ".join(error.format_message().split()).rstrip(".")
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        # Newer versions of typer do not repeat the value that they refuse.
        value = excerpt(cause.errors(include_url=False)[0]["input"])
        message = message.replace(": Value error, ", ": ")
        message += "" if value in message else f"; got {value}"
    return message
