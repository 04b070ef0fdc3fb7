"""How the model is asked to choose its tokens."""

from __future__ import annotations

from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from glyph_shared.errors import ConfigError


class Sampling(BaseModel):
    """The sampling settings of a request; the defaults are those Glyph was evaluated with.

        Sampling(temperature=0.7, top_k=50, seed=1)

    They are near greedy on purpose: reading a page is copying, not writing. The values are the
    ones of the inference example published with arXiv 2510.17800.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(default=8192, ge=1)
    """The longest reply, thinking included."""
    temperature: float = Field(default=1e-4, ge=0, allow_inf_nan=False)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=1, ge=-1)
    """0 and -1 mean no limit, as in vLLM."""
    repetition_penalty: float = Field(default=1.1, gt=0, allow_inf_nan=False)
    stop_token_ids: tuple[int, ...] = (151329, 151336, 151338, 151348)
    """Ids of GLM-4.1V's tokenizer: ``<|endoftext|>``, ``<|user|>``, ``<|observation|>`` and the
    closing marker. The third, behind which a tool's result would stand, is not in the example:
    GLM-4 ends a call with it."""
    seed: int | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_as_config_error(
        cls, data: Any, handler: ModelWrapValidatorHandler[Sampling], _info: ValidationInfo
    ) -> Sampling:
        try:
            return handler(data)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
        name, value = ".".join(map(str, problem["loc"])), problem["input"]
        raise ConfigError(f"sampling: {name}: {problem['msg']}; got {value!r}")

    def payload(self) -> dict[str, Any]:
        """Returns the request fields; those beyond OpenAI's API stand under ``extra_body``."""
        fields: dict[str, Any] = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "extra_body": {
                "top_k": self.top_k,
                "repetition_penalty": self.repetition_penalty,
                "stop_token_ids": list(self.stop_token_ids),
            },
        }
        if self.seed is not None:
            fields["seed"] = self.seed
        return fields
