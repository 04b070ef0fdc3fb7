"""Draws examples once, into parquet files of PNG images, for stages that read them many times.

    python -m training.data.prerender examples.jsonl pages/ --workers 4

Each file holds a run of examples and is written whole or not at all, so after an interruption, a
kill included, the same command draws only what is missing. An example that cannot be drawn stands
in the file's ``.failed.jsonl`` with its error.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from glyph_shared.errors import ConfigError, GlyphError, InputError
from training.data.drawing import draw
from training.data.example_file import ExampleFile, write_whole
from training.data.rows import Form, Row, row_of_stored, stored_row

MANIFEST = "manifest.json"
SHARD = "part-{:05}.parquet"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Shard:
    """A run of examples that becomes one file.

    Attributes:
        examples: The file of all examples.
        first: Number of the first example.
        end: One past the last.
        path: The parquet file.
    """

    examples: str
    first: int
    end: int
    path: Path

    @property
    def failed(self) -> Path:
        """The file that tells which examples could not be drawn; absent if all could."""
        return self.path.with_suffix(".failed.jsonl")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the examples that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=Path, help="JSONL file of examples")
    parser.add_argument("folder", type=Path, help="where the parquet files go")
    parser.add_argument("--shard", type=int, default=64, help="examples in a file")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    try:
        shards = plan_shards(options.examples, options.folder, options.shard)
        prerender(shards, workers=options.workers, progress=_tell)
    except GlyphError as error:
        sys.exit(f"error: {error}")
    failed = sum(len(read_failed(shard)) for shard in shards)
    print(f"{shards[-1].end - failed} examples in {options.folder}, {failed} could not be drawn")


def plan_shards(examples: Path, folder: Path, size: int = 64) -> list[Shard]:
    """Divides examples into files of ``size``, and marks the folder as theirs.

    Raises:
        ConfigError: ``size`` is no positive number.
        InputError: There is no example, or the folder holds pages of other examples or sizes.
    """
    if size < 1:
        raise ConfigError(f"a shard holds at least 1 example; got {size}")
    source = ExampleFile(examples)
    if not source:
        raise InputError(f"{str(examples)!r} holds no example")
    _claim(folder, {"examples": source.digest, "count": len(source), "shard": size})
    starts = range(0, len(source), size)
    return [
        Shard(str(examples), first, min(first + size, len(source)), folder / SHARD.format(number))
        for number, first in enumerate(starts)
    ]


def prerender(
    shards: Sequence[Shard], *, workers: int = 1, progress: Progress | None = None
) -> None:
    """Writes the files that are not there yet.

    Args:
        shards: Of ``plan_shards``.
        workers: Processes that draw.
        progress: Told after each file how many examples of all are done.
    """
    missing = [shard for shard in shards if not shard.path.exists()]
    total = shards[-1].end
    done = total - sum(shard.end - shard.first for shard in missing)
    for shard in _written(missing, workers):
        done += shard.end - shard.first
        if progress is not None:
            progress(done, total)


def write_shard(shard: Shard) -> Shard:
    """Draws one file's examples and writes it."""
    pyarrow, parquet = _pyarrow()
    examples = _examples(shard.examples)
    rows, failed = [], []
    for number in range(shard.first, shard.end):
        try:
            rows.append(stored_row(draw(examples[number])))
        except GlyphError as error:
            failed.append({"number": number, "error": f"{type(error).__name__}: {error}"})
    if failed:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in failed)
        shard.failed.write_text(lines, encoding="utf-8")
    draft = shard.path.with_suffix(".draft")
    table = pyarrow.Table.from_pylist(rows, schema=_schema())
    # A group a row, so that a loader reads one example alone; PNG does not shrink further.
    parquet.write_table(table, draft, row_group_size=1, compression="none")
    draft.replace(shard.path)
    return shard


def read_failed(shard: Shard) -> list[dict[str, Any]]:
    """Returns which examples of a file could not be drawn, and why."""
    if not shard.failed.exists():
        return []
    return [json.loads(line) for line in shard.failed.read_text(encoding="utf-8").splitlines()]


class DrawnDataset:
    """Rows of a trainer out of parquet files, in the order of the examples; see ``PageDataset``."""

    def __init__(self, folder: Path, *, form: Form = "sft", think: bool = False) -> None:
        """Opens the files of a folder.

        Raises:
            InputError: The folder holds no drawn examples, or not all of them yet.
        """
        self.form: Form = form
        self.think = think
        self._files = [str(path) for path in sorted(folder.glob("part-*.parquet"))]
        manifest = _read_manifest(folder)
        wanted = -(-manifest["count"] // manifest["shard"])
        if len(self._files) < wanted:
            raise InputError(
                f"{str(folder)!r} holds {len(self._files)} of {wanted} files; run "
                "python -m training.data.prerender again, which draws the rest"
            )
        self._places = [
            (file, group)
            for file in self._files
            # As many groups as rows, but for a file without any, which has one group.
            for group in range(_pyarrow()[1].read_metadata(file).num_rows)
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Row:
        return row_of_stored(self.stored(index), self.form, think=self.think)

    def stored(self, index: int) -> dict[str, Any]:
        """Returns a row as the file keeps it."""
        file, group = self._places[index]
        row: dict[str, Any] = _parquet_file(file).read_row_group(group).to_pylist()[0]
        return row


def _written(shards: Sequence[Shard], workers: int) -> Iterator[Shard]:
    if workers == 1:
        yield from map(write_shard, shards)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(write_shard, shard) for shard in shards]):
            yield future.result()


@lru_cache(maxsize=2)
def _examples(path: str) -> ExampleFile:
    return ExampleFile(path)


@lru_cache(maxsize=64)
def _parquet_file(path: str) -> Any:
    return _pyarrow()[1].ParquetFile(path)


def _schema() -> Any:
    pyarrow, _ = _pyarrow()
    text = pyarrow.string()
    columns = [(name, text) for name in ("id", "task", "prompt", "example")]
    images = ("images", pyarrow.list_(pyarrow.binary()))
    return pyarrow.schema([*columns, ("visual_tokens", pyarrow.int64()), images])


def _claim(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes what a folder is for, or checks that it is for the same."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    if not path.exists():
        write_whole(path, json.dumps(manifest).encode("ascii") + b"\n")
    elif (found := _read_manifest(folder)) != manifest:
        changed = next(name for name in manifest if found.get(name) != manifest[name])
        raise InputError(
            f"{str(folder)!r} holds pages of other {changed} ({found.get(changed)}, now "
            f"{manifest[changed]}); choose another folder, or delete this one"
        )


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{str(folder)!r} holds no drawn examples") from None
    return manifest


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "drawn examples are kept in parquet, which needs pyarrow: "
            "pip install 'glyph-context[train]'"
        ) from None
    return pyarrow, parquet


def _tell(done: int, total: int) -> None:
    print(f"{done} of {total} examples", flush=True)


if __name__ == "__main__":
    main()
