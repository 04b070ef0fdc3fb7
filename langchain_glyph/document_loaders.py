"""``GlyphLoader`` and ``GlyphBlobParser``: files, folders and blobs as documents, or as pages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from mimetypes import guess_extension
from pathlib import Path, PurePath
from typing import Any

from langchain_core.document_loaders import BaseBlobParser, BaseLoader, Blob
from langchain_core.documents import Document

import glyph_shared
from glyph_shared import LeftOutWarning, PdfLimits, read_document
from glyph_shared.documents import STANDARD_INPUT, Skipped, document_of_bytes, read_files
from langchain_glyph.page_documents import start_of
from langchain_glyph.page_transformer import GlyphPageTransformer

_ASSUMED_ENCODING = "utf-8"
"""What a blob says that was not told its encoding."""
_NAMED = 3


class GlyphLoader(BaseLoader):
    """Loads a file, or all files of a folder: text, source code, HTML, JSON, tables, PDFs.

        from langchain_glyph import GlyphLoader, GlyphPageTransformer

        documents = GlyphLoader("handbook/").load()  # a document for each file
        documents[0].page_content, documents[0].metadata["source"]

        pages = GlyphLoader("handbook/", pages=GlyphPageTransformer()).load()
        pages[0].metadata["image_path"], pages[0].metadata.get("source_page")

    A file of a folder that cannot be read does not cost the others: a warning names it at the end,
    and ``skipped`` lists all. What ``.gitignore`` excludes and ``.env`` files are not read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        pages: GlyphPageTransformer | None = None,
        encoding: str | None = None,
        limits: PdfLimits | None = None,
    ) -> None:
        """Names what is loaded; nothing is read yet.

        Args:
            path: A file, a folder, or ``-`` for standard input.
            pages: What draws the files; then each document is a page, and pages of PDFs tell on
                which ``source_page`` they begin.
            encoding: The encoding of text files, where they do not tell it and it is neither
                UTF-8 nor Windows-1252.
            limits: What reading one PDF may take.
        """
        self.path = path
        self.pages = pages
        self.encoding = encoding
        self.limits = limits or PdfLimits()
        self.skipped: tuple[Skipped, ...] = ()

    def lazy_load(self) -> Iterator[Document]:
        """Yields the documents, file by file.

        Raises:
            InputError: The path does not exist, is not text, or no file has text.
            PdfError: The file is a PDF that cannot be read within the limits.
        """
        skipped: list[Skipped] = []
        for read in read_files(self.path, limits=self.limits, encoding=self.encoding):
            if isinstance(read, Skipped):
                skipped.append(read)
                continue
            skipped.extend(read.skipped)
            yield from _documents(read, {"source": self._source(read.name)}, self.pages)
        self.skipped = tuple(skipped)
        _warn_skipped(str(self.path), skipped)

    def _source(self, name: str) -> str:
        if os.fspath(self.path) == STANDARD_INPUT:
            return name
        return str(Path(self.path, name) if os.path.isdir(self.path) else Path(self.path))


class GlyphBlobParser(BaseBlobParser):
    """Reads blobs of any kind, from a path or from memory; loaders of blobs take it.

        from langchain_core.document_loaders import Blob
        from langchain_glyph import GlyphBlobParser

        blob = Blob.from_data("<p>Call me Ishmael.</p>", mime_type="text/html")
        [document] = GlyphBlobParser().parse(blob)
        print(document.page_content)

    What a blob is, its first bytes tell, then its type or the suffix of its name. One that cannot
    be read is an error.
    """

    def __init__(
        self, *, pages: GlyphPageTransformer | None = None, limits: PdfLimits | None = None
    ) -> None:
        """Takes how blobs are read.

        Args:
            pages: What draws them; then each document is a page.
            limits: What reading one PDF may take.
        """
        self.pages = pages
        self.limits = limits or PdfLimits()

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Yields a blob's document, or its pages.

        Raises:
            InputError: It is not text, holds none, or is a file that cannot be read.
            PdfError: It is a PDF that cannot be read within the limits.
        """
        read = self._read(blob)
        source = {} if blob.source is None else {"source": blob.source}
        yield from _documents(read, {**blob.metadata, **source}, self.pages)
        _warn_skipped(read.name, read.skipped)

    def _read(self, blob: Blob) -> glyph_shared.Document:
        encoding = None if blob.encoding == _ASSUMED_ENCODING else blob.encoding
        if blob.data is None:
            return read_document(str(blob.path), limits=self.limits, encoding=encoding)
        data = blob.data
        if isinstance(data, str):
            data, encoding = data.encode("utf-8"), "utf-8"
        return document_of_bytes(data, _name(blob), limits=self.limits, encoding=encoding)


def _documents(
    read: glyph_shared.Document, metadata: dict[Any, Any], pages: GlyphPageTransformer | None
) -> Iterator[Document]:
    whole = Document(read.text, metadata=metadata)
    if pages is None:
        yield whole
        return
    offset = start_of(whole) or 0
    for page in pages.transform_documents([whole]):
        number = read.locate(page.metadata["char_span"][0] - offset).source_page
        if number is not None:
            page.metadata["source_page"] = number
        yield page


def _name(blob: Blob) -> str:
    """Returns a file name whose suffix tells the blob's kind."""
    name = PurePath(blob.source or "").name or "document"
    suffix = guess_extension(blob.mimetype) if blob.mimetype else None
    return name if suffix is None or name.lower().endswith(suffix) else name + suffix


def _warn_skipped(name: str, skipped: list[Skipped] | tuple[Skipped, ...]) -> None:
    if not skipped:
        return
    told = "; ".join(f"{one.path}: {one.reason}" for one in skipped[:_NAMED])
    more = f"; and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
    warnings.warn(f"not all of {name!r} could be read: {told}{more}", LeftOutWarning, stacklevel=3)
