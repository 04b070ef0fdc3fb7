"""LangChain's view of glyph-context: long text travels to the model as pages.

Example:
    model = ChatGlyph(base_url="http://127.0.0.1:8000/v1")
    message = model.invoke(book + " Who is Bertha?")
    print(message.text, message.response_metadata["pages"])
"""

import langchain_glyph.extra  # noqa: F401  # says what to install, before anything is missed
from langchain_glyph.chat_models import ChatGlyph
from langchain_glyph.compressor import GlyphCompressor
from langchain_glyph.document_loaders import GlyphBlobParser, GlyphLoader
from langchain_glyph.middleware import GlyphMiddleware
from langchain_glyph.page_blocks import page_blocks
from langchain_glyph.page_transformer import GlyphPageTransformer
from langchain_glyph.retrievers import GlyphCorpusRetriever
from langchain_glyph.runnables import render_pages

__all__ = [
    "ChatGlyph",
    "GlyphBlobParser",
    "GlyphCompressor",
    "GlyphCorpusRetriever",
    "GlyphLoader",
    "GlyphMiddleware",
    "GlyphPageTransformer",
    "page_blocks",
    "render_pages",
]
