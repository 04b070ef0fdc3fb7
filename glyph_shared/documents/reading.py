"""``read_document``: any readable file, folder, or standard input as one ``Document``."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from glyph_shared.documents.decoding import decode, looks_binary
from glyph_shared.documents.document import Document, DocumentBuilder, Skipped
from glyph_shared.documents.folder import printable_path, walk
from glyph_shared.documents.html_text import add_html
from glyph_shared.documents.image_file import add_image, is_image
from glyph_shared.documents.json_text import add_json
from glyph_shared.documents.limits import DEFAULT_LIMITS, PdfLimits
from glyph_shared.documents.pdf import add_pdf
from glyph_shared.documents.picture import SourcePages
from glyph_shared.documents.tables import add_table
from glyph_shared.errors import ConfigError, InputError, PdfError

STANDARD_INPUT = "-"
# What a shell's < and <(command) name: pipes that somebody writes and closes.
_STREAMS = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
_PDF_MARK = b"%PDF-"
_READABLE = "text, source code, HTML, JSON, CSV, PDF"

_Adder = Callable[..., None]
# Every other suffix is plain text: source code needs no list of languages.
_ADDERS: dict[str, _Adder] = {
    ".html": add_html,
    ".htm": add_html,
    ".xhtml": add_html,
    ".json": add_json,
    ".geojson": add_json,
    ".csv": add_table,
    ".tsv": add_table,
}


@dataclass(frozen=True, slots=True)
class _Manner:
    """How files are read, see ``read_document``."""

    limits: PdfLimits
    encoding: str | None
    source_pages: SourcePages


def read_document(
    path: str | os.PathLike[str],
    *,
    source_pages: SourcePages = "text",
    limits: PdfLimits = DEFAULT_LIMITS,
    encoding: str | None = None,
) -> Document:
    """Reads a file, a whole folder, or standard input (``-``).

    A folder becomes one document in which each file follows a header line ``=== path ===``. What
    a folder holds but is not read (pictures, a broken PDF, secrets in ``.env``) is listed in
    ``Document.skipped``.

    Pages of PDFs are read as ``text`` unless pictures are asked for: a text is exact, costs less,
    and every reader takes it. ``auto`` shows those source pages as pictures whose text layer does
    not tell what the page does (none, garbled, tables, figures), ``pictures`` shows all, and both
    show image files (PNG, JPEG, TIFF, WebP) too. ``Document.source_pages`` says what was chosen and
    why. Pictures are for zai-org/Glyph: the embedded reader reads drawn text only.

    Args:
        path: The file or folder, or ``-``.
        source_pages: ``text``, ``auto`` or ``pictures``.
        limits: What reading one PDF may take.
        encoding: The encoding of text files, where the caller knows better than ``decoding``.

    Raises:
        InputError: The path does not exist, is no regular file, is not text, or holds no text.
        PdfError: The file is a PDF that cannot be read within the limits.
        ConfigError: ``source_pages`` is none of the three.
    """
    if source_pages not in get_args(SourcePages):
        allowed = ", ".join(repr(one) for one in get_args(SourcePages))
        raise ConfigError(f"source_pages must be one of {allowed}; got {source_pages!r}")
    manner = _Manner(limits, encoding, source_pages)
    builder = DocumentBuilder()
    if not os.fspath(path):
        raise InputError("the path is empty; name a file or a folder, or - for standard input")
    if os.fspath(path) == STANDARD_INPUT:
        name = "standard input"
        _add_bytes(builder, _standard_input(), name, "", manner)
    else:
        file = Path(path)
        name = _shown_name(file)
        if os.path.isdir(file):  # unlike Path.is_dir, never raises
            _add_folder(builder, file, manner)
        else:
            _add_bytes(builder, _bytes_of(file), name, file.suffix, manner)
    return _with_text(builder.build(name))


def read_files(
    path: str | os.PathLike[str],
    *,
    limits: PdfLimits = DEFAULT_LIMITS,
    encoding: str | None = None,
) -> Iterator[Document | Skipped]:
    """Reads a file, or the files of a folder one after the other, each as a document of its own.

    They are named by their path within the folder, and so is what is not read. Files without text
    give nothing.

    Args:
        path: The file or folder, or ``-`` for standard input.
        limits: What reading one PDF may take.
        encoding: The encoding of text files, where the caller knows better than ``decoding``.

    Raises:
        InputError: The path does not exist, is no regular file, is not text, or holds no text.
        PdfError: The file is a PDF that cannot be read within the limits.
    """
    if not os.path.isdir(path):
        yield read_document(path, limits=limits, encoding=encoding)
        return
    skipped: list[Skipped] = []
    empty = True
    for part in _parts(Path(path), _Manner(limits, encoding, "text")):
        if isinstance(part, Skipped):
            skipped.append(part)
        elif part.text.strip():
            empty = False
        else:
            continue
        yield part
    if empty:
        _with_text(Document("", (), _shown_name(Path(path)), tuple(skipped)))


def document_of_bytes(
    data: bytes,
    name: str,
    *,
    source_pages: SourcePages = "text",
    limits: PdfLimits = DEFAULT_LIMITS,
    encoding: str | None = None,
) -> Document:
    """Reads the content of one file that is in memory; its name's suffix tells its kind.

    Raises:
        InputError: It is not text, or holds none.
        PdfError: It is a PDF that cannot be read within the limits.
    """
    builder = DocumentBuilder()
    manner = _Manner(limits, encoding, source_pages)
    shown = printable_path(Path(name))
    _add_bytes(builder, data, shown, Path(name).suffix, manner)
    return _with_text(builder.build(shown))


def _with_text(document: Document) -> Document:
    if not document.text.strip():
        raise InputError(f"{document.name} holds no text; {_skipped_hint(document)}")
    return document


def _skipped_hint(document: Document) -> str:
    if not document.skipped:
        return f"give a file or folder with {_READABLE}"
    first, count = document.skipped[0], len(document.skipped)
    if count == 1:
        return f"1 file could not be read, {first.path}: {first.reason}"
    return f"{count} files could not be read, the first is {first.path}: {first.reason}"


def _shown_name(path: Path) -> str:
    return printable_path(Path(path.name or path.resolve().name))


def _add_folder(builder: DocumentBuilder, folder: Path, manner: _Manner) -> None:
    for part in _parts(folder, manner):
        if isinstance(part, Skipped):
            builder.skip(part.path, part.reason)
        else:
            builder.extend_with_header(part, f"=== {part.name} ===")


def _parts(folder: Path, manner: _Manner) -> Iterator[Document | Skipped]:
    for entry in walk(folder):
        if entry.problem:
            yield Skipped(entry.name, entry.problem)
            continue
        part = DocumentBuilder()
        try:
            _add_bytes(part, _bytes_of(entry.path), entry.name, entry.path.suffix, manner)
        except (InputError, PdfError) as error:
            # One bad file must not cost the others.
            yield Skipped(entry.name, str(error))
        else:
            yield part.build(entry.name)


def _add_bytes(
    builder: DocumentBuilder, data: bytes, name: str, suffix: str, manner: _Manner
) -> None:
    """Appends one file's content in the way its first bytes and its suffix ask for."""
    if data.startswith(_PDF_MARK) or suffix.lower() == ".pdf":
        add_pdf(builder, data, path=name, limits=manner.limits, source_pages=manner.source_pages)
        return
    if is_image(data):
        if manner.source_pages == "text":
            raise InputError(
                f"{name} is an image, not text; source_pages='auto' (--pdf auto) sends it as a "
                "picture"
            )
        add_image(builder, data, path=name, limits=manner.limits)
        return
    if manner.encoding is None and looks_binary(data):
        raise InputError(f"{name} is not text (it holds NUL bytes); readable are {_READABLE}")
    text = decode(data, name=name, encoding=manner.encoding)
    add = _ADDERS.get(suffix.lower())
    if add is None:
        builder.add(text, path=name, line=1)
    else:
        add(builder, text, path=name)


def _standard_input() -> bytes:
    if sys.stdin is None:  # as Python has it where a program is started with it closed
        raise InputError("standard input is closed; name a file or a folder")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(
            f"standard input cannot be read: {error.strerror}; name a file or a folder"
        ) from error


def _bytes_of(path: Path) -> bytes:
    try:
        _check_it_ends(path)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise InputError(
            f"cannot read {printable_path(path)}: {reason}; give an existing file, a folder, or -"
        ) from error


def _check_it_ends(path: Path) -> None:
    """Refuses devices and named pipes, which may never end or never begin."""
    if not stat.S_ISREG(path.stat().st_mode) and not str(path).startswith(_STREAMS):
        raise InputError(
            f"{printable_path(path)} is not a regular file; name one, or send what it gives to -"
        )
