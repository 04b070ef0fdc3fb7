"""``GlyphQueryEngine``: questions about whole documents, in place of retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import LLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, QueryType
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel
from typing_extensions import Self, Unpack

from glyph_shared.asking import AskOptions
from glyph_shared.names import check_names
from llama_index_glyph import events
from llama_index_glyph.events import query_callback, query_trace
from llama_index_glyph.retriever import GlyphCorpusRetriever
from llama_index_glyph.synthesizer import GlyphSynthesizer

_SETTINGS = (
    *("llm", "response_synthesizer", "node_postprocessors", "callback_manager"),
    *("streaming", "text_qa_template", "output_cls"),
)


class GlyphQueryEngine(RetrieverQueryEngine):
    """Reads all of its documents for every question, as pages.

        from llama_index_glyph import GlyphLLM, GlyphQueryEngine

        engine = GlyphQueryEngine.from_documents(documents)  # in place of an index's query engine
        response = engine.query("Who wrote it?")
        print(response, response.source_nodes, response.metadata["compression_ratio"])

        engine = GlyphQueryEngine.from_documents(documents, GlyphLLM(url), streaming=True)
        engine.query("Who wrote it?").print_response_stream()

    The second question draws no page, and its request begins as the first one's does.
    """

    @classmethod
    def from_documents(
        cls,
        documents: Sequence[BaseNode],
        llm: LLM | None = None,
        *,
        node_postprocessors: list[BaseNodePostprocessor] | None = None,
        callback_manager: CallbackManager | None = None,
        streaming: bool = False,
        text_qa_template: BasePromptTemplate | None = None,
        output_cls: type[BaseModel] | None = None,
        **options: Unpack[AskOptions],
    ) -> Self:
        """Returns an engine that shows the model all documents; nothing is sent or drawn yet.

        Args:
            documents: Documents, or nodes of any kind, in reading order.
            llm: A ``GlyphLLM``; else that of ``Settings``, else one that the environment names.
            node_postprocessors: What chooses among the documents.
            callback_manager: Who is told of queries.
            streaming: Whether responses are streams.
            text_qa_template: The question's prompt, of ``{query_str}``.
            output_cls: The class of the responses, by whose schema vLLM holds the model.
            **options: As for ``GlyphClient.ask``: ``overflow``, ``config``, ``refine``, ...

        Raises:
            InputError: There are no documents.
            ConfigError: The LLM is another one, or an option is unknown or impossible.
        """
        return cls.from_args(
            GlyphCorpusRetriever(documents, callback_manager=callback_manager),
            llm,
            node_postprocessors=node_postprocessors,
            callback_manager=callback_manager,
            streaming=streaming,
            text_qa_template=text_qa_template,
            output_cls=output_cls,
            **options,
        )

    @classmethod
    def from_args(  # type: ignore[override]  # modes, templates and classes of stock synthesizers
        cls,
        retriever: BaseRetriever,
        llm: LLM | None = None,
        response_synthesizer: BaseSynthesizer | None = None,
        node_postprocessors: list[BaseNodePostprocessor] | None = None,
        callback_manager: CallbackManager | None = None,
        *,
        streaming: bool = False,
        text_qa_template: BasePromptTemplate | None = None,
        output_cls: type[BaseModel] | None = None,
        **options: Unpack[AskOptions],
    ) -> Self:
        """Returns an engine that shows the model what any retriever finds.

        Raises:
            ConfigError: The LLM is no ``GlyphLLM``, or an option is unknown or impossible.
        """
        check_names("GlyphQueryEngine", options, {*_SETTINGS, *AskOptions.__annotations__})
        made = response_synthesizer or GlyphSynthesizer(
            llm,
            streaming=streaming,
            text_qa_template=text_qa_template,
            output_cls=output_cls,
            callback_manager=callback_manager,
            **options,
        )
        return cls(retriever, made, node_postprocessors, callback_manager)

    def with_retriever(self, retriever: BaseRetriever) -> Self:
        """Returns the same engine over what another retriever finds."""
        return type(self)(
            retriever, self._response_synthesizer, self._node_postprocessors, self.callback_manager
        )

    def as_tool(
        self, name: str | None = None, description: str | None = None, **settings: Any
    ) -> QueryEngineTool:
        """Returns the engine as a tool of an agent.

        Args:
            name: What the model calls it.
            description: By which the model decides to call it.
            **settings: As for ``QueryEngineTool.from_defaults``.
        """
        return QueryEngineTool.from_defaults(self, name=name, description=description, **settings)

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Returns what the retriever finds and the postprocessors make of it."""
        nodes = events.retrieve(self._retriever, query_bundle)
        return self._apply_node_postprocessors(nodes, query_bundle=query_bundle)

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Returns what the retriever finds and the postprocessors make of it."""
        nodes = await events.aretrieve(self._retriever, query_bundle)
        return await self._async_apply_node_postprocessors(nodes, query_bundle=query_bundle)

    # The base's four methods put whole responses, texts of all source nodes included, in events.
    def query(self, str_or_query_bundle: QueryType) -> RESPONSE_TYPE:
        """Answers a query."""
        with query_trace(str_or_query_bundle, self.callback_manager) as told:
            told.response = self._query(told.query)
        return told.response

    async def aquery(self, str_or_query_bundle: QueryType) -> RESPONSE_TYPE:
        """Answers a query."""
        with query_trace(str_or_query_bundle, self.callback_manager) as told:
            told.response = await self._aquery(told.query)
        return told.response

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with query_callback(query_bundle, self.callback_manager) as told:
            told.response = self.synthesize(query_bundle, self.retrieve(query_bundle))
        return told.response

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with query_callback(query_bundle, self.callback_manager) as told:
            nodes = await self.aretrieve(query_bundle)
            told.response = await self.asynthesize(query_bundle, nodes)
        return told.response
