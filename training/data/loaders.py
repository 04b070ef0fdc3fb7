"""Reads records from text files, folders, JSONL, parquet and data sets of the Hugging Face hub.

A row that is no record is reported, with file and line, and the others are read on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from glyph_shared.documents import read_document
from glyph_shared.documents.folder import walk
from glyph_shared.errors import ConfigError, GlyphError, InputError
from glyph_shared.planning.kinds import text_kind
from training.data.records import BadRow, Columns, Record, Report, shown

TRAIN_EXTRA = "pip install 'glyph-context[train]'"


def read_texts(path: Path, report: Report) -> Iterator[Record]:
    """Reads a file of any kind that ``read_document`` knows, or every file of a folder."""
    if not path.exists():
        raise InputError(f"{str(path)!r} is not there; give a file or folder")
    if not path.is_dir():
        yield from _read_text(path, str(path), report)
        return
    for entry in walk(path):
        if entry.problem:
            report(BadRow(entry.name, 0, entry.problem))
        else:
            yield from _read_text(entry.path, entry.name, report)


def read_jsonl(path: Path, columns: Columns, report: Report) -> Iterator[Record]:
    """Reads a file of one JSON object per line; blank lines are passed over."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield from _parsed(line, str(path), number, columns, report)


def read_parquet(path: Path, columns: Columns, report: Report) -> Iterator[Record]:
    """Reads a parquet file, or those of a folder, a batch of rows at a time."""
    parquet = _parquet()
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"no parquet file in {str(path)!r}")
    for file in files:
        try:
            batches = parquet.ParquetFile(file).iter_batches(batch_size=256)
            rows = (row for batch in batches for row in batch.to_pylist())
            yield from read_rows(rows, str(file), columns, report)
        except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
            report(BadRow(str(file), 0, f"cannot be read as parquet: {error}"))


def read_hub(name: str, split: str, columns: Columns, report: Report) -> Iterator[Record]:
    """Streams a data set of the Hugging Face hub, or of a folder that ``datasets`` knows.

    ``name`` may end in ``:config``.

    Raises:
        ConfigError: ``datasets`` is not installed.
        InputError: The data set cannot be opened, or breaks off.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise ConfigError(f"data sets by name need datasets: {TRAIN_EXTRA}") from None
    path, _, config = name.partition(":")

    def rows() -> Iterator[Any]:
        try:
            yield from load_dataset(path, config or None, split=split, streaming=True)
        except Exception as error:  # whatever the network, the hub or the format comes up with
            told = f"data set {name!r}, split {split!r}, cannot be read: {error}"
            raise InputError(told) from error

    yield from read_rows(rows(), name, columns, report)


def read_rows(rows: Iterable[Any], file: str, columns: Columns, report: Report) -> Iterator[Record]:
    """Reads rows that are mappings."""
    for number, row in enumerate(rows, start=1):
        try:
            yield columns.record(row, f"{file}:{number}")
        except ValueError as error:
            report(BadRow(file, number, str(error), shown(row)))


def _parsed(
    line: str, file: str, number: int, columns: Columns, report: Report
) -> Iterator[Record]:
    try:
        # A cut or broken line is a ValueError, as is a row that is no record.
        yield columns.record(json.loads(line), f"{file}:{number}")
    except (ValueError, RecursionError) as error:
        report(BadRow(file, number, str(error), shown(line.strip())))


def _read_text(path: Path, name: str, report: Report) -> Iterator[Record]:
    try:
        document = read_document(path)
    except GlyphError as error:
        report(BadRow(name, 0, str(error)))
        return
    if document.text.strip():
        yield Record(name, document.text, text_kind(document.text, name))
    else:
        report(BadRow(name, 0, "holds no text"))


def _opened(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from None


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(f"parquet files need pyarrow: {TRAIN_EXTRA}") from None
    return parquet


Loader = Callable[[Path, Columns, Report], Iterator[Record]]
BY_SUFFIX: Mapping[str, Loader] = {".jsonl": read_jsonl, ".parquet": read_parquet}
