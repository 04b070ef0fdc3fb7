"""A chat model before whose requests long text is drawn, and who watches it sees the text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.tools import BaseTool

from glyph_shared import ConfigError
from langchain_glyph.counting import tool_tokens
from langchain_glyph.drawing import Drawing


class DrawingModel(BaseChatModel):
    """Another model, to which long text goes as pages.

    LangChain tells callbacks and caches about a model's input before ``_generate`` and its like.
    Pages are drawn behind that, so what is traced and what a cache's key is made of is the text.
    All else is the other model's: its settings, its tools, its name in traces.
    """

    inner: BaseChatModel
    drawing: Drawing

    @classmethod
    def of(cls, model: BaseChatModel, drawing: Drawing) -> DrawingModel:
        """Wraps a model; what LangChain's base class keeps of it is taken over."""
        kept = {name: getattr(model, name) for name in BaseChatModel.model_fields}
        return cls(**kept, inner=model, drawing=drawing)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        drawn = self.drawing.drawn(messages)
        return self.inner._generate(drawn, stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        drawn = await asyncio.to_thread(self.drawing.drawn, messages)
        return await self.inner._agenerate(drawn, stop, run_manager, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        drawn = self.drawing.drawn(messages)
        yield from self.inner._stream(drawn, stop, run_manager, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        drawn = await asyncio.to_thread(self.drawing.drawn, messages)
        async for chunk in self.inner._astream(drawn, stop, run_manager, **kwargs):
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Returns the model with tools, in the form that the other model gives them.

        Raises:
            ConfigError: The other model makes something else of them than settings of its calls.
        """
        bound = self.inner.bind_tools(tools, **kwargs)
        if isinstance(bound, RunnableBinding) and isinstance(bound.bound, BaseChatModel):
            model = DrawingModel.of(bound.bound, self.drawing)
            return bound.model_copy(update={"bound": model})
        raise ConfigError(
            f"{self.inner.get_name()} with tools is a {type(bound).__name__} and no model, before "
            "which pages could be drawn; use render_pages with it"
        )

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """Returns what messages take as they would be sent, as GLM-4.1V counts pages."""
        return self.drawing.tokens(messages) + tool_tokens(tools or ())

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Returns the other model's name."""
        return self.inner.get_name(suffix, name=name)

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    @cached_property
    def _serialized(self) -> dict[str, Any]:
        return self.inner._serialized

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {**self.inner._identifying_params, **self.drawing.key()}

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        params = self.inner._get_invocation_params(stop=stop, **kwargs)
        return {**params, **self.drawing.key()}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    def _should_stream(self, **kwargs: Any) -> bool:
        return self.inner._should_stream(**kwargs)

    def _should_use_protocol_streaming(self, **kwargs: Any) -> bool:
        return self.inner._should_use_protocol_streaming(**kwargs)
