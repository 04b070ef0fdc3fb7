"""Image nodes without text: shown as they are."""

from __future__ import annotations

from llama_index.core.schema import BaseNode, ImageDocument, ImageNode
from typing_extensions import TypeIs

import glyph_shared
from glyph_shared import read_document
from glyph_shared.errors import InputError


def is_picture(node: BaseNode) -> TypeIs[ImageNode | ImageDocument]:
    """Tells whether a node is an image that brings no text with it."""
    if not isinstance(node, ImageNode | ImageDocument) or node.get_content().strip():
        return False
    return bool(node.image_path or node.image or node.image_url)


def read_picture(node: ImageNode | ImageDocument) -> glyph_shared.Document:
    """Reads the image file of a node.

    Raises:
        InputError: It cannot be read, or the node names no file.
    """
    if node.image_path is None:
        raise InputError(
            f"the image node {node.node_id!r} has neither text nor an image_path; addresses are "
            "not fetched and bytes are not kept in nodes: give the image as a file"
        )
    return read_document(node.image_path, source_pages="pictures")
