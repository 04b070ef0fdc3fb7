"""Files, folders and PDFs as text whose every char knows its origin."""

from glyph_shared.documents.document import Document, Location, Origin, Skipped
from glyph_shared.documents.pdf import PdfLimits
from glyph_shared.documents.reading import STANDARD_INPUT, read_document

__all__ = [
    "STANDARD_INPUT",
    "Document",
    "Location",
    "Origin",
    "PdfLimits",
    "Skipped",
    "read_document",
]
