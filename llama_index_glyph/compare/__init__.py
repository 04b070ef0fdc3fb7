"""RAG against full context in numbers: the same questions, model and documents, several arms.

An arm is any coroutine function from a ``Question`` to a ``Reading``, of whatever framework.

Example:
    async def mine(question: Question) -> Reading:
        return Reading(await chain.ainvoke(question.question))

    arms = {"Glyph": FullContext(documents, pages), "mine": mine}
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
