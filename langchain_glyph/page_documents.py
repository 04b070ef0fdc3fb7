"""Documents as pages: an image on disk, and as text what is drawn on it.

A page is a ``Document``: its ``page_content`` is the text that it shows, its ``metadata`` that of
the document it is from, and ``PAGE_KEYS``. No bytes of images are in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from glyph_shared import InputError, Page, RenderConfig
from glyph_shared.asking.material import warn_replaced
from glyph_shared.planning import Stretch
from glyph_shared.rendering import drawn, keep_image, page_id

PAGE_KEYS = (
    "page",  # its number, from 1
    "pages",  # how many there are of what was drawn
    "char_span",  # half-open, in the text of the source; a tuple, and a list once it was JSON
    "digest",  # sha256 of size and pixels
    "theta",  # the hash of what drew it
    "image_path",  # a PNG file
    "visual_tokens",  # without the 2 marks around it
)
"""What the metadata of a page tell of it, beside ``source`` and ``source_page`` where known."""

# Vector stores that keep plain values alone drop the span.
_TOLD = tuple(key for key in PAGE_KEYS if key != "char_span")


def page_documents(
    stretch: Stretch[Document], config: RenderConfig | None, folder: Path
) -> list[Document]:
    """Draws a stretch of text; returns a document for each page, its image in ``folder``.

    Their ids depend on source, text, θ and place alone.
    """
    made, replaced = [], 0
    for page in drawn(stretch.text, config):  # one at a time is in memory
        made.append(_page_document(stretch, page, folder))
        replaced += page.replaced
    for document in made:
        document.metadata["pages"] = len(made)
    warn_replaced(replaced)
    return made


def is_page(document: Document) -> bool:
    """Tells whether a document is a page that was drawn."""
    return all(key in document.metadata for key in _TOLD)


def with_image(page: Document, config: RenderConfig | None, folder: Path) -> list[Document]:
    """Returns a page whose image is there; one that was removed is drawn again from its text.

    Under another θ than it was drawn with, its text may take several pages.

    Raises:
        InputError: The image was removed, and there is no text to draw it from.
    """
    if Path(page.metadata["image_path"]).is_file():
        return [page]
    if not page.page_content.strip():
        raise InputError(
            f"the image {page.metadata['image_path']!r} of a page was removed, and the page has no "
            "text to draw it from; draw its source again"
        )
    numbers = {key: page.metadata[key] for key in ("page", "pages")}
    made = page_documents(stretch_of(page), config, folder)
    return [again.model_copy(update={"metadata": {**again.metadata, **numbers}}) for again in made]


def stretch_of(document: Document) -> Stretch[Document]:
    """Returns a document's text, with its place in its source where that is known."""
    return Stretch(document.page_content, start_of(document), ((0, document),))


def start_of(document: Document) -> int | None:
    """Returns where a document begins in its source, as pages and text splitters tell it."""
    span = document.metadata.get("char_span")
    start = span[0] if span else document.metadata.get("start_index")
    # A splitter that does not find its own text says -1.
    return start if isinstance(start, int) and start >= 0 else None


def source_page_of(document: Document) -> Any:
    """Returns the source page that a document is from, from 1; None where nobody says it."""
    number = document.metadata.get("page")
    if "source_page" in document.metadata or number is None or is_page(document):
        return document.metadata.get("source_page")
    # LangChain's readers of PDFs count source pages from 0.
    return number + 1 if isinstance(number, int) else number


def check_documents(documents: object) -> None:
    """Refuses what is no sequence of LangChain's documents with text.

    Raises:
        InputError: It is not.
    """
    if isinstance(documents, list | tuple):
        for document in documents:
            _check_document(document)
        return
    raise InputError(f"give a list of LangChain's documents; got a {type(documents).__name__}")


def set_apart(pages: list[Document]) -> list[Document]:
    """Gives pages that were drawn from equal documents ids of their own, the first keeps its."""
    times: dict[str | None, int] = {}
    apart = []
    for page in pages:
        before = times.get(page.id, 0)
        times[page.id] = before + 1
        apart.append(page.model_copy(update={"id": page_id(page.id, before)}) if before else page)
    return apart


def _check_document(document: object) -> None:
    if not isinstance(document, Document):
        raise InputError(
            f"give LangChain's documents; got a {type(document).__name__}, whose text goes into "
            "Document(page_content=..., metadata={'source': ...})"
        )
    if not isinstance(document.page_content, str):
        raise InputError(
            f"page_content must be a str; got a {type(document.page_content).__name__}"
        )


def _page_document(stretch: Stretch[Document], page: Page, folder: Path) -> Document:
    text = stretch.text[slice(*page.char_span)]
    start = (stretch.start or 0) + page.char_span[0]
    source = stretch.part_at(page.char_span[0])
    metadata = {
        **_inherited(source, start),
        "page": page.index + 1,
        "char_span": (start, start + len(text)),
        "digest": page.digest,
        "theta": page.theta_hash,
        "image_path": str(keep_image(page, folder)),
        "visual_tokens": page.visual_tokens,
    }
    whose = [source.metadata.get("source") or source.id, metadata.get("source_page")]
    return Document(text, id=page_id(*whose, page.theta_hash, start, text), metadata=metadata)


def _inherited(source: Document, start: int) -> dict[Any, Any]:
    """Returns what a page takes over from the document it is from."""
    metadata = {key: value for key, value in source.metadata.items() if key not in PAGE_KEYS}
    if "start_index" in metadata:
        metadata["start_index"] = start
    number = source_page_of(source)
    return metadata if number is None else {**metadata, "source_page": number}
