"""Events of LlamaIndex that stay small: they name pages, and hold neither pages nor long texts.

``RetrieverQueryEngine`` and ``BaseRetriever`` put all they return into their events; a question
about a hundred pages would leave a megabyte of text in every trace. Here the same events, of both
kinds that LlamaIndex has, tell of long nodes their ids, their places and their first words.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.bridge.pydantic import SerializerFunctionWrapHandler, model_serializer
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation.events.query import QueryEndEvent, QueryStartEvent
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent, RetrievalStartEvent
from llama_index.core.instrumentation.events.synthesis import (
    SynthesizeEndEvent,
    SynthesizeStartEvent,
)
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType, TextNode
from llama_index_instrumentation import get_dispatcher
from pydantic import SerializationInfo

_dispatcher = get_dispatcher(__name__)

_MOST_CHARS = 200
_CHARS_OF_ALL = 4000
_MOST_BYTES = 20_000
"""Of all nodes of an event, which tell all of their text up to there."""
_TOLD = ("file_name", "page_label", "page", "digest")


class LeanNode(TextNode):
    """A node as events tell it, written down without what it does not say."""

    @model_serializer(mode="wrap")
    def custom_model_dump(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Keeps the fields that are filled in."""
        del handler, info
        return {
            "id_": self.id_,
            "text": self.text,
            "metadata": self.metadata,
            "start_char_idx": self.start_char_idx,
            "end_char_idx": self.end_char_idx,
            "class_name": "TextNode",
        }


def lean_nodes(nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    """Returns nodes as events tell them: ids, places, scores and first words."""
    chars = min(_MOST_CHARS, _CHARS_OF_ALL // max(1, len(nodes)))
    return [NodeWithScore(node=_lean(given, chars), score=given.score) for given in nodes]


def lean_response(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
    """Returns a response as events tell it; of a stream, only that it is one."""
    nodes = lean_nodes(response.source_nodes)
    if isinstance(response, Response):
        return Response(response.response, nodes)
    if isinstance(response, PydanticResponse):
        return Response(str(response), nodes)
    return StreamingResponse(_no_text(), nodes)


@dataclass
class Told:
    """What an event tells at its start, and what is filled in for its end."""

    query: QueryBundle
    response: RESPONSE_TYPE | None = None


@contextmanager
def query_trace(query: QueryType, callbacks: CallbackManager) -> Iterator[Told]:
    """Tells that a query begins, and its response at the end."""
    _dispatcher.event(QueryStartEvent(query=query))
    told = Told(as_bundle(query))
    with callbacks.as_trace("query"):
        yield told
    if told.response is not None:
        _dispatcher.event(QueryEndEvent(query=told.query, response=lean_response(told.response)))


@contextmanager
def query_callback(
    query: QueryBundle, callbacks: CallbackManager, kind: CBEventType = CBEventType.QUERY
) -> Iterator[Told]:
    """Tells callback handlers that a query, or a part of one, begins, and its response."""
    told = Told(query)
    with callbacks.event(kind, payload={EventPayload.QUERY_STR: query.query_str}) as event:
        yield told
        if told.response is not None:
            event.on_end(payload={EventPayload.RESPONSE: lean_response(told.response)})


@contextmanager
def synthesis(query: QueryType, callbacks: CallbackManager) -> Iterator[Told]:
    """Tells that a response is being made, and which it became."""
    _dispatcher.event(SynthesizeStartEvent(query=query))
    with query_callback(as_bundle(query), callbacks, CBEventType.SYNTHESIZE) as told:
        yield told
    if told.response is not None:
        response = lean_response(told.response)
        _dispatcher.event(SynthesizeEndEvent(query=told.query, response=response))


@dataclass
class Retrieved:
    """What was retrieved, filled in for the end of the events."""

    nodes: list[NodeWithScore]


@contextmanager
def retrieval(query: QueryType, callbacks: CallbackManager) -> Iterator[Retrieved]:
    """Tells that nodes are retrieved, and of each where it stands."""
    _dispatcher.event(RetrievalStartEvent(str_or_query_bundle=query))
    found = Retrieved([])
    payload: dict[str, Any] = {EventPayload.QUERY_STR: as_bundle(query).query_str}
    with (
        callbacks.as_trace("query"),
        callbacks.event(CBEventType.RETRIEVE, payload=payload) as event,
    ):
        yield found
        told = _told(found.nodes)
        event.on_end(payload={EventPayload.NODES: told})
    _dispatcher.event(RetrievalEndEvent(str_or_query_bundle=query, nodes=told))


# The base's retrieve and aretrieve put all that is found into their events. Retrievers with methods
# of their own tell what they like, and so do those that others ask. A span is that of _retrieve.
def retrieve(retriever: BaseRetriever, query: QueryBundle) -> list[NodeWithScore]:
    """Retrieves, and tells of long nodes their first words."""
    if not _inherits(retriever, "retrieve"):
        return retriever.retrieve(query)
    retriever._check_callback_manager()
    with retrieval(query, retriever.callback_manager) as found:
        nodes = retriever._retrieve(query)
        found.nodes = retriever._handle_recursive_retrieval(query, nodes)
    return found.nodes


async def aretrieve(retriever: BaseRetriever, query: QueryBundle) -> list[NodeWithScore]:
    """Does what ``retrieve`` does, asynchronously."""
    if not _inherits(retriever, "aretrieve"):
        return await retriever.aretrieve(query)
    retriever._check_callback_manager()
    with retrieval(query, retriever.callback_manager) as found:
        nodes = await retriever._aretrieve(query)
        found.nodes = await retriever._ahandle_recursive_retrieval(query, nodes)
    return found.nodes


def _inherits(retriever: BaseRetriever, method: str) -> bool:
    return getattr_static(type(retriever), method) is getattr_static(BaseRetriever, method)


def _told(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
    """Returns nodes as events tell them: as they are while they are short, else lean."""
    size = sum(len(given.node.model_dump_json().encode()) for given in nodes)
    return nodes if size <= _MOST_BYTES else lean_nodes(nodes)


def as_bundle(query: QueryType) -> QueryBundle:
    """Returns a query as LlamaIndex's own type."""
    return QueryBundle(query) if isinstance(query, str) else query


def _lean(given: NodeWithScore, chars: int) -> LeanNode:
    node = given.node
    text = node.get_content()
    span: tuple[int | None, int | None] = 0, len(text)
    if isinstance(node, TextNode):
        span = node.start_char_idx, node.end_char_idx
    fields: dict[str, Any] = {
        "id_": node.node_id,
        "text": text[:chars] + ("…" if len(text) > chars else ""),
        "metadata": {key: node.metadata[key] for key in _TOLD if key in node.metadata},
        "start_char_idx": span[0],
        "end_char_idx": span[1],
    }
    return LeanNode(**fields)


def _no_text() -> Generator[str, None, None]:
    yield from ()
