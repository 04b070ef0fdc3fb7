"""LangChain: is retrieval enough? A RAG chain of your own beside everything as pages.

Needs ``pip install ".[compare,langchain]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal. Leaves a report in the folder ``comparison``.
"""

import asyncio
import re
from collections import Counter
from pathlib import Path
from zlib import crc32

from langchain_core.documents import Document as ChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

from glyph_shared import AsyncGlyphClient, Document
from langchain_glyph import ChatGlyph
from llama_index_glyph.compare import (
    FullContext,
    Gold,
    PageAnswerer,
    Passage,
    Question,
    Reading,
    compare,
)
from llama_index_glyph.compare.report import write_report

texts = {
    "lisbon.txt": "The access code of the Lisbon office is 4711.",
    "porto.txt": "The access code of the Porto office is 8812.",
    "turin.txt": "The access code of the Turin office is 2093.",
    "porter.txt": "What is the access code of the Turin office? Ask.",
}
documents = [Document.from_text(text, name) for name, text in texts.items()]
questions = [
    Question(
        name, f"What is the access code of the {city} office?", (texts[name][-5:-1],), (Gold(name),)
    )
    for name, city in [("lisbon.txt", "Lisbon"), ("porto.txt", "Porto"), ("turin.txt", "Turin")]
]


class WordCounts(Embeddings):
    """Counts words; stands for the embedding of your app."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Returns a vector for each text."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Returns a vector."""
        counts = Counter(crc32(word.encode()) % 512 for word in re.findall(r"\w+", text.lower()))
        return [float(counts[place]) for place in range(512)]


store = InMemoryVectorStore.from_documents(
    [ChainDocument(text, metadata={"source": name}) for name, text in texts.items()], WordCounts()
)
prompt = ChatPromptTemplate([("human", "{context}\n\n{question}")])
chain = prompt | ChatGlyph() | StrOutputParser()


async def mine(question: Question) -> Reading:
    """Answers as the app does today, and tells what it retrieved, for the verdicts."""
    found = await store.asimilarity_search_with_score(question.question, k=1)
    context = "\n\n".join(document.page_content for document, _ in found)
    answer = await chain.ainvoke({"context": context, "question": question.question})
    hits = tuple(
        Passage(name, 0, Document.from_text(document.page_content, name), score)
        for document, score in found
        for name in [document.metadata["source"]]
    )
    shown = tuple((hit.document, hit.start, hit.end) for hit in hits)
    return Reading(answer, retrieved=hits, shown=shown)


async def main() -> None:
    """Compares, and writes the report."""
    async with AsyncGlyphClient() as client:
        bare = (await client.model_entry()).reads_chars(None)
        arms = {"glyph": FullContext(documents, PageAnswerer(client, bare=bare)), "mine": mine}
        summary = await compare(documents, questions, arms, Path("comparison"))
    for name, arm in summary["arms"].items():
        print(f"{name}: {arm['right']['mean']:.0%} right, {arm['verdicts']}")
    print(write_report(Path("comparison")))


asyncio.run(main())
