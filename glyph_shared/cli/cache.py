"""``glyph cache``."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Annotated, Any

import typer

from glyph_shared.cli.console import out, say
from glyph_shared.cli.options import AsJson
from glyph_shared.planning import counted
from glyph_shared.rendering import PageStore, default_images, default_store
from glyph_shared.rendering.cache_folder import KeptFiles


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
    folder, and GLYPH_CACHE_DIR=off keeps nothing. Images of pages that indexes name are counted and
    removed too.
    """
    store, images, clears = default_store(), default_images(), clear or action is Action.CLEAR
    if store is None or images is None:
        if as_json:
            out.print_json(data={"folder": None})
        else:
            say("no pages are kept: GLYPH_CACHE_DIR is off")
    elif as_json:
        _print_json(store, images, clears)
    else:
        _print_lines(store, images, clears)


def _print_json(store: PageStore, images: KeptFiles, clears: bool) -> None:
    folder = {"folder": str(store.folder.path), "limit_bytes": store.folder.limit_bytes}
    pages = {**folder, **_figures(store.folder, clears)}
    out.print_json(
        data={**pages, "images": {"folder": str(images.path), **_figures(images, clears)}}
    )


def _figures(kept: KeptFiles, clears: bool) -> dict[str, Any]:
    removed = {"removed": asdict(kept.clear())} if clears else {}
    return {**asdict(kept.usage()), **removed}


def _print_lines(store: PageStore, images: KeptFiles, clears: bool) -> None:
    found = store.clear() if clears else store.usage()
    texts, size = counted(found.entries, "text"), _megabytes(found.size_bytes)
    if clears:
        say(f"removed the pages of {texts}, {size}, from {store.folder.path}")
    else:
        limit = _megabytes(store.folder.limit_bytes)
        say(f"pages of {texts}, {size} of at most {limit}, in {store.folder.path}")
    _print_images(images, clears)


def _print_images(images: KeptFiles, clears: bool) -> None:
    """Tells of the page images that indexes name; nothing where there are none."""
    found = images.clear() if clears else images.usage()
    if not found.size_bytes:
        return
    told = f"{counted(found.entries, 'page image')}, {_megabytes(found.size_bytes)},"
    if clears:
        say(f"removed {told} from {images.path}")
    else:
        say(f"{told} which indexes may name, in {images.path}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
