"""The parts of the OpenAI API's answers that are read, checked as they arrive."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.errors import BadResponse
from glyph_shared.planning import ConfigChoice
from glyph_shared.rendering import RenderConfig


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TokenLogprob(_Wire):
    """One token the model wrote and how sure it was."""

    token: str
    logprob: float


class Logprobs(_Wire):
    """The tokens of one choice."""

    content: list[TokenLogprob] | None = None


class Message(_Wire):
    """A whole reply or a delta of it; vLLM's reasoning parsers fill ``reasoning``."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Any] | None = None
    refusal: str | None = None

    @property
    def thought(self) -> str:
        """The thinking that the server separated; older servers use the longer name."""
        return self.reasoning or self.reasoning_content or ""


class Choice(_Wire):
    """One reply: ``message`` in a whole answer, ``delta`` in a stream."""

    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class PromptDetails(_Wire):
    """What vLLM tells of the prompt under ``--enable-prompt-tokens-details``."""

    cached_tokens: int | None = None
    multimodal_tokens: dict[str, int] | None = None


class WireUsage(_Wire):
    """The token counts of a request."""

    prompt_tokens: int = 0
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Completion(_Wire):
    """A chat completion, or one chunk of a streamed one."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] = Field(default_factory=list)
    usage: WireUsage | None = None


class GlyphEntry(_Wire):
    """What a server made for this project says of itself beside its model's name."""

    render_config: dict[str, Any] | None = None
    theta: tuple[str, ...] = ()
    refusal: str | None = None
    combine: str | None = None
    text_gate: bool = True
    tokenizer: str | None = None
    max_pages: int | None = None
    keeps_pages: bool = False


class ModelEntry(_Wire):
    """One served model."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None
    glyph: GlyphEntry | None = None

    def reads_chars(self, config: ConfigChoice) -> bool:
        """Tells whether the model is the embedded reader, with a token per char.

        Its own server says so; plain vLLM with its weights cannot, but there the caller has to
        give its look as ``config``, which no other model is shown.
        """
        told = self.glyph is not None and self.glyph.tokenizer == "character"
        return told or config == RenderConfig.preset("reader")


class ModelList(_Wire):
    """The answer of ``/v1/models``."""

    data: list[ModelEntry] = Field(default_factory=list)


_Kind = TypeVar("_Kind", bound=_Wire)


def parse_body(kind: type[_Kind], body: bytes, endpoint: Endpoint) -> _Kind:
    """Reads a JSON body.

    Raises:
        BadResponse: It is not JSON, or not of the promised shape.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        problem = _first_problem(error)
    start = endpoint.scrub(body[:60].decode("utf-8", "replace"))
    raise BadResponse(
        f"{endpoint.host} sent no usable answer ({problem}); it begins {start!r}; "
        "check that base_url is an OpenAI-compatible API",
        status=200,
    )


def parse_chunk(chunk: object, endpoint: Endpoint) -> Completion:
    """Reads one chunk of a stream, as the OpenAI client hands it on unchecked.

    Raises:
        BadResponse: It is not of the promised shape.
    """
    fields = chunk.model_dump(warnings=False) if isinstance(chunk, BaseModel) else chunk
    try:
        return Completion.model_validate(fields)
    except ValidationError as error:
        problem = _first_problem(error)
    raise BadResponse(f"{endpoint.host} sent an unusable chunk ({problem})", status=200)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
