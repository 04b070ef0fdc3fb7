"""Refusals in the shape of vLLM's: ``{"error": {"message", "type", "param", "code"}}``."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse


class ApiError(Exception):
    """A request that is refused; the application turns it into a response."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "BadRequestError",
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param

    def body(self) -> dict[str, Any]:
        """Returns the JSON body."""
        return error_body(str(self), status=self.status, kind=self.kind, param=self.param)


def error_body(message: str, *, status: int, kind: str, param: str | None = None) -> dict[str, Any]:
    """Returns the JSON body of a refusal."""
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def unknown_model(name: str, known: str) -> ApiError:
    """Returns the refusal of a model that is not served."""
    return ApiError(
        f"The model `{name}` does not exist; this server has `{known}`.",
        status=404,
        kind="NotFoundError",
        param="model",
    )


def too_long(prompt_tokens: int, max_model_len: int) -> ApiError:
    """Returns the refusal of a prompt that leaves no room for an answer; vLLM's own words."""
    return ApiError(
        f"This model's maximum context length is {max_model_len} tokens. However, your prompt "
        f"contains {prompt_tokens} input tokens, which exceeds this limit even without any output "
        "tokens. Please reduce the length of the input prompt.",
        param="input_tokens",
    )


def too_many_pages(limit: int) -> ApiError:
    """Returns the refusal of more pages than the window can hold; vLLM's own words."""
    return ApiError(f"At most {limit} image(s) may be provided in one prompt.", param="image")


def cache_miss(index: int) -> ApiError:
    """Returns the refusal of a page named by its ``uuid`` that is not kept; vLLM's own words."""
    return ApiError(
        f"Cache miss for image at index {index} but data is not provided.", param="image"
    )


async def answer_api_error(request: Request, error: Exception) -> JSONResponse:
    """Turns a refusal into a response."""
    if not isinstance(error, ApiError):
        raise TypeError("this handler is registered for ApiError alone") from error
    return JSONResponse(error.body(), status_code=error.status)


async def answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Gives unknown addresses and methods the same shape."""
    status = getattr(error, "status_code", 500)
    return JSONResponse(
        error_body(
            f"{request.method} {request.url.path} is not served here",
            status=status,
            kind="NotFoundError" if status == 404 else "BadRequestError",
        ),
        status_code=status,
    )


async def answer_crash(request: Request, error: Exception) -> JSONResponse:
    """Says that the server itself failed, without the error's words: they may hold page bytes."""
    return JSONResponse(
        error_body(
            "the reader failed; the server's log says where", status=500, kind="InternalServerError"
        ),
        status_code=500,
    )
