"""LlamaIndex: a query engine that reads whole documents, in place of an index's.

Needs ``pip install ".[llama-index]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal; GLYPH_BASE_URL names one that is elsewhere.
"""

from llama_index.core import Document

from llama_index_glyph import GlyphLLM, GlyphQueryEngine

documents = [
    Document(
        text="The access code of the Lisbon office is 4711.", metadata={"file_name": "lisbon.txt"}
    ),
    Document(
        text="The access code of the Porto office is 8812.", metadata={"file_name": "porto.txt"}
    ),
]
question = "What is the access code of the Lisbon office?"

# Before: engine = VectorStoreIndex.from_documents(documents).as_query_engine()
engine = GlyphQueryEngine.from_documents(documents, GlyphLLM())
response = engine.query(question)
print(response)
for source in response.source_nodes:
    print(f"  page {source.metadata['page']}, {source.metadata['file_name']}: {source.text}")
print(f"  {response.metadata['pages']} pages, {response.metadata['visual_tokens']} visual tokens")

# The second question draws no page, and the server has read them already.
streaming = GlyphQueryEngine.from_documents(documents, GlyphLLM(), streaming=True)
streaming.query("What is the access code of the Porto office?").print_response_stream()
print()
