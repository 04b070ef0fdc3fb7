"""``glyph render``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from glyph_shared.cli.console import progress, say, tell_replaced, tell_skipped, tell_source_pages
from glyph_shared.cli.options import Dpi, Pdf, PdfPages, Preset, Settings, ThetaFile, theta
from glyph_shared.documents import read_document
from glyph_shared.page_folder import write_pages
from glyph_shared.planning import PAGE_MARKS, counted
from glyph_shared.rendering import Renderer
from glyph_shared.rendering.renderer import MAX_WORKERS


def render(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A file or folder; - is standard input.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the pages.")
    ],
    preset: Preset = None,
    config: ThetaFile = None,
    dpi: Dpi = None,
    font_size: Annotated[float | None, typer.Option(help="In points.")] = None,
    page_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help='"595,842" in points, or A4, letter, b5.')
    ] = None,
    settings: Settings = None,
    pdf: PdfPages = Pdf.TEXT,
    workers: Annotated[
        int, typer.Option(min=1, max=MAX_WORKERS, help="Threads that encode pages ahead.")
    ] = 1,
) -> None:
    """Draw a text as PNG pages, with pages.jsonl to tell what is on each.

    For example: glyph render book.txt -o pages --dpi 96 --set margin_x=20
    """
    flags = {"dpi": dpi, "font_size": font_size, "page_size": page_size}
    look = theta(preset, config, flags, settings)
    renderer = Renderer(look, missing="replace", workers=workers)
    document = read_document(path, source_pages=pdf.value)
    tell_skipped(document)
    tell_source_pages(document)
    pages = visual_tokens = replaced = 0
    with (
        progress("drawing", len(document.text)) as (bar, task),
        closing(write_pages(document, renderer, output)) as written,
    ):
        for page in written:
            pages, visual_tokens = pages + 1, visual_tokens + page.visual_tokens + PAGE_MARKS
            replaced += page.replaced
            bar.update(task, completed=page.char_span[1])
    tell_replaced(replaced, document.text, look)
    say(f"{counted(pages, 'page')}, {visual_tokens:,} visual tokens in {output}")
