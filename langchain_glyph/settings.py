"""What a ``ChatGlyph`` is set to: its server, how it draws, how tokens are chosen."""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from langchain_core.language_models import ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.utils import get_pydantic_field_names
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self

from glyph_shared import ConfigError, RenderConfig
from glyph_shared.asking import ChatOptions, Connections, Endpoint, Sampling
from glyph_shared.asking.history import DEFAULT_KEEP_LAST, DEFAULT_THRESHOLD_TOKENS
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS
from glyph_shared.names import did_you_mean
from glyph_shared.planning import DEFAULT_EXACT_TEXT_TOKENS, DEFAULT_MAX_TOKENS, DEFAULT_WINDOW
from langchain_glyph.messages import check_allowed_urls
from langchain_glyph.responses import PROVIDER

_NEVER = sys.maxsize
_UNSENT = (
    *("default_headers", "default_query", "http_client", "http_async_client"),
    *("openai_proxy", "include_response_headers"),
)


class Limits(TypedDict):
    """What is drawn of a chat."""

    threshold_tokens: int
    long_text_tokens: int
    keep_last: int
    exact_text_tokens: int


class GlyphSettings(BaseChatOpenAI):
    """The settings of ``ChatGlyph``, and what follows from them for a request."""

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
    """Seconds for a whole call: drawing, further calls and the last byte of a stream included."""
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
        known = get_pydantic_field_names(cls)
        if unknown := sorted(values.keys() - known):
            raise ConfigError(
                f"ChatGlyph has no setting {unknown[0]!r}{did_you_mean(unknown[0], known)}; what "
                "servers take beyond the OpenAI API goes into extra_body={...}"
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

    def _chat_options(self, max_tokens: int | None, timeout: float | None) -> ChatOptions:
        return {
            "threshold_tokens": self.threshold_tokens,
            "long_text_tokens": self.long_text_tokens,
            "keep_last": self.keep_last,
            "exact_text_tokens": self.exact_text_tokens,
            "draws_pages": self.draws_pages,
            "config": self.config,
            "max_tokens": max_tokens or self.max_tokens,
            "timeout": timeout or self.request_timeout,
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
