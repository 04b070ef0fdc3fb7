"""LlamaIndex: is retrieval enough? A query engine of your own beside everything as pages.

Needs ``pip install ".[compare]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal. Leaves a report in the folder ``comparison``.
"""

import asyncio
from pathlib import Path

from llama_index.core import Document as LlamaDocument

from glyph_shared import AsyncGlyphClient, Document
from llama_index_glyph import GlyphLLM, GlyphQueryEngine
from llama_index_glyph.compare import FullContext, PageAnswerer, Question, Reading, compare
from llama_index_glyph.compare.report import write_report

texts = {
    f"{city}.txt": f"The access code of the {city} office is {code}."
    for city, code in {"Lisbon": "4711", "Porto": "8812", "Turin": "2093"}.items()
}
documents = [Document.from_text(text, name) for name, text in texts.items()]
questions = [
    Question(name, f"What is the access code of the {name[:-4]} office?", (text[-5:-1],))
    for name, text in texts.items()
]
# An arm is any coroutine function. This one has lost a document, as a retriever may.
kept = [LlamaDocument(text=texts[name], metadata={"file_name": name}) for name in list(texts)[:2]]
engine = GlyphQueryEngine.from_documents(kept, GlyphLLM())


async def mine(question: Question) -> Reading:
    """Answers as the app does today."""
    return Reading(str(await engine.aquery(question.question)))


async def main() -> None:
    """Compares, and writes the report."""
    async with AsyncGlyphClient() as client:
        bare = (await client.model_entry()).reads_chars(None)
        arms = {"glyph": FullContext(documents, PageAnswerer(client, bare=bare)), "mine": mine}
        summary = await compare(documents, questions, arms, Path("comparison"))
    for name, arm in summary["arms"].items():
        print(f"{name}: {arm['right']['mean']:.0%} right")
    print(write_report(Path("comparison")))


asyncio.run(main())
