"""Makes the examples of a run, one by one by number, into files that an interruption leaves valid.

Each set has two files: ``examples.jsonl`` with the examples that are kept, and
``examples.journal.jsonl`` with a line about every number, kept or not. Example ``number`` depends
on the settings and on nothing that was made before, so a run goes on where its journal ends.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from glyph_shared.errors import GlyphError, InputError
from training.data.drawing import draw
from training.data.example_file import example_line, write_whole
from training.data.material import Material
from training.data.records import BadRow, Report
from training.data.settings import DataSettings
from training.data.sources import read_records
from training.tasks import Example, Task
from training.tasks.given import Instructions

SETTINGS = "settings.json"
BAD_ROWS = "bad_rows.jsonl"

OVER_BUDGET = "over the budget of visual tokens"

Progress = Callable[[str, int, int], None]

_CHUNK = 8


@dataclass(frozen=True)
class Entry:
    """What a journal says of one number.

    Attributes:
        number: The number.
        task: The name of its task.
        left_out: Why the example is left out; empty if it is kept.
        visual_tokens: What its pages cost, their marks included.
        pages: How many pages it has.
        chars: How many chars stand on them.
        replaced: How many of those no font has.
    """

    number: int
    task: str
    left_out: str = ""
    visual_tokens: int = 0
    pages: int = 0
    chars: int = 0
    replaced: int = 0


@dataclass(frozen=True)
class ExampleSet:
    """One of the two sets of a run."""

    settings: DataSettings
    held_out: bool

    @property
    def name(self) -> str:
        """What its files are called."""
        return "held_out" if self.held_out else "examples"

    @property
    def count(self) -> int:
        """How many numbers it has."""
        return self.settings.held_out if self.held_out else self.settings.count

    @cached_property
    def tasks(self) -> list[tuple[Task, float]]:
        """The tasks, and how likely each is."""
        return self.settings.weighted_tasks()

    @property
    def examples(self) -> Path:
        """The file of the examples."""
        return Path(self.settings.out) / f"{self.name}.jsonl"

    @property
    def journal(self) -> Path:
        """The file that tells of every number."""
        return Path(self.settings.out) / f"{self.name}.journal.jsonl"


def make_sets(settings: DataSettings, progress: Progress | None = None) -> dict[str, list[Entry]]:
    """Makes what is missing of both sets; returns the journal of each by its name.

    Raises:
        InputError: The folder is another run's, or a source cannot be read at all.
    """
    folder = Path(settings.out)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings)
    bad: dict[BadRow, None] = {}
    made = {}
    for one in (ExampleSet(settings, held_out=False), ExampleSet(settings, held_out=True)):
        if one.count:
            made[one.name] = _make_set(one, lambda row: bad.update({row: None}), progress)
    write_whole(folder / BAD_ROWS, b"".join(map(_note, bad)))
    return made


def make_example(one: ExampleSet, material: Material, number: int) -> Example:
    """Makes one example, drawn in a look of the settings; the same number makes the same one."""
    rng = random.Random(f"{one.settings.seed} {one.name} {number}")
    tasks, looks = one.tasks, one.settings.looks
    task = rng.choices([task for task, _ in tasks], [weight for _, weight in tasks])[0]
    look = rng.choices(list(looks), list(looks.values()))[0]
    seed = rng.getrandbits(31)
    name = f"{task.name}-{number}"
    if isinstance(task, Instructions) and material.instructed:
        # In order, so that as many numbers as there are triples take each of them once.
        triple = material.instructed[number % len(material.instructed)]
        return task.of_record(triple, name).with_pages(look, seed)
    return task.example(rng, material, name).with_pages(look, seed)


def _make_set(one: ExampleSet, report: Report, progress: Progress | None) -> list[Entry]:
    journal = _resumed(one)
    # Read in any case, so that bad rows are told in each run.
    material = Material(
        read_records(one.settings, report, held_out=one.held_out), held_out=one.held_out
    )
    numbers = range(len(journal), one.count)
    with one.examples.open("ab") as examples, one.journal.open("ab") as notes:
        for entry, line in _made(one, material, numbers):
            if line:
                examples.write(line)
                examples.flush()
            notes.write(_note(entry))
            notes.flush()
            journal.append(entry)
            if progress is not None:
                progress(one.name, len(journal), one.count)
    return journal


def _made(
    one: ExampleSet, material: Material, numbers: Iterable[int]
) -> Iterator[tuple[Entry, bytes]]:
    if one.settings.workers == 1:
        yield from (_entry(one, material, number) for number in numbers)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        one.settings.workers, context, initializer=_set_up, initargs=(one, material)
    ) as pool:
        yield from pool.map(_worker_entry, numbers, chunksize=_CHUNK)


def _entry(one: ExampleSet, material: Material, number: int) -> tuple[Entry, bytes]:
    """Makes and draws one example; one that fails, or costs too much, is an entry alone."""
    task = "none"
    try:
        example = make_example(one, material, number)
        task = example.task
        drawn = draw(example)
    except GlyphError as error:
        return Entry(number, task, f"{type(error).__name__}: {error}"), b""
    entry = Entry(
        number,
        task,
        visual_tokens=drawn.visual_tokens,
        pages=len(drawn.all_pages),
        chars=sum(page.char_span[1] - page.char_span[0] for page in drawn.all_pages),
        replaced=drawn.replaced,
    )
    most = one.settings.most_visual_tokens
    if most and drawn.visual_tokens > most:
        return dataclasses.replace(entry, left_out=OVER_BUDGET), b""
    return entry, example_line(example)


_SHARED: dict[str, Any] = {}
"""What a worker process makes examples of; set once when it starts."""


def _set_up(one: ExampleSet, material: Material) -> None:
    _SHARED.update(one=one, material=material)


def _worker_entry(number: int) -> tuple[Entry, bytes]:
    return _entry(_SHARED["one"], _SHARED["material"], number)


def _resumed(one: ExampleSet) -> list[Entry]:
    """Returns what the journal tells, and cuts off examples that it does not know yet."""
    journal = read_journal(one.journal) if one.journal.exists() else []
    journal = journal[: one.count]
    kept = sum(not entry.left_out for entry in journal)
    write_whole(one.journal, b"".join(map(_note, journal)))
    if one.examples.exists():
        with one.examples.open("r+b") as file:
            for _ in range(kept):
                file.readline()
            file.truncate()
    return journal


def _note(row: Entry | BadRow) -> bytes:
    text = json.dumps(asdict(row), ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def read_journal(path: Path) -> list[Entry]:
    """Reads a journal; a last line that was cut off is left out."""
    *lines, _cut = path.read_text(encoding="utf-8").split("\n")
    return [Entry(**json.loads(line)) for line in lines]


def _claim(folder: Path, settings: DataSettings) -> None:
    """Notes the settings of a folder, or checks that a run goes on with the same."""
    path = folder / SETTINGS
    # These may change from run to run: how many examples, where, and by how many processes.
    free = {"out", "count", "workers"}
    given = {key: value for key, value in asdict(settings).items() if key not in free}
    written = json.dumps(given, indent=1)
    if not path.exists():
        write_whole(path, written.encode("ascii") + b"\n")
        return
    now = json.loads(written)
    before = json.loads(path.read_text(encoding="utf-8"))
    changed = next((name for name in now if before.get(name) != now[name]), None)
    if changed:
        raise InputError(
            f"{str(folder)!r} holds examples made with other {changed}; choose another out, or "
            "delete the folder"
        )
