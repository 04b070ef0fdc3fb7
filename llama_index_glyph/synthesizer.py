"""``GlyphSynthesizer``: nodes become pages, and pages with a question a response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.base.response.schema import (
    RESPONSE_TYPE,
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.callbacks import CallbackManager
from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
from llama_index.core.llms import LLM
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import BaseNode, NodeWithScore, QueryType
from llama_index.core.settings import Settings
from llama_index.core.types import RESPONSE_TEXT_TYPE
from pydantic import BaseModel
from typing_extensions import Unpack

from glyph_shared import Answer
from glyph_shared.asking import AskOptions
from glyph_shared.asking.material import warn_replaced
from glyph_shared.asking.options import Options
from glyph_shared.asking.watching import watched_by_all
from glyph_shared.errors import ConfigError
from glyph_shared.names import check_names
from llama_index_glyph.asked import Asked, message_nodes, text_nodes
from llama_index_glyph.corpus import Corpus
from llama_index_glyph.events import synthesis
from llama_index_glyph.llm import GlyphLLM
from llama_index_glyph.model_call import watch_of
from llama_index_glyph.outputs import check_streamed, read_output

QUESTION = PromptTemplate("{query_str}")
"""The question alone, which is all that small models need: the pages need no introduction."""

_CONTEXT = "(shown on the pages above)"
_SETTINGS = (
    *("llm", "streaming", "text_qa_template", "output_cls", "callback_manager"),
    "empty_response",
)


class GlyphSynthesizer(BaseSynthesizer):
    """Answers from nodes by showing the model their text as pages.

        from llama_index_glyph import GlyphLLM, GlyphSynthesizer

        llm = GlyphLLM("http://127.0.0.1:8000/v1")
        engine = index.as_query_engine(
            llm, response_synthesizer=GlyphSynthesizer(llm), similarity_top_k=20
        )
        response = engine.query("Who wrote it?")
        response.source_nodes, response.metadata["visual_tokens"]

    All nodes go in one request while their pages fit the window; beyond it ``overflow`` decides,
    and ``metadata`` lists what was left out. ``source_nodes`` are the nodes that the answer cites,
    cut to the cited page where they are longer; a stream fills them in at its end.

    The LLM's ``system_prompt``, ``output_parser`` and ``rate_limiter`` apply, and each request is
    an event of its own. With ``output_cls``, or an ``llm.as_structured_llm(cls)``, the response is
    an object of that class, or None where the model says that the answer is not there. It then
    cites no pages, and ``source_nodes`` are those in which the answer's words were found.
    """

    def __init__(
        self,
        llm: LLM | None = None,
        *,
        streaming: bool = False,
        text_qa_template: BasePromptTemplate | None = None,
        output_cls: type[BaseModel] | None = None,
        callback_manager: CallbackManager | None = None,
        empty_response: str | None = None,
        **options: Unpack[AskOptions],
    ) -> None:
        """Takes a ``GlyphLLM``; else that of ``Settings``, else one that the environment names.

        Args:
            llm: What is asked.
            streaming: Whether responses are streams.
            text_qa_template: The question's prompt, of ``{query_str}``.
            output_cls: The class of the response, by whose schema vLLM holds the model.
            callback_manager: Who is told of calls.
            empty_response: What is said where there are no nodes.
            **options: As for ``GlyphClient.ask``: ``overflow``, ``config``, ``refine``, ...

        Raises:
            ConfigError: The LLM is another one, or an option is unknown or impossible.
        """
        check_names("GlyphSynthesizer", options, {*_SETTINGS, *AskOptions.__annotations__})
        Options.check(options)
        self._glyph, output_cls = _checked_llm(llm, output_cls)
        if streaming:
            check_streamed(self._glyph, output_cls)
        super().__init__(
            llm=self._glyph,
            callback_manager=callback_manager,
            # They split text for other synthesizers; made from the LLM they would ask the server.
            prompt_helper=PromptHelper(),
            chat_prompt_helper=ChatPromptHelper(),
            streaming=streaming,
            output_cls=output_cls,
            empty_response=empty_response,
        )
        watches = [watch for watch in (watch_of(self._glyph), options.get("watch")) if watch]
        self._options: AskOptions = {**options, "watch": watched_by_all(watches)}
        if output_cls is not None:
            self._options["answer_schema"] = output_cls.model_json_schema()
        self._text_qa_template = text_qa_template or QUESTION

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **_: Any,
    ) -> RESPONSE_TYPE:
        """Answers a query from nodes."""
        with synthesis(query, self._callback_manager) as told:
            asked = self._asked(told.query.query_str, [given.node for given in nodes])
            told.response = self._response(asked, additional_source_nodes or ())
        return told.response

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **_: Any,
    ) -> RESPONSE_TYPE:
        """Answers a query from nodes."""
        with synthesis(query, self._callback_manager) as told:
            asked = await self._aasked(told.query.query_str, [given.node for given in nodes])
            told.response = await self._aresponse(asked, additional_source_nodes or ())
        return told.response

    def get_response(
        self, query_str: str, text_chunks: Sequence[str], **_: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Answers a query from texts."""
        return _text(self._response(self._asked(query_str, text_nodes(text_chunks)), ()))

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **_: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Answers a query from texts."""
        asked = await self._aasked(query_str, text_nodes(text_chunks))
        return _text(await self._aresponse(asked, ()))

    def get_response_from_messages(
        self, query_str: str, message_chunks: Sequence[ChatMessage], **_: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Answers a query from the texts and image files of messages."""
        return _text(self._response(self._asked(query_str, message_nodes(message_chunks)), ()))

    async def aget_response_from_messages(
        self, query_str: str, message_chunks: Sequence[ChatMessage], **_: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Answers a query from the texts and image files of messages."""
        asked = await self._aasked(query_str, message_nodes(message_chunks))
        return _text(await self._aresponse(asked, ()))

    def _get_prompts(self) -> PromptDictType:
        return {"text_qa_template": self._text_qa_template}

    def _update_prompts(self, prompts_dict: PromptDictType) -> None:
        self._text_qa_template = prompts_dict.get("text_qa_template", self._text_qa_template)

    def _asked(self, query: str, nodes: Sequence[BaseNode]) -> Asked | None:
        """Draws and plans what is asked about; None where there is nothing to show."""
        corpus = Corpus.of(nodes)
        if not corpus.documents:
            return None
        question, options = self._question(query)
        made = self._glyph.pages_client().plan(corpus.documents, question, **options)
        warn_replaced(made.replaced)
        return Asked(corpus, made, question, options)

    async def _aasked(self, query: str, nodes: Sequence[BaseNode]) -> Asked | None:
        corpus = await asyncio.to_thread(Corpus.of, nodes)
        if not corpus.documents:
            return None
        question, options = self._question(query)
        client = self._glyph.async_pages_client()
        made = await client.plan(corpus.documents, question, **options)
        warn_replaced(made.replaced)
        return Asked(corpus, made, question, options)

    def _question(self, query: str) -> tuple[str, AskOptions]:
        """Returns the prompt's question, and the options with the prompt's system message."""
        messages = self._glyph._get_messages(
            self._text_qa_template, query_str=query, context_str=_CONTEXT
        )
        said = [(message.role == MessageRole.SYSTEM, message.content or "") for message in messages]
        options: AskOptions = {**self._glyph.ask_options(), **self._options}
        told = [options.get("system") or "", *(text for is_system, text in said if is_system)]
        if system := "\n\n".join(filter(None, told)):
            options["system"] = system
        return "\n\n".join(text for is_system, text in said if not is_system), options

    def _response(self, asked: Asked | None, others: Sequence[NodeWithScore]) -> RESPONSE_TYPE:
        if asked is None:
            if self._streaming:
                return StreamingResponse(self._empty_response_generator())
            return Response(self._empty_response)
        if self._streaming:
            pieces = self._pieces(asked, others)
            return StreamingResponse(pieces, asked.sources, asked.metadata)
        client = self._glyph.pages_client()
        answer = client.ask(asked.question, asked.plan, **asked.options)
        return self._settled(asked, answer, others)

    async def _aresponse(
        self, asked: Asked | None, others: Sequence[NodeWithScore]
    ) -> RESPONSE_TYPE:
        if asked is None:
            if self._streaming:
                return AsyncStreamingResponse(self._empty_response_agenerator())
            return Response(self._empty_response)
        if self._streaming:
            pieces = self._apieces(asked, others)
            return AsyncStreamingResponse(pieces, asked.sources, asked.metadata)
        client = self._glyph.async_pages_client()
        answer = await client.ask(asked.question, asked.plan, **asked.options)
        return self._settled(asked, answer, others)

    def _settled(
        self, asked: Asked, answer: Answer, others: Sequence[NodeWithScore]
    ) -> RESPONSE_TYPE:
        asked.settle(answer, others)
        text = self._glyph._parse_output(answer.text)
        if self._output_cls is None:
            return Response(text, asked.sources, asked.metadata)
        made = None if answer.refused else read_output(self._output_cls, text, answer.truncated)
        return PydanticResponse(made, asked.sources, asked.metadata)

    def _pieces(self, asked: Asked, others: Sequence[NodeWithScore]) -> Generator[str, None, None]:
        stream = self._glyph.pages_client().stream(asked.question, asked.plan, **asked.options)
        with stream:
            yield from stream
        asked.settle(stream.answer, others)

    async def _apieces(
        self, asked: Asked, others: Sequence[NodeWithScore]
    ) -> AsyncGenerator[str, None]:
        client = self._glyph.async_pages_client()
        stream = client.stream(asked.question, asked.plan, **asked.options)
        async with stream:
            async for piece in stream:
                yield piece
        asked.settle(stream.answer, others)


def _checked_llm(
    llm: LLM | None, output_cls: type[BaseModel] | None
) -> tuple[GlyphLLM, type[BaseModel] | None]:
    """Returns the model that is asked, and the class of its answers, if they have one."""
    # Asked by its property, ``Settings`` would make an OpenAI model where none is set.
    chosen = llm or Settings._llm or GlyphLLM()
    if isinstance(chosen, StructuredLLM):
        output_cls = output_cls or chosen.output_cls
        chosen = chosen.llm
    if not isinstance(chosen, GlyphLLM):
        raise ConfigError(
            f"pages are asked about through a GlyphLLM; got {type(chosen).__name__}. Give "
            "llm=GlyphLLM(...), or set Settings.llm to one; for other models draw pages with "
            "GlyphNodeParser and use LlamaIndex's own synthesizers with multimodal=True"
        )
    return chosen, output_cls


def _text(response: RESPONSE_TYPE) -> RESPONSE_TEXT_TYPE:
    if isinstance(response, StreamingResponse | AsyncStreamingResponse):
        return response.response_gen
    if isinstance(response, PydanticResponse) and response.response is not None:
        return response.response
    return str(response)
