"""Chat requests of the OpenAI API, checked, and what the embedded reader takes from them.

The reader answers one question on some pages. The pages are all images of the conversation in
order; the question is the text of the last user message. System messages and earlier answers do
not reach it: it was trained on questions alone. It always decodes greedily, so sampling settings
are accepted and change nothing; what would need another kind of answer is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyph_shared.serving.api_errors import ApiError

MAX_STOP_STRINGS = 16

Body = TypeVar("Body", bound=BaseModel)


class _Wire(BaseModel):
    # Clients send more fields than any server knows.
    model_config = ConfigDict(frozen=True, extra="ignore")


class ImageUrl(_Wire):
    """Where an image is; only data URLs are read."""

    url: str


class TextPart(_Wire):
    """Text among the parts of a message."""

    type: Literal["text"]
    text: str


class ImagePart(_Wire):
    """An image among the parts of a message."""

    type: Literal["image_url"]
    image_url: ImageUrl | None = None
    uuid: str | None = None

    @property
    def url(self) -> str:
        """Its address; empty where the server is to know it by its ``uuid``."""
        return self.image_url.url if self.image_url is not None else ""


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class Message(_Wire):
    """One message; an assistant's may be empty."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None

    @property
    def texts(self) -> list[str]:
        """Its pieces of text."""
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content or [] if isinstance(part, TextPart)]

    @property
    def images(self) -> list[ImagePart]:
        """Its images."""
        if self.content is None or isinstance(self.content, str):
            return []
        return [part for part in self.content if isinstance(part, ImagePart)]


class StreamOptions(_Wire):
    """What a stream carries beside the answer."""

    include_usage: bool = False


class ResponseFormat(_Wire):
    """The shape asked for the answer."""

    type: str = "text"


class Conversation(_Wire):
    """What chat requests and the counting of their tokens share."""

    model: str | None = None
    messages: Annotated[list[Message], Field(min_length=1)]

    @property
    def images(self) -> list[ImagePart]:
        """All pages, in order."""
        return [image for message in self.messages for image in message.images]

    @property
    def question(self) -> str:
        """The text of the last user message.

        Raises:
            ApiError: There is none.
        """
        users = [message for message in self.messages if message.role == "user"]
        question = "\n".join(users[-1].texts).strip() if users else ""
        if not question:
            raise ApiError("the last user message needs a question as text", param="messages")
        return question


class ChatRequest(Conversation):
    """The body of ``/v1/chat/completions``, as far as it matters here."""

    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    stop: str | Annotated[list[str], Field(max_length=MAX_STOP_STRINGS)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    response_format: ResponseFormat | None = None
    tools: list[Any] | None = None

    @property
    def token_limit(self) -> int | None:
        """The answer's limit under either of its names."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings that end the answer; empty ones are left out."""
        listed = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in listed if stop)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    def refuse_unanswerable(self) -> None:
        """Raises what the reader cannot do, rather than answering something else.

        Raises:
            ApiError: Several answers, tools or a shaped answer are asked for.
        """
        if self.n is not None and self.n > 1:
            raise ApiError(f"the reader decodes greedily: n must be 1; got {self.n}", param="n")
        if self.tools:
            raise ApiError("the reader cannot call tools: leave `tools` out", param="tools")
        if self.response_format is not None and self.response_format.type != "text":
            raise ApiError(
                f"the reader writes plain text: response_format must be text; got "
                f"{self.response_format.type!r:.40}",
                param="response_format",
            )


class TokenizeRequest(_Wire):
    """The body of ``/tokenize``: a prompt, or messages."""

    model: str | None = None
    prompt: str | None = None
    messages: list[Message] = Field(default_factory=list)

    @property
    def conversation(self) -> Conversation:
        """The messages.

        Raises:
            ApiError: There are none.
        """
        if not self.messages:
            raise ApiError("give `prompt` or `messages`", param="prompt")
        return Conversation(model=self.model, messages=self.messages)


def parse_body(kind: type[Body], body: bytes) -> Body:
    """Reads a JSON body.

    Raises:
        ApiError: It is not JSON or not of this shape; the message does not repeat its content,
            which may be pages.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "body"
    raise ApiError(f"{where}: {first['msg']}", param=where)
