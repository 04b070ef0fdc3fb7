"""``GlyphMiddleware``: agents whose state is text, and whose model reads pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import MessageLikeRepresentation, convert_to_messages
from typing_extensions import Unpack

from langchain_glyph.chat_models import ChatGlyph
from langchain_glyph.drawing import Drawing, DrawingOptions
from langchain_glyph.drawing_model import DrawingModel


class GlyphMiddleware(AgentMiddleware[Any, Any, Any]):
    """Draws what is long in an agent's messages just before its model is asked.

        from langchain.agents import create_agent
        from langchain_glyph import GlyphMiddleware
        from langchain_openai import ChatOpenAI

        agent = create_agent(ChatOpenAI(model="gpt-4.1"), middleware=[GlyphMiddleware()])
        state = agent.invoke({"messages": [("human", book + " Who is Bertha?")]})
        print(state["messages"][-1].text)

    Long messages, long results of tools and the older turns of a long chat go on pages, for any
    model that sees images; state, checkpoints, streams and traces keep the text. Put it last in the
    list, next to the model. A ``ChatGlyph`` draws by its own settings, so nothing is done for it.

    ``SummarizationMiddleware`` counts text where pages are sent, and would sum a long document up
    before the model sees it. Let it count pages::

        pages = GlyphMiddleware()
        summaries = SummarizationMiddleware(
            model, trigger=("tokens", 100_000), token_counter=pages.count_tokens
        )
        agent = create_agent(model, tools, middleware=[summaries, pages])

    With ``ChatGlyph`` that is ``token_counter=model.get_num_tokens_from_messages``.
    """

    def __init__(self, **options: Unpack[DrawingOptions]) -> None:
        """Checks options, which are those of ``ChatGlyph``, see ``DrawingOptions``.

        Raises:
            ConfigError: An option is unknown or impossible.
        """
        super().__init__()
        self._drawing = Drawing.of(options)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Asks the model with pages in place of long text."""
        return handler(self._with_pages(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Asks the model with pages in place of long text, drawn outside the event loop."""
        return await handler(self._with_pages(request))

    def count_tokens(self, messages: Iterable[MessageLikeRepresentation]) -> int:
        """Returns what messages take of the window once they are drawn, as GLM-4.1V counts."""
        return self._drawing.tokens(convert_to_messages(list(messages)))

    def _with_pages(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        if isinstance(request.model, ChatGlyph | DrawingModel):
            return request
        return request.override(model=DrawingModel.of(request.model, self._drawing))
