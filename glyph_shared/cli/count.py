"""``glyph count``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from glyph_shared.cli.console import out, say, tell_replaced, tell_skipped, tell_source_pages
from glyph_shared.cli.options import (
    AUTO_HELP,
    PRESET_NAMES,
    AsJson,
    BaseUrl,
    Dpi,
    Paths,
    Pdf,
    PdfPages,
    Settings,
    ThetaFile,
    look,
    token_counter,
)
from glyph_shared.documents import OBJECT_MARK, read_document
from glyph_shared.planning import (
    AUTO,
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    KEEP_LINES,
    SurveyPart,
    SurveyRow,
    counted,
    default_configs,
    preset_of_kind,
    survey,
)
from glyph_shared.rendering import RenderConfig

_TOLD = 20
"""Documents that the table names; a folder may have thousands."""


def count(
    paths: Paths,
    *,
    window: Annotated[
        int, typer.Option(help="The model's window in tokens, the answer included.")
    ] = DEFAULT_WINDOW,
    max_tokens: Annotated[
        int, typer.Option(help="What of the window is kept for the answer.")
    ] = DEFAULT_MAX_TOKENS,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"θ by name: {PRESET_NAMES}; {AUTO_HELP}; repeatable. Without any θ, en at 72, "
            "96, 120 dpi.",
        ),
    ] = None,
    config: ThetaFile = None,
    dpi: Dpi = None,
    settings: Settings = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A tokenizer.json that counts the text tokens."),
    ] = None,
    base_url: BaseUrl = None,
    pdf: PdfPages = Pdf.TEXT,
    as_json: AsJson = False,
) -> None:
    """Compare what a text costs as text and as pages, at several θ, and what fits the window.

    Needs no GPU and no server; text tokens are counted by the best counter there is, and named.
    """
    documents = [read_document(path, source_pages=pdf.value) for path in paths]
    configs = _looks(preset or (), config, dpi, settings or ())
    counter = token_counter(tokenizer, base_url)
    rows = survey(
        documents,
        configs or default_configs(),
        window=window,
        max_tokens=max_tokens,
        counter=counter,
    )
    for document in documents:
        tell_skipped(document)
        tell_source_pages(document)
    if as_json:
        out.print_json(data=[_values(row) for row in rows])
    else:
        text = "\n".join(document.text for document in documents)
        _print_table(rows, window, has_text=bool(text.replace(OBJECT_MARK, "").strip()))
        tell_replaced(rows[0].replaced, text, rows[0].config)


def _looks(
    presets: Sequence[str], file: Path | None, dpi: float | None, settings: Sequence[str]
) -> dict[str, RenderConfig | Literal["auto"]]:
    """Returns each θ that was asked for, named by the options that ask for it again."""
    changes = [f"--dpi {dpi:.12g}"] if dpi is not None else []
    changes += [f"--set {shlex.quote(setting)}" for setting in settings]
    looks: dict[str, RenderConfig | Literal["auto"]]
    looks = {f"--preset {name}": look(name, None, dpi, settings) for name in presets}
    if file is not None:
        looks[f"--config {shlex.quote(str(file))}"] = look(None, file, dpi, settings)
    if changes and not looks:
        return {" ".join(changes): look(None, None, dpi, settings)}
    return {" ".join([name, *changes]): chosen for name, chosen in looks.items()}


def _print_table(rows: list[SurveyRow], window: int, *, has_text: bool) -> None:
    report = rows[0].report
    if has_text:
        text_tokens = counted(report.text_tokens, "text token")
        say(f"{counted(rows[0].chars, 'char')}, {text_tokens} by {report.tokenizer}")
    else:
        say("no text, only pictures: there is nothing to compare their visual tokens with")
    say(f"as pages, for a window of {counted(window, 'token')}; ρ is text tokens / visual tokens,")
    say("θ the rendering configuration (page size, dpi, font, …) as glyph render and ask take it:")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("θ", "pages", "visual\ntokens", "ρ", "requests", "text tokens\nthat fit"):
        # In a narrow terminal a cell takes more lines; it never loses digits.
        table.add_column(name, justify="left" if name == "θ" else "right", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.pages:,}",
            f"{row.report.visual_tokens:,}",
            f"{row.report.ratio:.2f}" if has_text else "-",
            f"{row.requests:,}",
            f"{row.text_tokens_that_fit:,}" if has_text else "-",
        )
    out.print(table)
    for row in rows:
        if row.is_auto:
            _print_parts(row)
    if not any(row.fits for row in rows):
        say("more than one request: glyph ask needs --overflow hybrid (the passages nearest to the")
        say("question), map_reduce (all, in so many requests) or denser (smaller, down to a floor)")
    if any(KEEP_LINES in row.name for row in rows):
        say(f"{KEEP_LINES} keeps line breaks; else a drawn \\n stands for each and lines run on")


def _print_parts(row: SurveyRow) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in (f"{row.name}: document", "kind", "preset"):
        table.add_column(name, overflow="fold")
    for name in ("pages", "visual\ntokens"):
        table.add_column(name, justify="right", overflow="fold")
    for part in row.parts[:_TOLD]:
        figures = f"{part.pages:,}", f"{part.visual_tokens:,}"
        table.add_row(part.name, part.kind, _preset_of(part), *figures)
    out.print(table)
    if more := len(row.parts[_TOLD:]):
        say(f"{counted(more, 'further document')}; --json lists all")


def _preset_of(part: SurveyPart) -> str:
    return preset_of_kind(part.kind) if part.kind else ""


def _part_values(part: SurveyPart) -> dict[str, Any]:
    return {
        "document": part.name,
        "kind": part.kind,
        "preset": _preset_of(part),
        "theta": part.config.theta_hash,
        "pages": part.pages,
        "visual_tokens": part.visual_tokens,
    }


def _values(row: SurveyRow) -> dict[str, Any]:
    return {
        "options": row.name,
        "theta": AUTO if row.is_auto else row.config.theta_hash,
        "chars": row.chars,
        "pages": row.pages,
        "text_tokens": row.report.text_tokens,
        "tokenizer": row.report.tokenizer,
        "visual_tokens": row.report.visual_tokens,
        "compression_ratio": round(row.report.ratio, 3),
        "requests": row.requests,
        "text_tokens_that_fit": row.text_tokens_that_fit,
        "replaced_chars": row.replaced,
        **({"documents": list(map(_part_values, row.parts))} if row.is_auto else {}),
    }
