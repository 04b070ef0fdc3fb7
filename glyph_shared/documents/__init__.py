"""Files, folders and PDFs as text whose every char knows its origin, and pictures within it."""

from glyph_shared.documents.document import Document, Location, Origin, Skipped
from glyph_shared.documents.limits import PdfLimits
from glyph_shared.documents.picture import (
    OBJECT_MARK,
    Picture,
    PictureFile,
    SourcePage,
    SourcePages,
    page_ranges,
)
from glyph_shared.documents.pictures import Raster, rasterise
from glyph_shared.documents.reading import (
    STANDARD_INPUT,
    document_of_bytes,
    read_document,
    read_files,
)

__all__ = [
    "OBJECT_MARK",
    "STANDARD_INPUT",
    "Document",
    "Location",
    "Origin",
    "PdfLimits",
    "Picture",
    "PictureFile",
    "Raster",
    "Skipped",
    "SourcePage",
    "SourcePages",
    "document_of_bytes",
    "page_ranges",
    "rasterise",
    "read_document",
    "read_files",
]
