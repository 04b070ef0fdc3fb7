"""Text of a PDF, extracted in a child process that cannot take the machine down with it.

A PDF can ask for any amount of memory and time. The child (``pdf_worker``) gets a fixed share of
both, no files to write and no path to open: the bytes come on its standard input.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.errors import ConfigError, PdfError

_WORKER = Path(__file__).with_name("pdf_worker.py")
_PAGE_GAP = "\n\n"
_OUT_OF_TIME = ("SIGXCPU", "SIGKILL")  # by name: Windows has neither


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """What reading one PDF may take.

    Attributes:
        max_pages: Source pages; a small file can claim any number by repeating one.
        max_chars: Chars of extracted text.
        memory_bytes: Address space of the child process.
        cpu_seconds: CPU time of the child process.
        wall_seconds: Time on the clock.
    """

    max_pages: int = 2000
    max_chars: int = 50_000_000
    memory_bytes: int = 1 << 30
    cpu_seconds: int = 60
    wall_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < math.inf:
                raise ConfigError(f"{name} must be positive; got {value}")


@dataclass(frozen=True, slots=True)
class _SourcePage:
    number: int
    text: str
    images: bool


def add_pdf(builder: DocumentBuilder, source: BinaryIO, *, path: str, limits: PdfLimits) -> None:
    """Appends the text layer of a PDF, source page by source page.

    Source pages that hold pictures but no text are noted as skipped.

    Raises:
        PdfError: The file is encrypted, broken, beyond a limit, or has no text layer at all.
    """
    pages = _extract(source, path, limits)
    if not any(page.text.strip() for page in pages):
        raise PdfError(
            f"{path} has no text layer ({len(pages)} source pages); run OCR over it first, "
            "for example with ocrmypdf",
            reason="no_text",
        )
    for page in pages:
        gap = _PAGE_GAP if page is not pages[-1] else "\n"
        text = page.text.rstrip() + gap if page.text.strip() else ""
        builder.add(text, path=path, line=1, source_page=page.number)
    scans = [page.number for page in pages if page.images]
    if scans:
        builder.skip(path, f"no text layer on source pages {_ranges(scans)}")


def _ranges(numbers: list[int]) -> str:
    """Writes ascending numbers briefly: ``1-3, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _extract(source: BinaryIO, path: str, limits: PdfLimits) -> list[_SourcePage]:
    pages: list[_SourcePage] = []
    done = _run_worker(source, path, limits)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if "page" in record:
            pages.append(_SourcePage(record["page"], record["text"], record["images"]))
        elif "problem" in record:
            raise _problem(path, record["problem"], record["detail"])
        else:
            return pages
    # No last line: pypdf met something it does not foresee, or the child was killed.
    raise _problem(path, "broken", _cause(done))


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    """Names the error at the end of the child's traceback; its text may hold anything."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    name = lines[-1].partition(":")[0] if lines else ""
    return f"pypdf failed with {name}" if name.isidentifier() else f"exit code {done.returncode}"


def _run_worker(
    source: BinaryIO, path: str, limits: PdfLimits
) -> subprocess.CompletedProcess[bytes]:
    settings = asdict(limits)
    del settings["wall_seconds"]  # kept by this side
    command = [sys.executable, str(_WORKER), json.dumps(settings)]
    # The worker's own folder must not stand before the standard library.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command,
            stdin=source,
            capture_output=True,
            env=environment,
            timeout=limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        detail = f"more than wall_seconds={limits.wall_seconds:g}"
        raise _problem(path, "limit", detail) from error
    if done.returncode < 0 and signal.Signals(-done.returncode).name in _OUT_OF_TIME:
        raise _problem(path, "limit", f"more than cpu_seconds={limits.cpu_seconds}")
    return done


def _problem(path: str, reason: str, detail: str) -> PdfError:
    advice = {
        "encrypted": "save a copy without a password",
        "limit": "raise the limit in PdfLimits if you trust the file, or split it",
        "broken": "open it in a viewer and save it again",
    }
    said = {"encrypted": "is encrypted", "limit": "needs too much", "broken": "is not a sound PDF"}
    return PdfError(f"{path} {said[reason]} ({detail}); {advice[reason]}", reason=reason)


def spool(data: bytes) -> BinaryIO:
    """Returns bytes as an open temporary file, which a child process can have as its input."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    stream.write(data)
    stream.seek(0)
    return stream
