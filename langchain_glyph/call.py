"""One call of a model: what LangChain wants sent, before and after its long text is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glyph_shared import PagedChat
from glyph_shared.asking import ChatOptions, Connections, ModelEntry
from pydantic import BaseModel

from langchain_glyph.responses import Replies

_BEYOND_READER = ("tools", "response_format", "stop")


@dataclass(frozen=True)
class Call:
    """A request in the making.

    Attributes:
        messages: The chat as it was given, but for files, which are text.
        fields: The request's other fields, as LangChain has them.
        options: How the chat is drawn.
        held: The clients of the model that is asked.
    """

    messages: list[dict[str, Any]]
    fields: dict[str, Any]
    options: ChatOptions
    held: Connections

    @property
    def beyond_reader(self) -> list[str]:
        """What is asked for that the embedded reader does not do."""
        return [name for name in _BEYOND_READER if self.fields.get(name)]

    def request(self, entry: ModelEntry, paged: PagedChat) -> dict[str, Any]:
        """Returns the request for the OpenAI client, which puts ``extra_body`` over the rest."""
        fields = {**self.fields, "model": entry.id, "max_tokens": paged.max_tokens}
        if self._schema is not None:
            fields["response_format"] = _json_format(self._schema)
        extra_body = {**(self.fields.get("extra_body") or {}), "messages": paged.messages}
        return {**fields, "messages": [], "extra_body": extra_body}

    def replies(self, entry: ModelEntry, paged: PagedChat, *, streamed: bool) -> Replies:
        """Returns what reads the replies to the request."""
        return Replies(
            paged,
            self.held.endpoint,
            model=entry.id,
            streamed=streamed,
            may_call=bool(self.fields.get("tools")),
            schema=self._schema,
        )

    @property
    def _schema(self) -> type[BaseModel] | None:
        """The class of a structured answer, where LangChain leaves its reading to the model."""
        named = self.fields.get("response_format")
        return named if isinstance(named, type) and issubclass(named, BaseModel) else None


def _json_format(schema: type[BaseModel]) -> dict[str, Any]:
    described = {"name": schema.__name__, "schema": schema.model_json_schema()}
    return {"type": "json_schema", "json_schema": described}
