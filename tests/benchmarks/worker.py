"""Renders one text in a process of its own and reports what that cost, as one line of JSON.

A fresh process makes cold starts cold, keeps peak memory apart, and can go without isal.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks import texts

if TYPE_CHECKING:
    from glyph_shared.rendering import Renderer

ROOT = Path(__file__).parents[2]
STAGES = ("layout", "raster", "png")


@dataclass(frozen=True)
class Job:
    """What to render: a text of ``texts`` (or a file), its length in chars, and changes to θ."""

    text: str
    length: int
    preset: str = "reference"
    theta: dict[str, Any] = field(default_factory=dict)
    deflate: str = "isal"
    streaming: bool = False
    warm_seconds: float = 0.0
    """If positive, a first pass is thrown away, and the same renderer goes on for so many more."""


@dataclass(frozen=True)
class Cost:
    """CPU seconds (layout, raster, PNG), pages, PNG bytes, and resident memory in bytes.

    Before the first page come the interpreter's start and the import; it itself takes from making
    the renderer to having its first page as a file.
    """

    chars: int
    pages: int
    png_bytes: int
    layout: float
    raster: float
    png: float
    resident_before: int
    resident_peak: int
    start_seconds: float
    import_seconds: float
    first_page_seconds: float
    visual_tokens: int

    @property
    def total(self) -> float:
        """CPU seconds of all stages."""
        return self.layout + self.raster + self.png


def run(job: Job) -> Cost:
    """Does the job in a new process."""
    command = [sys.executable, "-m", "tests.benchmarks.worker", json.dumps(asdict(job))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main(argument: str) -> None:
    """Does the job in this process and prints its cost; of several passes each stage's median."""
    job = Job(**json.loads(argument))
    if job.deflate == "zlib":
        sys.modules["isal"] = None  # type: ignore[assignment]  # as if it were not installed
    resident = _resident()
    begin = time.process_time()
    from glyph_shared.rendering import RenderConfig, Renderer

    imported = time.process_time() - begin
    renderer = Renderer(RenderConfig.preset(job.preset).model_copy(update=job.theta))
    built = time.process_time() - begin - imported
    cost = _measure(job, renderer, built)
    if job.warm_seconds:
        cost = _warm(job, renderer)
    cost = replace(cost, resident_before=resident, start_seconds=begin, import_seconds=imported)
    print(json.dumps(asdict(cost)))  # noqa: T201 - the parent process reads it


def _measure(job: Job, renderer: Renderer, built: float = 0.0) -> Cost:
    """Renders the job's text page by page, each page dropped before the next.

    What it took to build the renderer counts as layout, and towards the first page.
    """
    text: str | Iterable[str] = (
        texts.prose_chunks(job.length) if job.streaming else texts.named(job.text, job.length)
    )
    begin = time.process_time() - built
    draw = renderer._draw
    raster = _Stopwatch()
    renderer._draw = raster.around(draw)  # type: ignore[method-assign]
    pages = tokens = size = 0
    first = png = 0.0
    for page in renderer.render(text):
        drawn = time.process_time()
        size += len(page.png)
        png += time.process_time() - drawn
        first = first or time.process_time() - begin
        pages, tokens = pages + 1, tokens + page.visual_tokens
    layout = time.process_time() - begin - raster.seconds - png
    renderer._draw = draw  # type: ignore[method-assign]
    return Cost(
        chars=job.length,
        pages=pages,
        png_bytes=size,
        layout=layout,
        raster=raster.seconds,
        png=png,
        resident_before=0,
        resident_peak=_resident("VmHWM"),
        start_seconds=0.0,
        import_seconds=0.0,
        first_page_seconds=first,
        visual_tokens=tokens,
    )


def _warm(job: Job, renderer: Renderer) -> Cost:
    costs = [_measure(job, renderer)]
    while sum(cost.total for cost in costs) < job.warm_seconds:
        costs.append(_measure(job, renderer))
    stages = {name: median(getattr(cost, name) for cost in costs) for name in STAGES}
    return replace(costs[-1], **stages)


class _Stopwatch:
    """Adds up the CPU time spent in one function."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            start = time.process_time()
            result = work(*arguments)
            self.seconds += time.process_time() - start
            return result

        return timed


def _resident(field: str = "VmRSS") -> int:
    """Reads resident bytes; rusage would count what the parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main(sys.argv[1])
