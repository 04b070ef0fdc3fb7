"""``ChatGlyph``: a LangChain chat model whose long text travels as pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from glyph_shared import ConfigError
from glyph_shared.asking import ChatPiece, ChatReply
from glyph_shared.planning import pick_counter
from langchain_glyph.call import Call, asked_schema, json_format
from langchain_glyph.counting import chat_tokens, tool_tokens
from langchain_glyph.errors import told_to_langchain
from langchain_glyph.messages import check_parts, with_files_read
from langchain_glyph.responses import last_chunk, piece_chunk, whole
from langchain_glyph.settings import GlyphSettings


class ChatGlyph(GlyphSettings):
    """A vision-language model that reads long text as pages.

        from langchain_glyph import ChatGlyph

        model = ChatGlyph(base_url="http://127.0.0.1:8000/v1", model="glyph")
        message = model.invoke(book + " Who is Bertha?")
        print(message.text)
        message.response_metadata  # pages, visual_tokens, compression_ratio, truncated, ...
        message.usage_metadata["input_token_details"]  # visual, text, cache_read

        for chunk in model.stream([("system", "Be brief."), ("human", book + " Who wrote it?")]):
            print(chunk.text, end="")

    A text of ``long_text_tokens`` or more, in any message, and the older turns of a long chat are
    drawn just before the request; state, traces and caches keep the text. Files in messages, PDFs
    among them, are read as text first. Addresses in messages are never fetched.

    The key is never shown, written down or pickled: where a copy wakes up, ``GLYPH_API_KEY`` has
    to be set.
    """

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with told_to_langchain():
            call = self._call(messages, stop, kwargs)
            return whole(call.send(), self._create_chat_result, call.schema)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with told_to_langchain():
            call = await asyncio.to_thread(self._call, messages, stop, kwargs)
            return whole(await call.asend(), self._create_chat_result, call.schema)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with told_to_langchain():
            call = self._call(messages, stop, kwargs)
            with closing(call.stream()) as pieces:
                for piece in pieces:
                    if (chunk := self._chunk(piece, call)) is None:
                        continue
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with told_to_langchain():
            call = await asyncio.to_thread(self._call, messages, stop, kwargs)
            async with aclosing(call.astream()) as pieces:
                async for piece in pieces:
                    if (chunk := self._chunk(piece, call)) is None:
                        continue
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _chunk(self, piece: ChatPiece | ChatReply, call: Call) -> ChatGenerationChunk | None:
        if isinstance(piece, ChatReply):
            return last_chunk(piece, call.schema)
        made = None
        if piece.chunk is not None and piece.chunk.choices:
            raw = piece.chunk.model_dump()
            made = self._convert_chunk_to_generation_chunk(raw, AIMessageChunk, None)
        return piece_chunk(piece, made)

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Returns the request as LangChain makes it, its files read and nothing drawn yet."""
        messages = with_files_read(self._convert_input(input_).to_messages())
        payload: dict[str, Any] = super()._get_request_payload(messages, stop=stop, **kwargs)
        check_parts(payload["messages"], self.allowed_urls)
        return payload

    def _call(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: Any) -> Call:
        fields = self._get_request_payload(messages, stop=stop, **kwargs)
        for name in ("stream", "stream_options", "stream_usage"):
            fields.pop(name, None)
        if (schema := asked_schema(fields)) is not None:
            fields["response_format"] = json_format(schema)
        extra_body = {**self._default_params["extra_body"], **(fields["extra_body"] or {})}
        timeout = fields.pop("timeout", None)
        return Call(
            messages=fields.pop("messages"),
            fields={**fields, "extra_body": extra_body},
            options=self._chat_options(kwargs.get("max_tokens"), timeout),
            sampling=self._sampling(),
            held=self._connections.of_model(fields["model"] or None),
            schema=schema,
        )

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Literal["function_calling", "json_mode", "json_schema"] = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Returns the model with answers that follow a schema, to which vLLM holds the model."""
        return super().with_structured_output(
            schema, method=method, include_raw=include_raw, strict=strict, **kwargs
        )

    def get_token_ids(self, text: str) -> list[int]:
        """Refuses: text tokens are counted here without the model's vocabulary.

        Raises:
            ConfigError: ``custom_get_token_ids`` is not set.
        """
        if self.custom_get_token_ids is None:
            raise ConfigError(
                "token ids need the model's vocabulary, which would have to be loaded; count with "
                "get_num_tokens, or set custom_get_token_ids"
            )
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """Returns how many text tokens a text has; nothing is loaded from anywhere."""
        return pick_counter().count(text)

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
        **_: Any,
    ) -> int:
        """Returns what messages take of the window as they would be sent: pages as pages.

        They are drawn with ``config``, else as the server said when it was last asked something,
        else with preset ``en``; the server is not asked for counting.
        """
        payload = self._get_request_payload(list(messages))
        config = self.config or self._connections.known_config
        pages = chat_tokens(payload["messages"], config, self._limits())
        return pages + tool_tokens(tools or ())
