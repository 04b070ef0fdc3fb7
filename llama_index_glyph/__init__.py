"""LlamaIndex's view of glyph-context: long text travels to the model as pages.

Example:
    llm = GlyphLLM("http://127.0.0.1:8000/v1")
    print(llm.complete(f"{book}, and now: who wrote it?"))
"""

from llama_index_glyph.llm import GlyphLLM

__all__ = ["GlyphLLM"]
