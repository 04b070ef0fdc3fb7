"""LlamaIndex: retrieve with BM25, then let the model read the documents of the hits as pages.

Needs ``pip install ".[llama-index]" llama-index-retrievers-bm25`` in a checkout, and a server, for
example ``glyph serve --embedded`` in another terminal.
"""

from llama_index.core import Document
from llama_index.core.node_parser import SentenceSplitter
from llama_index.retrievers.bm25 import BM25Retriever

from llama_index_glyph import GlyphLLM, GlyphQueryEngine, GlyphRenderPostprocessor

places = {"Lisbon": 4711, "Porto": 8812, "Faro": 2093, "Braga": 6650}
documents = [
    Document(
        text=f"The access code of the {place} office is {code}.\n\nThe office has a garden.",
        metadata={"file_name": f"{place.lower()}.txt"},
    )
    for place, code in places.items()
]
nodes = SentenceSplitter(chunk_size=256).get_nodes_from_documents(documents)

engine = GlyphQueryEngine.from_args(
    BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=2),
    GlyphLLM(),
    # Without parents the model reads the hits alone.
    node_postprocessors=[GlyphRenderPostprocessor(parents=documents)],
)
response = engine.query("What is the access code of the Faro office?")
print(response)
print(f"  {response.metadata['pages']} of {len(documents)} documents were read")
