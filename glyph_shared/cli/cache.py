"""``glyph cache``."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Annotated

import typer

from glyph_shared.cli.console import out, say
from glyph_shared.cli.options import AsJson
from glyph_shared.planning import counted
from glyph_shared.rendering import PageStore, default_store


class Action(Enum):
    """What to do with the kept pages."""

    SHOW = "show"
    CLEAR = "clear"


def cache(
    action: Annotated[
        Action, typer.Argument(metavar="[clear]", help="clear removes the kept pages.")
    ] = Action.SHOW,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="The same as clear.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how much room drawn pages take on this disk, or remove them.

    Pages are kept so that the next question on a text draws nothing. GLYPH_CACHE_DIR names another
    folder, and GLYPH_CACHE_DIR=off keeps nothing.
    """
    store, clears = default_store(), clear or action is Action.CLEAR
    if store is None:
        if as_json:
            out.print_json(data={"folder": None})
        else:
            say("no pages are kept: GLYPH_CACHE_DIR is off")
    elif as_json:
        _print_json(store, clears)
    else:
        _print_lines(store, clears)


def _print_json(store: PageStore, clears: bool) -> None:
    removed = {"removed": asdict(store.clear())} if clears else {}
    folder = {"folder": str(store.folder.path), "limit_bytes": store.folder.limit_bytes}
    out.print_json(data={**folder, **asdict(store.usage()), **removed})


def _print_lines(store: PageStore, clears: bool) -> None:
    found = store.clear() if clears else store.usage()
    texts, size = counted(found.entries, "text"), _megabytes(found.size_bytes)
    if clears:
        say(f"removed the pages of {texts}, {size}, from {store.folder.path}")
    else:
        limit = _megabytes(store.folder.limit_bytes)
        say(f"pages of {texts}, {size} of at most {limit}, in {store.folder.path}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
