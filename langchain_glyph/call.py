"""One call of a model: what LangChain wants sent, before its long text is drawn."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from glyph_shared.asking import ChatOptions, ChatPiece, ChatReply, Connections, Sampling


@dataclass(frozen=True)
class Call:
    """A request in the making.

    Attributes:
        messages: The chat as it was given, but for files, which are text.
        fields: The request's other fields, as LangChain has them.
        options: How the chat is drawn and sent.
        sampling: How the model chooses its tokens.
        held: The clients of the model that is asked.
        schema: The class of a structured answer, where LangChain leaves its reading to the model.
    """

    messages: list[dict[str, Any]]
    fields: dict[str, Any]
    options: ChatOptions
    sampling: Sampling
    held: Connections
    schema: type[BaseModel] | None

    def send(self) -> ChatReply:
        """Sends the request and returns the reply."""
        client = self.held.pages(self.sampling)
        return client.complete(self.messages, self.fields, **self.options)

    async def asend(self) -> ChatReply:
        """Sends the request and returns the reply."""
        client = self.held.async_pages(self.sampling)
        return await client.complete(self.messages, self.fields, **self.options)

    def stream(self) -> Generator[ChatPiece | ChatReply, None, None]:
        """Sends the request and yields the reply piece by piece."""
        client = self.held.pages(self.sampling)
        return client.stream_completion(self.messages, self.fields, **self.options)

    def astream(self) -> AsyncGenerator[ChatPiece | ChatReply, None]:
        """Sends the request and yields the reply piece by piece."""
        client = self.held.async_pages(self.sampling)
        return client.stream_completion(self.messages, self.fields, **self.options)


def asked_schema(fields: dict[str, Any]) -> type[BaseModel] | None:
    """Returns the class that an answer is to be an object of, if the fields name one."""
    named = fields.get("response_format")
    return named if isinstance(named, type) and issubclass(named, BaseModel) else None


def json_format(schema: type[BaseModel]) -> dict[str, Any]:
    """Returns a class as the OpenAI API's form of an answer."""
    described = {"name": schema.__name__, "schema": schema.model_json_schema()}
    return {"type": "json_schema", "json_schema": described}
