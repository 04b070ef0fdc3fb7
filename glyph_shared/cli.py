"""The ``glyph`` command: arguments in, one human line out when something is wrong."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from glyph_shared.asking import Answer, AnswerStream, GlyphClient
from glyph_shared.asking import Progress as Reading
from glyph_shared.demo import READING_SECONDS, DemoResult, run_demo
from glyph_shared.doctor import examine
from glyph_shared.documents import Document, read_document
from glyph_shared.errors import ConfigError, GlyphError, ServerError
from glyph_shared.page_folder import write_pages
from glyph_shared.planning import SurveyRow, default_configs, pick_counter, survey
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, Renderer
from glyph_shared.serving import Progress as Loading
from glyph_shared.serving import (
    running_embedded,
    serve_embedded,
    serve_vllm,
    shown_command,
    vllm_config,
)

app = typer.Typer(
    name="glyph",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 bad input, 2 wrong usage or settings, 3 the server failed, "
    "130 interrupted. GLYPH_BASE_URL, GLYPH_API_KEY and GLYPH_MODEL name the server.",
)
out = Console()
err = Console(stderr=True)

Paths = Annotated[list[str], typer.Argument(help="Files or folders; - reads standard input.")]
ThetaFile = Annotated[Path | None, typer.Option("--config", help="θ as JSON; see the reference.")]
PresetName = Annotated[str, typer.Option("--preset", help="en, zh, code, reference or reader.")]
Setting = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any other key of θ, as in --set margin_x=20; repeatable."),
]
BaseUrl = Annotated[str | None, typer.Option(help="The server; else GLYPH_BASE_URL.")]
ModelName = Annotated[str | None, typer.Option("--model", help="The model; else GLYPH_MODEL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Window = Annotated[int, typer.Option(help="The model's window in tokens, the answer included.")]
TokenizerFile = Annotated[
    Path | None, typer.Option("--tokenizer", help="A tokenizer.json that counts text tokens.")
]


def main() -> None:
    """Runs the command; every expected failure is one line and an exit code."""
    warnings.showwarning = _show_warning
    try:
        app()
    except GlyphError as error:
        err.print(f"glyph: {error}", style="red", markup=False, highlight=False)
        sys.exit(
            2 if isinstance(error, ConfigError) else 3 if isinstance(error, ServerError) else 1
        )


@app.callback(invoke_without_command=True)
def glyph(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    """Ask questions of text longer than the model's window: it is shown as pages, not tokens."""
    if show_version:
        out.print(f"glyph-context {version('glyph-context')}", highlight=False)
        raise typer.Exit


@app.command()
def render(
    path: Annotated[str, typer.Argument(help="A file or folder; - reads standard input.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pages.")],
    preset: PresetName = "en",
    config: ThetaFile = None,
    dpi: Annotated[float | None, typer.Option(help="72 dense, 96 better read, 120 exact.")] = None,
    font_size: Annotated[float | None, typer.Option(help="In points.")] = None,
    page_size: Annotated[str | None, typer.Option(help='"595,842" in points, or A4.')] = None,
    settings: Setting = None,
) -> None:
    """Draw a text as PNG pages, with pages.jsonl telling what is on each."""
    flags = {"dpi": dpi, "font_size": font_size, "page_size": page_size}
    theta = _theta(preset, config, flags, settings)
    document = read_document(path)
    pages = visual_tokens = replaced = 0
    with _progress("drawing", len(document.text)) as (bar, task):
        for page in write_pages(document, Renderer(theta, missing="replace"), output):
            pages, visual_tokens = pages + 1, visual_tokens + page.visual_tokens
            replaced += page.replaced
            bar.update(task, completed=page.char_span[1])
    _tell_skipped(document)
    _tell_replaced(replaced)
    out.print(f"{pages:,} pages, {visual_tokens:,} visual tokens in {output}", highlight=False)


