"""``glyph ask``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated

import typer
from rich.progress import Progress

from glyph_shared.asking import (
    Answer,
    AnswerStream,
    AskOptions,
    Citation,
    GlyphClient,
    LeftOut,
    SecondLook,
)
from glyph_shared.asking import Progress as Reading
from glyph_shared.cli.console import (
    note,
    out,
    progress,
    say,
    tell_replaced,
    tell_skipped,
    tell_source_pages,
)
from glyph_shared.cli.options import (
    AUTO_HELP,
    PRESET_NAMES,
    AsJson,
    BaseUrl,
    Dpi,
    ModelName,
    Paths,
    Pdf,
    PdfPages,
    Settings,
    ThetaFile,
    look,
)
from glyph_shared.cli.question import check_quotes
from glyph_shared.cli.reader_notes import REFUSED, foreign_letters_note, unfounded_note
from glyph_shared.documents import Document, read_document
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planning import DEFAULT_EXACT_TEXT_TOKENS, PAGE_MARKS, Plan, counted
from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded

_TOLD = 5
"""Passages left out that are named; there may be hundreds."""


class Overflow(Enum):
    """What to do with text beyond the window."""

    ERROR = "error"
    DENSER = "denser"
    HYBRID = "hybrid"
    MAP_REDUCE = "map_reduce"


class Refine(Enum):
    """How to look again at what an answer rests on."""

    HIDPI = "hidpi"
    TEXT = "text"


def ask(
    paths: Paths,
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="In quotes, behind the paths.")
    ],
    *,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Ask the embedded reader: no server, no GPU.")
    ] = False,
    base_url: BaseUrl = None,
    model: ModelName = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"θ instead of the server's own: {PRESET_NAMES}; {AUTO_HELP}, if the server names "
            "none.",
        ),
    ] = None,
    config: ThetaFile = None,
    dpi: Dpi = None,
    settings: Settings = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds for one request.")] = None,
    overflow: Annotated[
        Overflow | None,
        typer.Option(
            help="Beyond the window: fail; draw it smaller; send only the passages nearest to the "
            "question; or read all of it in parts."
        ),
    ] = None,
    max_pages: Annotated[
        int | None, typer.Option(help="The most pages of one request; else what the server allows.")
    ] = None,
    time_budget: Annotated[
        float | None,
        typer.Option(
            help="Seconds after which no further part is begun; what was not read is told."
        ),
    ] = None,
    exact_text_tokens: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The most text tokens that UUIDs, long numbers and addresses of the pages may "
            "take, which go along as text; 0 sends none.",
            show_default=str(DEFAULT_EXACT_TEXT_TOKENS),
        ),
    ] = None,
    refine: Annotated[
        Refine | None,
        typer.Option(
            help="Ask again about the pages that the answer rests on: drawn at a higher dpi, or "
            "their text."
        ),
    ] = None,
    pdf: PdfPages = Pdf.TEXT,
    as_json: AsJson = False,
) -> None:
    """Ask a question about files or folders; the answer comes with the places it rests on.

    For example: glyph ask book.txt "Who is Bertha?"
    """
    if not question.strip():
        # Reading and drawing could take minutes first.
        raise InputError(f"the question is empty; say what you want to know; got {question!r}")
    # Without any of these options the server says how it wants its pages.
    is_chosen = any(option is not None for option in (preset, config, dpi, settings or None))
    chosen = look(preset, config, dpi, settings) if is_chosen else None
    document = _read(paths, question, pdf)
    if embedded and (warning := foreign_letters_note(document.text, question)):
        note(warning)
    options: AskOptions = {
        "config": chosen,
        "max_tokens": max_tokens,
        "timeout": timeout,
        "overflow": overflow.value if overflow is not None else None,
        "max_pages": max_pages,
        "time_budget": time_budget,
        "exact_text_tokens": exact_text_tokens,
        "refine": refine.value if refine is not None else None,
    }
    with _client(embedded, base_url, model) as client:
        made, answer = _answer(client, question, document, options, quiet=as_json)
    if as_json:
        out.print_json(data={**answer.model_dump(mode="json"), "plan": made.summary()})
    else:
        _print_sources(answer, embedded=embedded)
        if answer.overflow_note != made.overflow_note:
            note(answer.overflow_note)
    if embedded and (warning := unfounded_note(answer, document.text)):
        note(warning)


def _read(paths: list[str], question: str, pdf: Pdf) -> Document:
    check_quotes(paths, question)
    documents = [read_document(path, source_pages=pdf.value) for path in paths]
    document = documents[0] if len(documents) == 1 else Document.joined(documents)
    tell_skipped(document)
    tell_source_pages(document)
    return document


@contextmanager
def _client(embedded: bool, base_url: str | None, model: str | None) -> Iterator[GlyphClient]:
    if not embedded:
        with GlyphClient(base_url=base_url, model=model) as client:
            yield client
        return
    if base_url is not None or model is not None:
        raise ConfigError("--embedded starts its own server; leave --base-url and --model out")
    # Named, because GLYPH_MODEL names another server's.
    reader = Reader.load()
    with running_embedded(reader) as url, GlyphClient(base_url=url, model=reader.name) as client:
        yield client


def _answer(
    client: GlyphClient, question: str, document: Document, options: AskOptions, *, quiet: bool
) -> tuple[Plan, Answer]:
    """Plans, tells what will be read, reads, and prints the answer's pieces as they come."""
    with progress("reading", None) as (bar, task):
        made = client.plan(document, question, **options)
        drawn = (line for page in made.pages if page.replaced for line in page.unmarked_lines)
        tell_replaced(made.replaced, "\n".join(drawn), made.config)
        note(_cost(made))
        if made.overflow_note:
            note(made.overflow_note)
        if made.exact_left_out:
            note(_left_to_pages(made))

        def reading(done: Reading) -> None:
            bar.update(task, completed=done.pages_done, total=done.pages_total)

        settings: AskOptions = {
            "max_tokens": options["max_tokens"],
            "timeout": options["timeout"],
            "time_budget": options["time_budget"],
            "refine": options["refine"],
            "progress": reading,
        }
        return made, _follow(client.stream(question, made, **settings), bar, quiet=quiet)


