"""The documents of a comparison: each file one, so that a retriever can choose among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from glyph_shared import Document, InputError, PdfError, read_document
from glyph_shared.documents import Skipped
from glyph_shared.documents.folder import walk


def read_documents(paths: Sequence[str]) -> tuple[list[Document], list[Skipped]]:
    """Reads files, and all files of folders; returns them and what could not be read of folders.

    A file of a folder is named by its path in it, another one by its name, or by its whole path
    where two would have the same.

    Raises:
        InputError: A path cannot be read, or nothing was.
        PdfError: A PDF that was named cannot be read.
    """
    documents: dict[str, Document] = {}
    skipped: list[Skipped] = []
    for path in paths:
        for name, found in _read(path):
            if isinstance(found, Skipped):
                skipped.append(found)
                continue
            unique = name if name not in documents else f"{path}/{name}"
            if unique in documents:
                raise InputError(f"{path!r} was given twice; name each document once")
            documents[unique] = replace(found, name=unique)
    if not documents:
        raise InputError(f"no document could be read from {', '.join(paths) or 'no path'}")
    return list(documents.values()), skipped


def _read(path: str) -> Iterator[tuple[str, Document | Skipped]]:
    folder = Path(path)
    if not folder.is_dir():
        document = read_document(path)
        yield document.name, document
        return
    for entry in walk(folder):
        if entry.problem:
            yield entry.name, Skipped(entry.name, entry.problem)
            continue
        try:
            yield entry.name, read_document(entry.path)
        except (InputError, PdfError) as error:
            # One bad file must not cost the others.
            yield entry.name, Skipped(entry.name, str(error))
