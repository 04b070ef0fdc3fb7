"""``ChatGlyph``: a LangChain chat model whose long text travels as pages."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Literal, TypedDict

from glyph_shared import ConfigError, RenderConfig, pages_of_history
from glyph_shared.asking import (
    WIRE_ERRORS,
    ChatOptions,
    Connections,
    Endpoint,
    ModelEntry,
    Sampling,
    asks_reader,
)
from glyph_shared.asking.history import DEFAULT_KEEP_LAST, DEFAULT_THRESHOLD_TOKENS
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS
from glyph_shared.planning import (
    DEFAULT_EXACT_TEXT_TOKENS,
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    pick_counter,
)
from glyph_shared.rendering import default_store
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils import get_pydantic_field_names
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self

from langchain_glyph.call import Call
from langchain_glyph.errors import told_to_langchain
from langchain_glyph.messages import check_allowed_urls, check_parts, with_files_read
from langchain_glyph.responses import PROVIDER, answered, answered_last, answered_piece

_NEVER = sys.maxsize
_UNSENT = ("default_headers", "default_query", "http_client", "http_async_client", "openai_proxy")
_TURN_FRAME = 2


class Limits(TypedDict):
    """What is drawn of a chat."""

    threshold_tokens: int
    long_text_tokens: int
    keep_last: int
    exact_text_tokens: int


class ChatGlyph(BaseChatOpenAI):
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

    openai_api_base: str | None = Field(default=None, alias="base_url")
    """The server; else ``GLYPH_BASE_URL``, else that of ``glyph serve``."""
    openai_api_key: SecretStr | None = Field(
        default=None, alias="api_key", exclude=True, repr=False
    )
    """Else ``GLYPH_API_KEY``."""
    model_name: str = Field(default="", alias="model")
    """The served model; else ``GLYPH_MODEL``, else the first that the server names."""
    temperature: float | None = Sampling().temperature
    request_timeout: float = Field(default=600.0, alias="timeout")
    """Seconds."""
    max_retries: int | None = 2
    openai_proxy: str | None = None
    stream_usage: bool | None = True
    use_responses_api: bool | None = False
    config: RenderConfig | None = None
    """θ; else what the server names, else preset ``en``."""
    draws_pages: bool = True
    """Whether long text is drawn; else all text goes as text."""
    long_text_tokens: int = Field(default=DEFAULT_LONG_TEXT_TOKENS, ge=1)
    """From how many text tokens on a single text is drawn."""
    threshold_tokens: int = Field(default=DEFAULT_THRESHOLD_TOKENS, ge=1)
    """Older turns are drawn once they have so many text tokens together."""
    keep_last: int = Field(default=DEFAULT_KEEP_LAST, ge=1)
    """How many turns at the end stay text."""
    exact_text_tokens: int = Field(default=DEFAULT_EXACT_TEXT_TOKENS, ge=0)
    """The most text tokens that exact strings of the pages may take as text."""
    context_window: int = Field(default=0, ge=0)
    """Tokens a request may have; 0 takes what the server says."""
    allowed_urls: tuple[str, ...] = ()
    """Where the server may fetch images from, as ``https://images.example.org/``; by default
    an address in a message is an error, because the server would fetch it from within its network.
    """

    _connections: Connections = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def build_extra(cls, values: dict[str, Any]) -> Any:
        """Refuses a setting that there is not, which LangChain would put in each request."""
        if unknown := sorted(values.keys() - get_pydantic_field_names(cls)):
            raise ConfigError(
                f"ChatGlyph has no setting {unknown[0]!r}; what servers take beyond the OpenAI API "
                "goes into extra_body={...}"
            )
        return values

    @model_validator(mode="after")
    def validate_environment(self) -> Self:
        """Finds the server; the parent would make clients here, and look for OpenAI's settings."""
        if unsent := [name for name in _UNSENT if getattr(self, name)]:
            raise ConfigError(
                f"{unsent[0]} is not used; credentials go into api_key, or into base_url as "
                "http://user:password@host/v1"
            )
        if self.use_responses_api:
            raise ConfigError("use_responses_api must be False, pages need the chat endpoint")
        check_allowed_urls(self.allowed_urls)
        endpoint = Endpoint.resolve(
            base_url=self.openai_api_base,
            model=self.model_name,
            api_key=self.openai_api_key,
            timeout=self.request_timeout,
            max_retries=2 if self.max_retries is None else self.max_retries,
        )
        self.openai_api_base = endpoint.base_url
        self.model_name = endpoint.model or ""
        self._connections = Connections(endpoint)
        return self

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "openai_api_key": None}}

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment's names for what is never written down."""
        return {"openai_api_key": "GLYPH_API_KEY"}

    @property
    def _llm_type(self) -> str:
        return "chat-glyph"

    @property
    def _default_params(self) -> dict[str, Any]:
        """The request's fields: the published way of choosing tokens, but for what was set."""
        ours, theirs = self._sampling().payload(), super()._default_params
        extra_body = {**ours["extra_body"], **(theirs.get("extra_body") or {})}
        return {**ours, **theirs, "extra_body": extra_body}

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**super()._identifying_params, **self._drawing()}

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Returns what a call depends on, which is the key of LangChain's caches of answers."""
        return {**super()._get_invocation_params(stop=stop, **kwargs), **self._drawing()}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        """Returns what the model takes; the server is not asked, it may be away."""
        window = self.context_window or DEFAULT_WINDOW
        return ModelProfile(
            max_input_tokens=window - min(DEFAULT_MAX_TOKENS, window // 8),
            max_output_tokens=self.max_tokens or DEFAULT_MAX_TOKENS,
            text_inputs=True,
            image_inputs=True,
            image_url_inputs=bool(self.allowed_urls),
            pdf_inputs=True,
            audio_inputs=False,
            video_inputs=False,
            image_tool_message=True,
            pdf_tool_message=True,
            reasoning_output=True,
            tool_calling=True,
            structured_output=True,
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with told_to_langchain():
            call = self._call(messages, stop, kwargs)
            client = call.held.pages(self._sampling())
            entry = client.model_entry()
            if self._asks_reader(entry, call):
                message = answered(client.chat(call.messages, **call.options))
                return ChatResult(generations=[ChatGeneration(message=message)])
            paged = client.page_chat(call.messages, **call.options)
            replies = call.replies(entry, paged, streamed=False)
            create = call.held.openai().chat.completions.create
            try:
                response = create(**call.request(entry, paged))
            except WIRE_ERRORS as error:
                failed = replies.error(error)
            else:
                return replies.whole(response, self._create_chat_result)
            raise failed

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with told_to_langchain():
            call = await asyncio.to_thread(self._call, messages, stop, kwargs)
            client = call.held.async_pages(self._sampling())
            entry = await client.model_entry()
            if self._asks_reader(entry, call):
                message = answered(await client.chat(call.messages, **call.options))
                return ChatResult(generations=[ChatGeneration(message=message)])
            paged = await client.page_chat(call.messages, **call.options)
            replies = call.replies(entry, paged, streamed=False)
            create = call.held.async_openai().chat.completions.create
            try:
                response = await create(**call.request(entry, paged))
            except WIRE_ERRORS as error:
                failed = replies.error(error)
            else:
                return replies.whole(response, self._create_chat_result)
            raise failed

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with told_to_langchain():
            for chunk in self._pieces(self._call(messages, stop, kwargs)):
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
            async with aclosing(self._apieces(call)) as pieces:
                async for chunk in pieces:
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _pieces(self, call: Call) -> Iterator[ChatGenerationChunk]:
        client = call.held.pages(self._sampling())
        entry = client.model_entry()
        if self._asks_reader(entry, call):
            with client.stream_chat(call.messages, **call.options) as stream:
                yield from map(answered_piece, stream)
            yield answered_last(stream.answer)
            return
        paged = client.page_chat(call.messages, **call.options)
        replies = call.replies(entry, paged, streamed=True)
        create = call.held.openai().chat.completions.create
        try:
            with create(**call.request(entry, paged), **_STREAMED) as chunks:
                for raw in chunks:
                    if (chunk := replies.piece(raw, self._made_of(raw))) is not None:
                        yield chunk
        except WIRE_ERRORS as error:
            broken = replies.error(error)
        else:
            yield replies.last()
            return
        raise broken

    async def _apieces(self, call: Call) -> AsyncGenerator[ChatGenerationChunk, None]:
        client = call.held.async_pages(self._sampling())
        entry = await client.model_entry()
        if self._asks_reader(entry, call):
            async with client.stream_chat(call.messages, **call.options) as stream:
                async for text in stream:
                    yield answered_piece(text)
            yield answered_last(stream.answer)
            return
        paged = await client.page_chat(call.messages, **call.options)
        replies = call.replies(entry, paged, streamed=True)
        create = call.held.async_openai().chat.completions.create
        try:
            async with await create(**call.request(entry, paged), **_STREAMED) as chunks:
                async for raw in chunks:
                    if (chunk := replies.piece(raw, self._made_of(raw))) is not None:
                        yield chunk
        except WIRE_ERRORS as error:
            broken = replies.error(error)
        else:
            yield replies.last()
            return
        raise broken

    def _made_of(self, raw: Any) -> ChatGenerationChunk | None:
        return self._convert_chunk_to_generation_chunk(raw.model_dump(), AIMessageChunk, None)

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
        extra_body = {**self._default_params["extra_body"], **(fields["extra_body"] or {})}
        return Call(
            messages=fields.pop("messages"),
            fields={**fields, "extra_body": extra_body},
            options=self._chat_options(kwargs.get("max_tokens")),
            held=self._connections.of_model(fields["model"] or None),
        )

    def _asks_reader(self, entry: ModelEntry, call: Call) -> bool:
        return asks_reader(
            entry, self.config, wanted=call.beyond_reader, draws_pages=self.draws_pages
        )

    def _chat_options(self, max_tokens: int | None) -> ChatOptions:
        limits = self._limits()
        return {
            "threshold_tokens": limits["threshold_tokens"],
            "long_text_tokens": limits["long_text_tokens"],
            "keep_last": limits["keep_last"],
            "exact_text_tokens": limits["exact_text_tokens"],
            "config": self.config,
            "max_tokens": max_tokens or self.max_tokens,
            "timeout": self.request_timeout,
            "window": self.context_window or None,
        }

    def _limits(self) -> Limits:
        return {
            "threshold_tokens": self.threshold_tokens if self.draws_pages else _NEVER,
            "long_text_tokens": self.long_text_tokens if self.draws_pages else _NEVER,
            "keep_last": self.keep_last,
            "exact_text_tokens": self.exact_text_tokens,
        }

    def _drawing(self) -> dict[str, Any]:
        """Returns what the pages depend on beside the messages."""
        theta = self.config.theta_hash if self.config else None
        return {"base_url": self.openai_api_base, "theta": theta, **self._limits()}

    def _sampling(self) -> Sampling:
        """Returns how tokens are chosen: the published way, but for what was set."""
        named = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        set_here = {**named, "max_tokens": self.max_tokens, **(self.extra_body or {})}
        known = Sampling.model_fields
        return Sampling(**{k: v for k, v in set_here.items() if k in known and v is not None})

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

        They are drawn with ``config``, else with preset ``en``; the server is not asked.
        """
        counter = pick_counter()
        described = [json.dumps(convert_to_openai_tool(tool)) for tool in tools or ()]
        called = sum(map(counter.count, described))
        if all(isinstance(message, SystemMessage) for message in messages):
            texts = (message.text for message in messages)
            return called + sum(counter.count(text) + _TURN_FRAME for text in texts)
        paged = pages_of_history(
            self._get_request_payload(list(messages))["messages"],
            config=self.config,
            window=_NEVER,
            store=default_store(),
            **self._limits(),
        )
        return called + paged.prompt_tokens


_STREAMED: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