@app.command()
def count(
    paths: Paths,
    *,
    window: Window = 131_072,
    preset: Annotated[list[str] | None, typer.Option(help="Only these presets.")] = None,
    config: ThetaFile = None,
    tokenizer: TokenizerFile = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Compare text tokens with visual tokens at several θ, and what fits the window."""
    documents = [read_document(path) for path in paths]
    configs = {name: RenderConfig.preset(name) for name in preset or ()}
    if config is not None:
        configs[config.name] = RenderConfig.from_json(config)
    url = base_url or os.environ.get("GLYPH_BASE_URL")
    counter = pick_counter(tokenizer_file=tokenizer, base_url=url)
    rows = survey(documents, configs or default_configs(), window=window, counter=counter)
    for document in documents:
        _tell_skipped(document)
    if as_json:
        out.print_json(data=[_survey_json(row) for row in rows])
        return
    _print_survey(rows, window)


@app.command()
def ask(
    paths: Annotated[list[str], typer.Argument(help="Files or folders, then the question.")],
    *,
    embedded: Annotated[
        bool, typer.Option(help="Ask the embedded reader, which needs no server.")
    ] = False,
    base_url: BaseUrl = None,
    model: ModelName = None,
    preset: Annotated[str | None, typer.Option(help="Instead of the θ the server names.")] = None,
    config: ThetaFile = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one request.")] = None,
    overflow: Annotated[str | None, typer.Option(help="error or map_reduce.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question about files or folders; the answer comes with the places it rests on."""
    if len(paths) < 2:
        raise ConfigError('give at least one path and then the question: glyph ask book.txt "Who?"')
    *places, question = paths
    documents = [read_document(place) for place in places]
    document = documents[0] if len(documents) == 1 else Document.joined(documents)
    _tell_skipped(document)
    theta = _theta(preset or "en", config, {}, None) if preset or config else None
    options: dict[str, Any] = {
        "config": theta,
        "max_tokens": max_tokens,
        "timeout": timeout,
        "overflow": overflow,
    }
    with _server(embedded, base_url) as url, GlyphClient(base_url=url, model=model) as client:
        answer = _answer(client, question, document, options, quiet=as_json)
    if as_json:
        out.print_json(data=answer.model_dump(mode="json"))
        return
    _print_sources(answer)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def serve(
    context: typer.Context,
    *,
    embedded: Annotated[
        bool, typer.Option(help="Serve the embedded reader: no GPU, no download.")
    ] = False,
    model: Annotated[str, typer.Option(help="Name on the hub, or a folder.")] = "zai-org/Glyph",
    served_name: Annotated[str, typer.Option(help="What clients call it.")] = "glyph",
    host: Annotated[str, typer.Option(help="Loopback unless you know better.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one (embedded only).")] = 8000,
    max_model_len: Annotated[int, typer.Option(help="The window in tokens.")] = 131_072,
    max_pages: Annotated[int, typer.Option(help="Pages allowed in one prompt.")] = 512,
    show: Annotated[bool, typer.Option(help="Print the vLLM command and leave.")] = False,
) -> None:
    """Start vLLM with safe and fast flags, or the embedded reader, behind one HTTP API.

    Arguments after -- go to `vllm serve` unchanged. GLYPH_API_KEY, if set, is asked of clients.
    """
    key = os.environ.get("GLYPH_API_KEY") or None
    if embedded:
        if show or context.args:
            raise ConfigError("--embedded starts no vLLM: leave --show and arguments after -- out")
        reader = Reader.load()
        serve_embedded(reader, port=port, api_key=key, ready=_tell_ready)
        return
    settings = vllm_config(
        model=model,
        served_name=served_name,
        host=host,
        port=port,
        max_model_len=max_model_len,
        max_pages=max_pages,
        api_key=key,
        extra_args=tuple(context.args),
    )
    out.print(shown_command(settings), soft_wrap=True, markup=False, highlight=False)
    if not show:
        with err.status("starting vLLM") as status:

            def loading(progress: Loading) -> None:
                status.update(f"{progress.seconds:.0f} s: {progress.log_line[:100]}")

            def ready(url: str) -> None:
                status.stop()
                _tell_ready(url)

            serve_vllm(settings, on_progress=loading, ready=ready)


@app.command()
def demo(
    *,
    seed: Annotated[int | None, typer.Option(help="Decides the facts; random if absent.")] = None,
    path: Annotated[str | None, typer.Option(help="Your own document instead.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the page is kept.")] = Path(
        "demo-output"
    ),
    seconds: Annotated[float, typer.Option(help="How long the reader may read.")] = READING_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Plant three made-up facts in a long document and let the embedded reader find them."""
    chosen = seed if seed is not None else random.SystemRandom().randrange(1_000_000)
    text = read_document(path).text if path else None
    with _progress("reading pages", None) as (bar, task):

        def reading(progress: Reading) -> None:
            bar.update(task, completed=progress.pages_done, total=progress.pages_total)

        result = run_demo(
            Reader.load(),
            seed=chosen,
            output=output,
            text=text,
            seconds=seconds,
            say=lambda line: bar.console.print(line, highlight=False, soft_wrap=True),
            progress=reading,
        )
    if as_json:
        out.print_json(data=_demo_json(result, chosen))
        return
    _print_demo(result, chosen)


@app.command()
def doctor(*, base_url: BaseUrl = None, as_json: AsJson = False) -> None:
    """Check fonts and scripts, token counting, the embedded reader, the server, versions."""
    findings = examine(base_url)
    if as_json:
        out.print_json(data=[vars(finding) for finding in findings])
    else:
        table = Table("", "what", "found", box=None)
        marks = {"ok": "[green]ok", "absent": "[yellow]absent", "broken": "[red]broken"}
        for finding in findings:
            table.add_row(marks[finding.state], finding.name, finding.detail)
        out.print(table)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _exit_code(error: GlyphError) -> int:
    if isinstance(error, ConfigError):
        return 2
    return 3 if isinstance(error, ServerError) else 1


# ---- helpers -----------------------------------------------------------------------------------


def _theta(
    preset: str, file: Path | None, flags: dict[str, Any], settings: Sequence[str] | None
) -> RenderConfig:
    base = RenderConfig.from_json(file) if file is not None else RenderConfig.preset(preset)
    changes = {name: value for name, value in flags.items() if value is not None}
    for setting in settings or ():
        name, sign, value = setting.partition("=")
        if not sign:
            raise ConfigError(f"--set takes key=value, as in --set margin_x=20; got {setting!r}")
        changes[name.strip().replace("-", "_")] = value.strip()
    if "font_size" in changes and "line_height" not in changes:
        changes["line_height"] = None
    return base.model_copy(update=changes) if changes else base


@contextmanager
def _server(embedded: bool, base_url: str | None) -> Iterator[str | None]:
    if not embedded:
        yield base_url
    elif base_url is not None:
        raise ConfigError("--embedded starts its own server: leave --base-url out")
    else:
        with running_embedded(Reader.load()) as url:
            yield url


def _answer(
    client: GlyphClient, question: str, document: Document, options: dict[str, Any], *, quiet: bool
) -> Answer:
    with _progress("reading pages", None) as (bar, task):

        def reading(progress: Reading) -> None:
            bar.update(task, completed=progress.pages_done, total=progress.pages_total)

        stream = client.stream(question, document, progress=reading, **options)
        return _follow(stream, bar, quiet=quiet)


def _follow(stream: AnswerStream, bar: Progress, *, quiet: bool) -> Answer:
    """Prints the answer's pieces as they come; the bar stops at the first."""
    for piece in stream:
        if not quiet:
            bar.stop()
            out.print(piece, end="", markup=False, highlight=False, soft_wrap=True)
    if not quiet:
        out.print()
    return stream.answer


def _print_sources(answer: Answer) -> None:
    for citation in answer.citations:
        how = "cited by the model" if citation.found_by == "model" else "found in the text"
        out.print(f"  {citation} [{how}]", style="dim", markup=False, highlight=False)
    if answer.refused:
        err.print("glyph: the pages do not hold the answer, says the model", style="yellow")
    if answer.truncated:
        err.print("glyph: the answer met --max-tokens; more was to come", style="yellow")
    for part in answer.left_out:
        pages = f"pages {part.start_page + 1} to {part.stop_page}"
        err.print(f"glyph: {pages} were not read: {part.reason}", style="yellow", markup=False)


def _print_survey(rows: list[SurveyRow], window: int) -> None:
    first = rows[0]
    out.print(
        f"{first.chars:,} chars, {first.report.text_tokens:,} text tokens by "
        f"{first.report.tokenizer}",
        highlight=False,
    )
    table = Table(title=f"as pages, for a window of {window:,} tokens", title_justify="left")
    for name in ("θ", "pages", "visual tokens", "ρ", "requests", "text tokens that fit one"):
        table.add_column(name, justify="left" if name == "θ" else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.pages:,}",
            f"{row.report.visual_tokens:,}",
            f"{row.report.ratio:.2f}",
            f"{row.requests:,}",
            f"{row.text_tokens_that_fit:,}",
        )
    out.print(table)
    _tell_replaced(first.replaced)


def _survey_json(row: SurveyRow) -> dict[str, Any]:
    return {
        "theta": row.name,
        "chars": row.chars,
        "pages": row.pages,
        "text_tokens": row.report.text_tokens,
        "tokenizer": row.report.tokenizer,
        "visual_tokens": row.report.visual_tokens,
        "compression_ratio": round(row.report.ratio, 3),
        "requests": row.requests,
        "text_tokens_that_fit": row.text_tokens_that_fit,
        "replaced_chars": row.replaced,
    }


def _print_demo(result: DemoResult, seed: int) -> None:
    table = Table("question", "answer", "truth", "", "where")
    for outcome in result.outcomes:
        where = "; ".join(str(citation) for citation in outcome.answer.citations[:1])
        mark = "[green]right" if outcome.right else "[red]wrong"
        table.add_row(outcome.fact.question, outcome.answer.text, outcome.fact.truth, mark, where)
    out.print(table)
    share = "all" if result.pages_read == result.pages else f"{result.pages_read:,} of"
    out.print(
        f"Read {share} {result.pages:,} pages in {result.seconds:.0f} s. The reader looks facts up "
        "and transcribes; open questions need zai-org/Glyph (glyph serve).",
        highlight=False,
    )
    out.print(f"Again with the same facts: glyph demo --seed {seed}", highlight=False)


def _demo_json(result: DemoResult, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "chars": len(result.document.text),
        "page_file": str(result.page_file),
        "text_tokens": result.default.text_tokens,
        "tokenizer": result.default.tokenizer,
        "visual_tokens": result.default.visual_tokens,
        "compression_ratio": round(result.default.ratio, 3),
        "reader_visual_tokens": result.readers.visual_tokens,
        "pages": result.pages,
        "pages_read": result.pages_read,
        "seconds": round(result.seconds, 1),
        "answers": [
            {
                "question": outcome.fact.question,
                "answer": outcome.answer.text,
                "truth": outcome.fact.truth,
                "right": outcome.right,
                "citations": [citation.model_dump() for citation in outcome.answer.citations],
            }
            for outcome in result.outcomes
        ],
    }


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[tuple[Progress, TaskID]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        yield bar, bar.add_task(what, total=total)


def _tell_ready(url: str) -> None:
    out.print(f"answering at {url} (Ctrl-C stops)", highlight=False)


def _tell_replaced(chars: int) -> None:
    if chars:
        err.print(
            f"glyph: {chars:,} chars have no shape in any installed font and were drawn as "
            "a visible replacement; glyph doctor names what is missing",
            style="yellow",
        )


def _tell_skipped(document: Document) -> None:
    for skipped in document.skipped:
        line = f"glyph: left out {skipped.path}: {skipped.reason}"
        err.print(line, style="yellow", markup=False, highlight=False)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    err.print(f"glyph: {message}", style="yellow", markup=False, highlight=False)
