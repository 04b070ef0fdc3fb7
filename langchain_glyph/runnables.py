"""``render_pages``: a step of a chain that gives any model its long text as pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    MessageLikeRepresentation,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableLambda
from typing_extensions import Unpack

from langchain_glyph.drawing import Drawing, DrawingOptions
from langchain_glyph.page_blocks import document_blocks

PagesInput = PromptValue | str | Document | Sequence[Document] | Sequence[MessageLikeRepresentation]


def render_pages(**options: Unpack[DrawingOptions]) -> Runnable[PagesInput, list[BaseMessage]]:
    """Returns a step that draws what is long in a prompt, for any model that sees images.

        from langchain_core.prompts import ChatPromptTemplate
        from langchain_glyph import render_pages
        from langchain_openai import ChatOpenAI

        prompt = ChatPromptTemplate([("system", "Be brief."), ("human", "{book} {question}")])
        chain = prompt | render_pages() | ChatOpenAI(model="gpt-4.1")
        print(chain.invoke({"book": book, "question": "Who is Bertha?"}).text)

    A prompt, messages or a string become messages in which the older turns of a long chat, and
    texts of ``long_text_tokens`` or more, are images of pages. Documents become one message of the
    user, each under its ``source``; pages that were drawn before are shown as they are. All images
    are ``image_url`` blocks in messages of the user, which every model's package takes. The same
    input gives the same bytes. What is not drawn stays as it is.

    What the step gives has the bytes of the pages in it, and so has a trace of the chain.
    ``ChatGlyph`` and ``GlyphMiddleware`` draw behind what is traced.

    Args:
        **options: As ``ChatGlyph`` has them, see ``DrawingOptions``.

    Raises:
        ConfigError: An option is unknown or impossible.
    """
    drawing = Drawing.of(options)

    def draw(given: Any) -> list[BaseMessage]:
        messages = _messages(given, drawing)
        return drawing.drawn(messages) if messages else []

    async def adraw(given: Any) -> list[BaseMessage]:
        return await asyncio.to_thread(draw, given)

    return RunnableLambda(draw, adraw, name="render_pages")


def _messages(given: Any, drawing: Drawing) -> list[BaseMessage]:
    if isinstance(given, PromptValue):
        return given.to_messages()
    if isinstance(given, str):
        return [HumanMessage(given)]
    items: list[Any] = [given] if isinstance(given, Document | BaseMessage) else list(given)
    if items and all(isinstance(item, Document) for item in items):
        return [HumanMessage(content=list(document_blocks(items, drawing.exact_text_tokens)))]
    return convert_to_messages(items)
