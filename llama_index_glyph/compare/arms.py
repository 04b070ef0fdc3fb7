"""The arms: what each shows to the model for a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

from llama_index.core import Document as IndexDocument
from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, NodeWithScore, TextNode

from glyph_shared import ConfigError, Document, InputError
from llama_index_glyph.compare.answerers import Answerer
from llama_index_glyph.compare.questions import Question
from llama_index_glyph.compare.reading import Passage, Reading


class FullContext:
    """Shows all documents: as pages this is Glyph, as text the plain alternative."""

    def __init__(self, documents: Sequence[Document], answerer: Answerer) -> None:
        self._passages = [Passage.whole(document) for document in documents]
        self._answerer = answerer

    async def __call__(self, question: Question) -> Reading:
        """Answers from everything."""
        return await self._answerer.answer(question.question, self._passages)


class Rag:
    """Shows the chunks that a LlamaIndex retriever finds, best first."""

    def __init__(self, retriever: BaseRetriever, answerer: Answerer) -> None:
        self._retriever = retriever
        self._answerer = answerer

    async def __call__(self, question: Question) -> Reading:
        """Retrieves, then answers; where nothing is found, the model is not asked."""
        started = perf_counter()
        hits = [_passage(hit) for hit in await self._retriever.aretrieve(question.question)]
        seconds = perf_counter() - started
        shown = self._chosen(hits)
        if not shown:
            reading = Reading(answer="", refused=True, shown=(), note="nothing was retrieved")
        else:
            reading = await self._answerer.answer(question.question, shown)
        return _later(replace(reading, retrieved=tuple(hits)), seconds)

    def _chosen(self, hits: list[Passage]) -> list[Passage]:
        return hits


class Hybrid(Rag):
    """Retrieves chunks and shows the documents that they come from, whole."""

    def __init__(
        self, documents: Sequence[Document], retriever: BaseRetriever, answerer: Answerer
    ) -> None:
        super().__init__(retriever, answerer)
        self._documents = {document.name: document for document in documents}

    def _chosen(self, hits: list[Passage]) -> list[Passage]:
        names = dict.fromkeys(hit.document for hit in hits)
        return [Passage.whole(self._documents[name]) for name in names]


def chunks(documents: Sequence[Document], size: int, overlap: int) -> list[BaseNode]:
    """Cuts documents as LlamaIndex does by default, at sentences.

    Args:
        documents: What to cut.
        size: The most text tokens of a chunk, as LlamaIndex counts them.
        overlap: Text tokens that a chunk repeats of the one before.

    Raises:
        ConfigError: The overlap is not smaller than the chunk.
    """
    if not 0 <= overlap < size:
        raise ConfigError(
            f"chunk_overlap must be from 0 to below chunk_size; got {overlap} and {size}"
        )
    splitter = SentenceSplitter(chunk_size=size, chunk_overlap=overlap)
    return splitter.get_nodes_from_documents(
        [IndexDocument(text=document.text, id_=document.name) for document in documents]
    )


def bm25_retriever(nodes: Sequence[BaseNode], top_k: int) -> BaseRetriever:
    """Returns LlamaIndex's own BM25 over chunks, with its stemming and stop words.

    Raises:
        ConfigError: Its package is not installed.
        InputError: The chunks have no word to look for.
    """
    try:
        from llama_index.retrievers.bm25 import BM25Retriever
    except ImportError:
        raise ConfigError(
            "the BM25 arms need a package that is not installed; "
            'pip install "glyph-context[compare]"'
        ) from None
    # More than there are would be an error there.
    most = min(top_k, len(nodes))
    try:
        retriever: BaseRetriever = BM25Retriever.from_defaults(
            nodes=list(nodes), similarity_top_k=most, verbose=False
        )
    except ValueError as error:
        raise InputError(
            f"BM25 finds no word to look for in the documents ({error}); leave the arms with "
            "BM25 out"
        ) from None
    return retriever


def embedding_retriever(
    nodes: Sequence[BaseNode], embedding: BaseEmbedding, top_k: int
) -> BaseRetriever:
    """Embeds chunks with a LlamaIndex embedding and returns a retriever over them.

    There is no default: every good small embedding comes from a hub, and none is fetched unasked.
    """
    index = VectorStoreIndex(list(nodes), embed_model=embedding)
    return index.as_retriever(similarity_top_k=top_k)


def _passage(hit: NodeWithScore) -> Passage:
    node = hit.node
    if not isinstance(node, TextNode) or node.ref_doc_id is None or node.start_char_idx is None:
        raise ConfigError(
            "a retriever must return text nodes that know their document and its chars, as "
            f"chunks() makes them; got {type(node).__name__} {node.node_id!r}"
        )
    content = Document.from_text(node.text, f"{node.ref_doc_id} chunk")
    return Passage(node.ref_doc_id, node.start_char_idx, content, hit.score)


def _later(reading: Reading, seconds: float) -> Reading:
    first = reading.first_token_s
    return replace(
        reading,
        retrieve_s=seconds,
        first_token_s=None if first is None else first + seconds,
        total_s=reading.total_s + seconds,
    )
