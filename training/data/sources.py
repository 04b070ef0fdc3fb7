"""Reads the records of all sources of a run, for training or held out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from training.data.invented import invented_records
from training.data.loaders import read_hub, read_jsonl, read_parquet, read_texts
from training.data.records import Columns, Record, Report
from training.data.settings import DataSettings, SourceSettings
from training.reader.corpus import load_corpus

_BUCKETS = 10_000
_LIBRARY_CHARS = 6000


def read_records(settings: DataSettings, report: Report, *, held_out: bool) -> list[Record]:
    """Reads every source; a record is of the held-out set or of the other, by its name."""
    records: list[Record] = []
    for source in settings.sources:
        found = _read(source, settings, report, held_out=held_out)
        records += islice(found, source.most or None)
    return records


def is_held_out(name: str, share: float) -> bool:
    """Tells whether a record of this name belongs to the share that training never sees."""
    return zlib.crc32(name.encode("utf-8", "backslashreplace")) % _BUCKETS < share * _BUCKETS


def _read(
    source: SourceSettings, settings: DataSettings, report: Report, *, held_out: bool
) -> Iterable[Record]:
    if source.kind == "invented":
        return invented_records(
            source.most, seed=settings.seed, held_out=held_out, chars=source.chars
        )
    if source.kind == "library":
        return _library(Path(settings.out), held_out=held_out)
    found = _loaded(source, Columns(source.columns), report)
    share = settings.held_out_share if settings.held_out else 0
    return (record for record in found if is_held_out(record.name, share) == held_out)


def _loaded(source: SourceSettings, columns: Columns, report: Report) -> Iterator[Record]:
    if source.kind == "hub":
        return read_hub(source.path, source.split, columns, report)
    if source.kind == "jsonl":
        return read_jsonl(Path(source.path), columns, report)
    if source.kind == "parquet":
        return read_parquet(Path(source.path), columns, report)
    return read_texts(Path(source.path), report)


def _library(folder: Path, *, held_out: bool) -> Iterator[Record]:
    """Yields the prose and the source code that come with every Python."""
    corpus = load_corpus(folder / "library", held_out=held_out)
    pieces: list[str] = []
    for number, paragraph in enumerate(corpus.prose):
        pieces.append(paragraph)
        if sum(map(len, pieces)) > _LIBRARY_CHARS:
            yield Record(f"library-prose-{number}", "\n\n".join(pieces), "prose")
            pieces = []
    for number, source in enumerate(corpus.code):
        yield Record(f"library-code-{number}", source, "code")
