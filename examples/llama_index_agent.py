"""LlamaIndex: an agent that asks whole documents as one of its tools.

Needs ``pip install ".[llama-index]"`` in a checkout, and a server whose model calls tools, which
GLYPH_BASE_URL names, for example ``glyph serve --tools``. The embedded reader calls none.
"""

import asyncio
import sys

from llama_index.core import Document
from llama_index.core.agent.workflow import FunctionAgent

from llama_index_glyph import GlyphLLM, GlyphQueryEngine

llm = GlyphLLM()
if not llm.metadata.is_function_calling_model:
    sys.exit("this server's model calls no tools; start one: glyph serve --tools")

documents = [Document(text="The access code of the Lisbon office is 4711.")]
engine = GlyphQueryEngine.from_documents(documents, llm)
tool = engine.as_tool("office_handbook", "Answers questions about the offices.")


async def main() -> None:
    agent = FunctionAgent(tools=[tool], llm=llm)
    print(await agent.run("Which code opens the Lisbon office?"))


asyncio.run(main())