def _cost(made: Plan) -> str:
    if made.mode == "text":
        text_tokens = counted(made.report.text_tokens, "text token")
        return f"asking with {text_tokens}: cheaper than their pages"
    pages, requests = counted(len(made.pages), "page"), counted(len(made.windows), "request")
    marks = f"with the {PAGE_MARKS} marks around each"
    return f"reading {pages}, {made.visual_tokens:,} visual tokens ({marks}), in {requests}"


def _left_to_pages(made: Plan) -> str:
    """Tells how many exact strings are read off the pages alone."""
    left, all_strings = made.exact_left_out, made.exact_left_out + made.exact_strings
    return (
        f"{left:,} of {counted(all_strings, 'exact string')} (UUIDs, long numbers, addresses) did "
        "not fit beside the pages as text, and on a page a char may be misread; allow more with "
        "--exact-text-tokens, if the window has room"
    )


def _follow(stream: AnswerStream, bar: Progress, *, quiet: bool) -> Answer:
    """Prints the pieces; the bar stops at the first."""
    for piece in stream:
        if not quiet:
            bar.stop()
            say(piece, end="")
    if not quiet:
        say("")
    return stream.answer


def _print_sources(answer: Answer, *, embedded: bool) -> None:
    cited = {place.page_index for place in answer.citations if place.found_by == "model"}
    for citation in answer.citations:
        say(f"  {citation} [{_how_found(citation, cited, embedded=embedded)}]", style="dim")
    if answer.refused:
        note(REFUSED if embedded else "the model says that the pages do not hold the answer")
    if answer.only_thinking:
        note("the model thought and gave no answer; allow more with --max-tokens")
    elif answer.truncated:
        note("the answer was cut at --max-tokens; more was to come")
    if answer.refined is not None:
        note(_looked_again(answer.refined))
    for part in answer.left_out:
        note(f"{_page_range(part)} not read: {part.reason}")
    for text in answer.left_out_text[:_TOLD]:
        note(f"{text} was not sent: {text.reason}")
    if more := len(answer.left_out_text[_TOLD:]):
        note(f"{counted(more, 'further passage')} not sent; --json lists all")


def _looked_again(told: SecondLook) -> str:
    if not told.used:
        return told.note
    pages = ", ".join(f"{page + 1:,}" for page in told.pages)
    pages = f"{'page' if len(told.pages) == 1 else 'pages'} {pages}"
    how = f"as text, {counted(told.text_tokens, 'text token')}"
    if told.dpi is not None:
        how = f"at {told.dpi:g} dpi, {counted(told.visual_tokens, 'visual token')}"
    left = f"; {counted(len(told.left_out), 'page')} more did not fit" if told.left_out else ""
    return f"looked again at {pages} {how}{left}"


def _page_range(part: LeftOut) -> str:
    first, last = part.start_page + 1, part.stop_page
    return f"page {first:,} was" if first == last else f"pages {first:,} to {last:,} were"


def _how_found(citation: Citation, cited: set[int | None], *, embedded: bool) -> str:
    if citation.found_by == "model":
        return "cited by the model"
    if citation.page_index in cited:
        return "the answer's words were found here, on a page that the model cited"
    if embedded:
        # It never cites, so that it did not says nothing.
        return "found in the text"
    return "not cited by the model; the answer's words were found here"
