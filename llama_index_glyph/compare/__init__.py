"""RAG against full context in numbers: the same questions, model and documents, several arms.

Example:
    arms = {"Glyph": FullContext(documents, pages), "RAG": Rag(retriever, pages)}
    summary = asyncio.run(compare(documents, questions, arms, Path("comparison")))
"""

from llama_index_glyph.compare.answerers import PageAnswerer, TextAnswerer
from llama_index_glyph.compare.arms import (
    FullContext,
    Hybrid,
    Rag,
    bm25_retriever,
    chunks,
    embedding_retriever,
)
from llama_index_glyph.compare.comparison import compare
from llama_index_glyph.compare.judge import Judge
from llama_index_glyph.compare.questions import Gold, Question, read_questions
from llama_index_glyph.compare.reading import Arm, Passage, Reading
from llama_index_glyph.compare.rows import Prices

__all__ = [
    "Arm",
    "FullContext",
    "Gold",
    "Hybrid",
    "Judge",
    "PageAnswerer",
    "Passage",
    "Prices",
    "Question",
    "Rag",
    "Reading",
    "TextAnswerer",
    "bm25_retriever",
    "chunks",
    "compare",
    "embedding_retriever",
    "read_questions",
]
