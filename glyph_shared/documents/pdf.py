"""A PDF as text, as pictures of its source pages, or as each page needs.

Text is extracted in a child process that cannot take the machine down with it: a PDF can ask for
any amount of memory and time. The child (``pdf_worker``) gets a fixed share of both, no files to
write and no path to open: the bytes come on its standard input. Pictures have a child of their own.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass

from glyph_shared.documents.child import (
    clock_limit,
    command,
    environment,
    out_of_cpu_time,
    pdf_problem,
    spool,
)
from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.documents.limits import PdfLimits
from glyph_shared.documents.page_choice import Choice, PageFacts, choose, show
from glyph_shared.documents.picture import (
    OBJECT_MARK,
    PictureFile,
    SourcePage,
    SourcePages,
    page_ranges,
)
from glyph_shared.documents.pictures import survey_file
from glyph_shared.errors import PdfError

_PAGE_GAP = "\n\n"


@dataclass(frozen=True, slots=True)
class _SourcePage:
    number: int
    text: str
    images: bool


def add_pdf(
    builder: DocumentBuilder,
    data: bytes,
    *,
    path: str,
    limits: PdfLimits,
    source_pages: SourcePages = "text",
) -> None:
    """Appends a PDF, source page by source page, as text or as pictures.

    As text, source pages that hold pictures but no text are noted as skipped.

    Raises:
        PdfError: The file is empty, encrypted, broken, beyond a limit, or has nothing to read.
    """
    if not data:
        raise PdfError(f"{path} is empty (0 bytes); fetch or save it again", reason="broken")
    pages = _extract(data, path, limits)
    file = PictureFile(path, "pdf", data, limits)
    facts: list[PageFacts] = survey_file(file) if source_pages != "text" else []
    choices = [_choose(page, facts, source_pages) for page in pages]
    if all(choice.kind == "left out" for choice in choices):
        raise _nothing_to_read(path, len(pages), source_pages)
    for page, choice in zip(pages, choices, strict=True):
        builder.source_page(SourcePage(path, page.number, choice.kind, choice.reason))
        gap = _PAGE_GAP if page is not pages[-1] else "\n"
        text = page.text.rstrip() if choice.keeps_text else OBJECT_MARK
        if choice.kind == "text":
            builder.add(text + gap, path=path, line=1, source_page=page.number)
        elif choice.kind == "picture":
            builder.add_picture(
                text + gap,
                file,
                page.number,
                facts[page.number - 1].size_pt,
                has_text=choice.keeps_text,
                source_page=page.number,
            )
    scans = [page.number for page in pages if page.images]
    if scans and source_pages == "text":
        builder.skip(path, f"no text layer on source pages {page_ranges(scans)}")


def _choose(page: _SourcePage, facts: list[PageFacts], source_pages: SourcePages) -> Choice:
    """Says how a source page is read; pdfium may count fewer pages of a broken file."""
    if source_pages == "text":
        if page.text.strip():
            return Choice("text", "text layer")
        return Choice("left out", "no text layer" if page.images else "blank")
    known = facts[page.number - 1] if page.number <= len(facts) else PageFacts()
    return choose(page.text, known) if source_pages == "auto" else show(page.text, known)


def _nothing_to_read(path: str, pages: int, source_pages: SourcePages) -> PdfError:
    said, advice = "shows nothing", "it is blank"
    if source_pages == "text":
        said = "has no text layer"
        advice = (
            "send its pages as pictures with source_pages='auto' (--pdf auto), or run OCR over it "
            "first, for example with ocrmypdf"
        )
    return PdfError(
        f"{path} {said} ({pages} source page{'s' * (pages != 1)}); {advice}", reason="no_text"
    )


def _extract(data: bytes, path: str, limits: PdfLimits) -> list[_SourcePage]:
    pages: list[_SourcePage] = []
    done = _run_worker(data, path, limits)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if "page" in record:
            pages.append(_SourcePage(record["page"], record["text"], record["images"]))
        elif "problem" in record:
            raise pdf_problem(path, record["problem"], record["detail"])
        else:
            return pages
    # No last line: pypdf met something it does not foresee, or the child was killed.
    raise pdf_problem(path, "broken", _cause(done))


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    """Names the error at the end of the child's traceback; its text may hold anything."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    name = lines[-1].partition(":")[0] if lines else ""
    return f"pypdf failed with {name}" if name.isidentifier() else f"exit code {done.returncode}"


def _run_worker(data: bytes, path: str, limits: PdfLimits) -> subprocess.CompletedProcess[bytes]:
    settings = asdict(limits)
    del settings["wall_seconds"]  # kept by this side
    try:
        with spool(data) as source:
            done = subprocess.run(
                command("pdf_worker.py", json.dumps(settings)),
                stdin=source,
                capture_output=True,
                env=environment(),
                timeout=limits.wall_seconds,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise clock_limit(path, limits) from error
    if out_of_cpu_time(done.returncode):
        raise pdf_problem(path, "limit", f"more than cpu_seconds={limits.cpu_seconds}")
    return done
