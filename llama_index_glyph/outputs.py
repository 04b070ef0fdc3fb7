"""Answers as objects of a class."""

from __future__ import annotations

from llama_index.core.llms import LLM
from pydantic import BaseModel, ValidationError

from glyph_shared.errors import BadResponse, ConfigError

_SHOWN_CHARS = 80


def check_streamed(llm: LLM, output_cls: type[BaseModel] | None) -> None:
    """Refuses what has to be made of a whole answer, where answers are streams.

    Raises:
        ConfigError: There is such a thing.
    """
    if output_cls is not None or llm.output_parser is not None:
        what = f"output_cls={output_cls.__name__}" if output_cls else "the LLM's output_parser"
        raise ConfigError(
            f"streaming=True gives an answer in pieces, and {what} needs a whole one; leave one "
            "of them out"
        )


def read_output(output_cls: type[BaseModel], text: str, truncated: bool) -> BaseModel:
    """Returns an answer as an object.

    Raises:
        BadResponse: It is none; servers that know no JSON schema answer as they like.
    """
    try:
        return output_cls.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
    advice = "raise max_tokens" if truncated else "ask a server that takes a JSON schema, as vLLM"
    raise BadResponse(
        f"the answer is no {output_cls.__name__} ({problem}); it begins "
        f"{text[:_SHOWN_CHARS]!r}; {advice}",
        status=200,
    )
