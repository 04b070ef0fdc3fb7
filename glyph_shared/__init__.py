"""Ask questions of text longer than the model's window, by showing it pages instead of tokens.

Example:
    client = GlyphClient(base_url="http://127.0.0.1:8000/v1")
    answer = client.ask("Who wrote it?", read_document("book.txt"))
    print(answer.text, *answer.citations)
"""

from glyph_shared.asking import (
    Answer,
    AsyncGlyphClient,
    Citation,
    GlyphClient,
    PagedChat,
    pages_of_history,
)
from glyph_shared.documents import Document, Location, Origin, PdfLimits, read_document
from glyph_shared.errors import (
    BadResponse,
    CacheWarning,
    ConfigError,
    ContextLength,
    EmptyResponse,
    FontError,
    FontWarning,
    GlyphError,
    IncompleteStream,
    InputError,
    LeftOutWarning,
    OverLengthError,
    PdfError,
    RateLimited,
    ServerError,
)
from glyph_shared.planning import CompressionReport, Plan, Window, count_visual_tokens, plan
from glyph_shared.rendering import Page, PageStore, RenderConfig, Renderer, render

__all__ = [
    "Answer",
    "AsyncGlyphClient",
    "BadResponse",
    "CacheWarning",
    "Citation",
    "CompressionReport",
    "ConfigError",
    "ContextLength",
    "Document",
    "EmptyResponse",
    "FontError",
    "FontWarning",
    "GlyphClient",
    "GlyphError",
    "IncompleteStream",
    "InputError",
    "LeftOutWarning",
    "Location",
    "Origin",
    "OverLengthError",
    "Page",
    "PageStore",
    "PagedChat",
    "PdfError",
    "PdfLimits",
    "Plan",
    "RateLimited",
    "RenderConfig",
    "Renderer",
    "ServerError",
    "Window",
    "count_visual_tokens",
    "pages_of_history",
    "plan",
    "read_document",
    "render",
]
