"""LlamaIndex's view of glyph-context: long text travels to the model as pages.

Example:
    engine = GlyphQueryEngine.from_documents(documents, GlyphLLM("http://127.0.0.1:8000/v1"))
    response = engine.query("Who wrote it?")
    print(response, response.source_nodes)
"""

import llama_index_glyph.extra  # noqa: F401  # says what to install, before anything is missed
from llama_index_glyph.llm import GlyphLLM
from llama_index_glyph.node_parser import GlyphNodeParser
from llama_index_glyph.postprocessor import GlyphRenderPostprocessor
from llama_index_glyph.query_engine import GlyphQueryEngine
from llama_index_glyph.retriever import GlyphCorpusRetriever
from llama_index_glyph.synthesizer import GlyphSynthesizer

__all__ = [
    "GlyphCorpusRetriever",
    "GlyphLLM",
    "GlyphNodeParser",
    "GlyphQueryEngine",
    "GlyphRenderPostprocessor",
    "GlyphSynthesizer",
]
