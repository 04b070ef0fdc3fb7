"""Source pages looked at and drawn by pdfium and Pillow, in a child process within limits.

The child (``picture_worker``) gets a fixed share of memory and CPU time, no files to write and no
path to open. It sends one page at a time, so that a long file needs the room of a page.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from typing import IO, Any

from glyph_shared.documents.child import (
    clock_limit,
    command,
    environment,
    killed_by,
    out_of_cpu_time,
    pdf_problem,
    spool,
)
from glyph_shared.documents.page_choice import PageFacts
from glyph_shared.documents.picture import PictureFile
from glyph_shared.errors import GlyphError, InputError

_FACTS = frozenset(field.name for field in fields(PageFacts))
_BYTES_PER_PIXEL = 3

_PAGES_PER_CHILD = 200
"""A long book of scans is honest work for longer than one child's CPU time."""


@dataclass(frozen=True, slots=True)
class Raster:
    """A source page's pixels.

    Attributes:
        number: The source page, from 1.
        size_px: Width and height.
        rgb: Three bytes a pixel, row by row.
    """

    number: int
    size_px: tuple[int, int]
    rgb: bytes


def survey_file(file: PictureFile) -> list[PageFacts]:
    """Returns what is known of each source page; draws nothing.

    Raises:
        PdfError: The PDF cannot be read within the limits.
        InputError: The image file cannot.
    """
    return [_facts(line) for line, _ in _answers(file, {"task": "survey"})]


def rasterise(
    file: PictureFile, pages: Sequence[tuple[int, tuple[int, int]]]
) -> Generator[Raster, None, None]:
    """Draws source pages, one by one, as they are asked for.

    Args:
        file: The file.
        pages: The number of each, from 1, with its size in pixels. A page is drawn as large as
            fits, undistorted; what is left of the size stays white.

    Raises:
        PdfError: The PDF cannot be drawn within the limits.
        InputError: The image file cannot.
    """
    for first in range(0, len(pages), _PAGES_PER_CHILD):
        some = pages[first : first + _PAGES_PER_CHILD]
        job = {"task": "draw", "pages": [(number, *size_px) for number, size_px in some]}
        with closing(_answers(file, job)) as answers:
            for line, rgb in answers:
                width, height = line["size_px"]
                yield Raster(line["page"], (width, height), rgb)


def _facts(line: dict[str, Any]) -> PageFacts:
    known = {name: value for name, value in line.items() if name in _FACTS}
    return PageFacts(**{**known, "size_pt": tuple(line["size_pt"])})


def _answers(
    file: PictureFile, job: dict[str, Any]
) -> Generator[tuple[dict[str, Any], bytes], None, None]:
    """Yields the child's lines with the pixels behind them; ends the child with itself."""
    header = json.dumps({**job, "kind": file.kind, "limits": asdict(file.limits)})
    with spool(header.encode("ascii"), b"\n", file.data) as source, _child(source) as process:
        clock = _Clock(process, file.limits.wall_seconds)
        while (line := clock.read_line()) is not None:
            if "done" in line:
                return
            if "problem" in line:
                raise _problem(file, line["problem"], line["detail"])
            width, height = line.get("size_px", (0, 0))
            yield line, clock.read(width * height * _BYTES_PER_PIXEL)
        process.wait()
    if clock.expired:
        raise clock_limit(file.name, file.limits)
    raise _ended(file, process.returncode)


@contextmanager
def _child(source: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command("picture_worker.py"),
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()  # without a reader it would wait forever; it has nothing to save


class _Clock:
    """Reads from a child and ends it when the waiting took too long in sum."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.expired = False
        self._process = process
        self._left = seconds

    @property
    def _stream(self) -> IO[bytes]:
        assert self._process.stdout is not None  # it is a pipe
        return self._process.stdout

    def read_line(self) -> dict[str, Any] | None:
        """Returns the next line; None where the child ended without a last one."""
        with self._waiting():
            line = self._stream.readline()
        if not line.endswith(b"\n"):
            return None
        parsed: dict[str, Any] = json.loads(line)
        return parsed

    def read(self, count: int) -> bytes:
        """Returns so many bytes; fewer where the child ended."""
        with self._waiting():
            return self._stream.read(count)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        timer = threading.Timer(max(0.0, self._left), self._expire)
        timer.daemon = True
        began = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._left -= time.monotonic() - began

    def _expire(self) -> None:
        self.expired = True
        self._process.kill()


def _ended(file: PictureFile, returncode: int) -> GlyphError:
    if out_of_cpu_time(returncode):
        return _problem(file, "limit", f"more than cpu_seconds={file.limits.cpu_seconds}")
    if name := killed_by(returncode):
        # pdfium does not report a lack of memory, it ends itself.
        memory = f"memory_bytes={file.limits.memory_bytes} may be too little"
        return _problem(file, "limit", f"its reader ended by {name}; {memory}")
    return _problem(file, "broken", f"exit code {returncode}")


def _problem(file: PictureFile, reason: str, detail: str) -> GlyphError:
    if file.kind == "pdf":
        return pdf_problem(file.name, reason, detail)
    advice = "make it smaller" if reason == "limit" else "open it in a viewer and save it again"
    return InputError(f"{file.name} cannot be shown as a picture ({detail}); {advice}")
