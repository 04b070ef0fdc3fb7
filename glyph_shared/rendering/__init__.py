"""Text to pages: θ, fonts, layout, pixels, PNG."""

from glyph_shared.rendering.config import RenderConfig
from glyph_shared.rendering.marks import Box, span_boxes
from glyph_shared.rendering.page import PICTURE_MARK, Page, pixel_digest
from glyph_shared.rendering.page_images import (
    default_images,
    drawn,
    image_folder,
    keep_image,
    kept_image,
    page_id,
)
from glyph_shared.rendering.page_store import PageStore, default_store
from glyph_shared.rendering.png import png_theta_hash
from glyph_shared.rendering.renderer import Renderer, render
from glyph_shared.rendering.visual_tokens import count_visual_tokens

__all__ = [
    "PICTURE_MARK",
    "Box",
    "Page",
    "PageStore",
    "RenderConfig",
    "Renderer",
    "count_visual_tokens",
    "default_images",
    "default_store",
    "drawn",
    "image_folder",
    "keep_image",
    "kept_image",
    "page_id",
    "pixel_digest",
    "png_theta_hash",
    "render",
    "span_boxes",
]
