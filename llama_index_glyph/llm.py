"""``GlyphLLM``: a LlamaIndex LLM whose long text travels as pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.llms.openai_like import OpenAILike
from pydantic import SecretStr, ValidationError

from glyph_shared import AsyncGlyphClient, ConfigError, GlyphClient, RenderConfig
from glyph_shared.asking import AskOptions, ChatOptions, Connections, Endpoint, Sampling
from glyph_shared.asking.history import DEFAULT_KEEP_LAST, DEFAULT_THRESHOLD_TOKENS
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS
from glyph_shared.names import check_names
from glyph_shared.planning import DEFAULT_EXACT_TEXT_TOKENS, DEFAULT_MAX_TOKENS, DEFAULT_WINDOW
from llama_index_glyph.messages import openai_messages
from llama_index_glyph.responses import astreamed, streamed, whole

_NOT_SENT = ("stream", "stream_options", "timeout")
"""What a call may say that is no field of a request, or that follows from the way of asking."""


class GlyphLLM(OpenAILike):
    """A vision-language model that reads long text as pages.

        from llama_index.core.llms import ChatMessage
        from llama_index_glyph import GlyphLLM

        llm = GlyphLLM("http://127.0.0.1:8000/v1")  # else GLYPH_BASE_URL
        print(llm.complete(book + " Who is Bertha?"))
        response = llm.chat([ChatMessage(role="user", content="Who wrote it?")])
        response.additional_kwargs  # prompt_tokens, pages, visual_tokens, compression_ratio, ...

    A text of ``long_text_tokens`` or more, in any message, and the older turns of a long chat are
    drawn just before the request; events, traces and memory keep the text.

    The key is never shown, written to a file or pickled: where a pickle wakes up, ``GLYPH_API_KEY``
    has to be set.
    """

    model: str = Field(default="", description="The served model; else the first the server names.")
    config: RenderConfig | None = Field(
        default=None, description="θ; else what the server names, else preset 'en'."
    )
    draws_pages: bool = Field(
        default=True, description="Whether long text is drawn; else all text goes as text."
    )
    long_text_tokens: int = Field(
        default=DEFAULT_LONG_TEXT_TOKENS,
        description="From how many text tokens on a single text is drawn.",
        ge=1,
    )
    threshold_tokens: int = Field(
        default=DEFAULT_THRESHOLD_TOKENS,
        description="Older turns are drawn once they have so many text tokens together.",
        ge=1,
    )
    keep_last: int = Field(
        default=DEFAULT_KEEP_LAST, description="How many turns at the end stay text.", ge=1
    )
    exact_text_tokens: int = Field(
        default=DEFAULT_EXACT_TEXT_TOKENS,
        description="The most text tokens that exact strings of the pages may take as text.",
        ge=0,
    )
    context_window: int = Field(
        default=0, description="Tokens a request may have, if not fewer by the server.", ge=0
    )
    timeout: float = Field(
        default=600.0,
        description="Seconds for a whole call: drawing, further calls and the last byte of a "
        "stream included.",
    )
    is_chat_model: bool = Field(default=True, description="True: pages need the chat endpoint.")
    is_function_calling_model: bool = Field(
        default=True,
        description="Whether the server takes tools: `glyph serve --tools` does, the embedded "
        "reader never.",
    )
    should_use_structured_outputs: bool = Field(
        default=True, description="Whether the server takes a JSON schema for the answer."
    )

    _connections: Connections = PrivateAttr()

    def __init__(
        self,
        base_url: str | None = None,
        *,
        model: str | None = None,
        api_key: str | SecretStr | None = None,
        **settings: Any,
    ) -> None:
        """Finds the server: ``base_url``, LlamaIndex's ``api_base``, else ``GLYPH_BASE_URL``.

        Raises:
            ConfigError: The address, or another setting, is impossible.
        """
        given: dict[str, Any] = {
            "temperature": Sampling().temperature,
            "timeout": 600.0,
            "max_retries": 2,
        }
        given.update(settings)
        _check_names(given)
        endpoint = Endpoint.resolve(
            base_url=base_url or given.pop("api_base", None),
            model=model,
            api_key=api_key,
            timeout=given["timeout"],
            max_retries=given["max_retries"],
        )
        given |= {"api_base": endpoint.base_url, "model": endpoint.model or "", "api_key": ""}
        _check_values(super().__init__, given)
        # The parent may have found a key of OpenAI's, which is no other server's business.
        self.api_key = None
        self._connections = Connections(endpoint)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex writes the class down."""
        return "GlyphLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What the server says of its model, asked once; Glyph's figures while it is away."""
        entry = self._connections.told_entry()
        limits = (self.context_window, entry.max_model_len if entry else None)
        window = min((limit for limit in limits if limit), default=DEFAULT_WINDOW)
        reader = entry is not None and entry.reads_chars(self.config)
        return LLMMetadata(
            context_window=window,
            num_output=self.max_tokens or min(DEFAULT_MAX_TOKENS, window // 8),
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self.is_function_calling_model and not reader,
            model_name=self.model or (entry.id if entry else ""),
        )

    def pages_client(self) -> GlyphClient:
        """Returns the client that asks this model about pages, text and documents."""
        return self._connections.pages(self._sampling())

    def async_pages_client(self) -> AsyncGlyphClient:
        """Returns its asynchronous twin; it may be used in several event loops."""
        return self._connections.async_pages(self._sampling())

    def ask_options(self) -> AskOptions:
        """Returns what these settings mean for a question asked through ``pages_client``."""
        return {
            "config": self.config,
            "max_tokens": self.max_tokens,
            "timeout": self.timeout,
            "exact_text_tokens": self.exact_text_tokens,
            "window": self.context_window or None,
        }

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        wire = openai_messages(messages)
        fields, options = self._request(kwargs)
        return whole(self.pages_client().complete(wire, fields, **options))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        wire = openai_messages(messages)
        fields, options = self._request(kwargs)
        return streamed(self.pages_client().stream_completion(wire, fields, **options))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        wire = await asyncio.to_thread(openai_messages, messages)
        fields, options = self._request(kwargs)
        return whole(await self.async_pages_client().complete(wire, fields, **options))

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        wire = await asyncio.to_thread(openai_messages, messages)
        fields, options = self._request(kwargs)
        return astreamed(self.async_pages_client().stream_completion(wire, fields, **options))

    def _request(self, kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], ChatOptions]:
        """Returns the fields of a call's request, and how its chat is drawn and sent."""
        said = {name: value for name, value in kwargs.items() if name not in _NOT_SENT}
        return self._get_model_kwargs(**said), {
            "config": self.config,
            "threshold_tokens": self.threshold_tokens,
            "long_text_tokens": self.long_text_tokens,
            "keep_last": self.keep_last,
            "draws_pages": self.draws_pages,
            "max_tokens": kwargs.get("max_tokens") or self.max_tokens,
            "timeout": kwargs.get("timeout") or self.timeout,
            "exact_text_tokens": self.exact_text_tokens,
            "window": self.context_window or None,
        }

    def _sampling(self) -> Sampling:
        """Returns how tokens are chosen: the published way, but for what was set."""
        beyond = {**self.additional_kwargs, **self.additional_kwargs.get("extra_body", {})}
        named = {name: value for name, value in beyond.items() if name in Sampling.model_fields}
        longest = {"max_tokens": self.max_tokens} if self.max_tokens else {}
        return Sampling(**{"temperature": self.temperature, **longest, **named})

    def _get_model_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        """Returns the request's fields; what a call says goes before what the model is set to."""
        theirs = super()._get_model_kwargs(**kwargs)
        said = (self.additional_kwargs.get("extra_body"), kwargs.get("extra_body"))
        extra_body = {name: value for one in said if one for name, value in one.items()}
        return {**theirs, "extra_body": extra_body}

    def _get_client(self) -> NoReturn:
        raise ConfigError("GlyphLLM has no OpenAI client of its own; ask its pages_client()")

    def _get_aclient(self) -> NoReturn:
        raise ConfigError("GlyphLLM has no OpenAI client of its own; ask its async_pages_client()")


def _check_names(settings: Mapping[str, Any]) -> None:
    """Refuses a setting that there is not, which pydantic would drop."""
    check_names("GlyphLLM", settings, {*GlyphLLM.model_fields, "base_url"})
    if settings.get("is_chat_model") is False:
        raise ConfigError("is_chat_model must be True, pages need the chat endpoint; got False")
    if settings.get("default_headers"):
        raise ConfigError(
            "default_headers are not sent; credentials go into api_key, or into base_url as "
            "http://user:password@host/v1"
        )


def _check_values(make: Callable[..., None], settings: Mapping[str, Any]) -> None:
    """Makes an LLM of settings; what is impossible is told as everywhere in this project."""
    try:
        return make(**settings)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    name = ".".join(map(str, problem["loc"]))
    raise ConfigError(f"{name}: {problem['msg']}; got {problem['input']!r}")
