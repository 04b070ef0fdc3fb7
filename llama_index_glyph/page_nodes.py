"""Passages as page nodes: an image on disk, and as text what is drawn on it."""

from __future__ import annotations

from pathlib import Path

from llama_index.core.schema import ImageDocument, ImageNode, NodeRelationship, TextNode

from glyph_shared import Page, RenderConfig
from glyph_shared.asking.material import warn_replaced
from glyph_shared.rendering import drawn, keep_image, page_id
from llama_index_glyph.passages import Passage

PAGE_KEYS = ("page", "pages", "digest", "theta")
"""Metadata about the image, which neither a model nor an embedding is shown."""


def page_nodes(passage: Passage, config: RenderConfig | None, folder: Path) -> list[ImageNode]:
    """Draws a passage; returns a node for each page, its image in ``folder``.

    Their ids depend on document, text, θ and place alone.
    """
    made, replaced = [], 0
    for page in drawn(passage.text, config):  # one at a time is in memory
        made.append(_page_node(passage, page, folder))
        replaced += page.replaced
    for node in made:
        node.metadata["pages"] = len(made)
    warn_replaced(replaced)
    return made


def picture_node(node: ImageNode | ImageDocument) -> ImageNode:
    """Returns an image without text as a node of its own."""
    return ImageNode(
        id_=page_id(node.node_id, node.image_path or node.image_url),
        image=node.image,
        image_path=node.image_path,
        image_url=node.image_url,
        image_mimetype=node.image_mimetype,
        metadata=node.metadata,
        relationships={NodeRelationship.SOURCE: node.source_node or node.as_related_node_info()},
    )


def with_images(node: ImageNode, config: RenderConfig | None, folder: Path) -> list[ImageNode]:
    """Returns a page node whose image is there; one that was removed is drawn again from text.

    A look that needs several pages for the text gives several nodes.
    """
    if node.image_path is None or Path(node.image_path).is_file() or not node.text.strip():
        return [node]
    again = page_nodes(Passage.of(node), config, folder)
    if len(again) > 1:
        return again
    keys = ("digest", "theta")
    metadata = {**node.metadata, **{key: again[0].metadata[key] for key in keys}}
    return [node.model_copy(update={"image_path": again[0].image_path, "metadata": metadata})]


def cut(passage: Passage, span: tuple[int, int], page: int, digest: str, theta: str) -> TextNode:
    """Returns what one page shows of a passage as a node without an image.

    Args:
        passage: The passage.
        span: The part of its text on the page.
        page: The page's number, from 1, among all that were sent.
        digest: The page's digest; empty where the text was sent as text.
        theta: The hash of what drew it.
    """
    metadata = {**passage.node_at(span[0]).metadata, "page": page, "digest": digest}
    return TextNode(**page_fields(passage, span, theta), metadata=metadata)


def page_fields(passage: Passage, span: tuple[int, int], theta: str) -> dict[str, object]:
    """Returns what makes a node a part of its source document."""
    first = passage.node_at(span[0])
    start, end = passage.place(span) or (None, None)
    text = passage.text[slice(*span)]
    return {
        "id_": page_id(passage.doc_id, theta, start, end, text),
        "text": text,
        "start_char_idx": start,
        "end_char_idx": end,
        "relationships": {NodeRelationship.SOURCE: passage.source_at(span[0])},
        "excluded_embed_metadata_keys": _with_page_keys(first.excluded_embed_metadata_keys),
        "excluded_llm_metadata_keys": _with_page_keys(first.excluded_llm_metadata_keys),
        "metadata_template": first.metadata_template,
        "metadata_separator": first.metadata_separator,
    }


def _page_node(passage: Passage, page: Page, folder: Path) -> ImageNode:
    told = {"page": page.index + 1, "digest": page.digest, "theta": page.theta_hash}
    return ImageNode(
        **page_fields(passage, page.char_span, page.theta_hash),
        metadata={**passage.node_at(page.char_span[0]).metadata, **told},
        image_path=str(keep_image(page, folder)),
        image_mimetype="image/png",
    )


def _with_page_keys(keys: list[str]) -> list[str]:
    return list(dict.fromkeys([*keys, *PAGE_KEYS]))
