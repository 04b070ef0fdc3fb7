"""Image files, such as scans and photographs of pages: each is shown as a picture."""

from __future__ import annotations

from glyph_shared.documents.document import DocumentBuilder
from glyph_shared.documents.limits import PdfLimits
from glyph_shared.documents.picture import OBJECT_MARK, PictureFile, SourcePage
from glyph_shared.documents.pictures import survey_file

_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")


def is_image(data: bytes) -> bool:
    """Tells whether bytes begin as PNG, JPEG, TIFF or WebP do."""
    return data.startswith(_MARKS) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def add_image(builder: DocumentBuilder, data: bytes, *, path: str, limits: PdfLimits) -> None:
    """Appends an image file as a picture; a TIFF file of several images as several.

    Raises:
        InputError: It cannot be read within the limits.
    """
    file = PictureFile(path, "image", data, limits)
    pages = survey_file(file)
    for number, facts in enumerate(pages, start=1):
        builder.source_page(SourcePage(path, number, "picture", "an image has no text layer"))
        builder.add_picture(
            OBJECT_MARK + ("\n" if number == len(pages) else "\n\n"),
            file,
            number,
            facts.size_pt,
            has_text=False,
            source_page=number if len(pages) > 1 else None,
        )
