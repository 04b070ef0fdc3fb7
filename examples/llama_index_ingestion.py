"""LlamaIndex: an ingestion pipeline of pages in place of chunks; unchanged documents cost nothing.

Needs ``pip install ".[llama-index]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal.
"""

from llama_index.core import Document
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.storage.docstore import SimpleDocumentStore

from llama_index_glyph import GlyphLLM, GlyphNodeParser, GlyphQueryEngine

documents = [
    Document(text="The access code of the Lisbon office is 4711.", id_="lisbon"),
    Document(text="The access code of the Porto office is 8812.", id_="porto"),
]
pipeline = IngestionPipeline(
    transformations=[GlyphNodeParser()],
    docstore=SimpleDocumentStore(),
    docstore_strategy=DocstoreStrategy.DUPLICATES_ONLY,
)
pages = pipeline.run(documents=documents)
for page in pages:
    print(f"page {page.metadata['page']} of {page.ref_doc_id}: {page.image_path}")
print(f"new pages in a second run: {len(pipeline.run(documents=documents))}")

engine = GlyphQueryEngine.from_documents(pages, GlyphLLM())
print(engine.query("What is the access code of the Porto office?"))
