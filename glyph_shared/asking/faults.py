"""What went wrong at the server, in the project's own errors, and whether another call may help.

=========================  =============================================================
fault                      what is done
=========================  =============================================================
no connection, reset       called again, up to ``max_retries`` times
429, 502, 503              the same, after ``Retry-After`` if that is short, else an error
500                        called once more: vLLM answers 500 to the request after a 400 that
                           was raised while it prepared images (seen with vLLM 0.32)
400 "Cache miss"           never called again as it is: the asker sends it with all pages
timeout, 504, other 4xx    never called again: it would take as long, or be as wrong
200 that is not an answer  never called again
=========================  =============================================================
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass

import openai

from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.held_pages import CacheMiss
from glyph_shared.errors import BadResponse, ContextLength, RateLimited, ServerError

# openai 3 speaks HTTP through httpx2, openai 2 through httpx, and 2 lets its errors out of a
# stream that breaks; the library's own name for them is needed to catch them.
_http = importlib.import_module("httpx2" if openai.__version__.startswith("3.") else "httpx")

WIRE_ERRORS: tuple[type[Exception], ...] = (
    openai.OpenAIError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    _http.HTTPError,
)
"""What a call of the OpenAI client may raise, and ``read_fault`` reads."""

LONGEST_RETRY_AFTER = 10.0
"""Seconds a server may ask us to wait; if it asks for more, its caller should know now."""

_CURABLE_STATUS = frozenset({429, 502, 503})
_UNREADABLE = (json.JSONDecodeError, UnicodeDecodeError, openai.APIResponseValidationError)
_SHOWN_CHARS = 400
# vLLM 0.32 writes "maximum context length is 32768 tokens" for text and "maximum context length
# (32768)" for pages; "Input length (37932)" or "you requested 40000 tokens" go with them.
_LIMIT = re.compile(r"maximum (?:context|model) length(?: is| of)?\s*\(?(\d+)")
_NEEDED = re.compile(r"(?:Input length|requested|request has|prompt \(length)\D{0,20}?(\d+)")
# vLLM 0.32: "Cache miss for image at index 1 but data is not provided."
_CACHE_MISS = re.compile(r"Cache miss for image")
_TOO_MANY_PAGES = re.compile(r"At most \d+ image")
# vLLM 0.32: "... tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"
_NO_TOOL_PARSER = re.compile(r"requires .*--tool-call-parser")
_ADVICE = {
    401: "set api_key or GLYPH_API_KEY",
    403: "the key has no right to this model; check api_key or GLYPH_API_KEY",
    404: "check model or GLYPH_MODEL, and the path of base_url",
    413: "send fewer pages per request, or raise the proxy's body limit",
}


@dataclass(frozen=True)
class Fault:
    """A failed call.

    Attributes:
        error: What the caller gets if no further call is made.
        calls: How many calls in all this kind of fault is worth; None means the client's limit.
        retry_after: Seconds the server asked us to wait, or None.
        broken_off: The connection ended or the time was up, so what came before may be kept.
    """

    error: ServerError
    calls: int | None = 1
    retry_after: float | None = None
    broken_off: bool = False


def read_fault(error: Exception, endpoint: Endpoint, body_bytes: int) -> Fault:
    """Turns an error of the OpenAI client into ours; the credentials are taken out of its text."""
    if isinstance(error, openai.APITimeoutError):
        message = f"no connection to {endpoint.host} in time; check base_url or GLYPH_BASE_URL"
        return Fault(ServerError(message), broken_off=True)
    if isinstance(error, openai.APIStatusError):
        return _status_fault(error, endpoint, body_bytes)
    if isinstance(error, openai.APIConnectionError):
        return Fault(
            ServerError(
                f"no connection to {endpoint.host}; is the server running there? "
                "Check base_url or GLYPH_BASE_URL, or start one with `glyph serve` (without a GPU "
                "`glyph serve --embedded`)"
            ),
            calls=None,
            broken_off=True,
        )
    if isinstance(error, _UNREADABLE):
        return Fault(BadResponse(f"{endpoint.host} sent what is no JSON in UTF-8", status=200))
    if isinstance(error, openai.APIError):
        return _stream_fault(error, endpoint)
    message = endpoint.scrub(f"the connection to {endpoint.host} broke: {error}")
    return Fault(ServerError(message[:_SHOWN_CHARS]), calls=None, broken_off=True)


def _status_fault(error: openai.APIStatusError, endpoint: Endpoint, body_bytes: int) -> Fault:
    status, request_id, said = error.status_code, error.request_id, _said(error, endpoint)
    if status == 400 and _LIMIT.search(said):
        message = _context_length_message(said)
        return Fault(ContextLength(message, status=status, request_id=request_id))
    wait = _retry_after(error)
    message = f"{endpoint.host} answered {status}: {said}"
    if status == 400 and _CACHE_MISS.search(said):
        return Fault(CacheMiss(message, status=status, request_id=request_id))
    if status == 413:
        message += f" (the request is {body_bytes / 1e6:.1f} MB)"
    if _TOO_MANY_PAGES.search(said):
        message += "; ask with max_pages= and overflow='map_reduce'"
    if _NO_TOOL_PARSER.search(said):
        message += "; start the server with `glyph serve --tools`"
    if advice := _ADVICE.get(status):
        message += f"; {advice}"
    if status == 429:
        message += f"; wait {wait:g} s" if wait is not None else "; wait and ask again"
        limited = RateLimited(message, status=status, request_id=request_id)
        return Fault(limited, calls=None, retry_after=wait)
    calls = None if status in _CURABLE_STATUS else 2 if status == 500 else 1
    failed = ServerError(message, status=status, request_id=request_id)
    return Fault(failed, calls=calls, retry_after=wait)


def _context_length_message(said: str) -> str:
    limit, needed = _LIMIT.search(said), _NEEDED.search(said)
    asked = f"needs {needed[1]} tokens" if needed else "is too long"
    window = f", the server's window is {limit[1]}" if limit else ""
    return (
        f"the request {asked}{window}; send fewer pages, lower max_tokens, or use "
        f"overflow='map_reduce'. The server said: {said}"
    )


def _stream_fault(error: openai.APIError, endpoint: Endpoint) -> Fault:
    """Reads an error object that came inside a stream, after the HTTP status 200."""
    said = _said(error, endpoint)
    # openai 3 makes the code a string, openai 2 leaves the number that vLLM sends.
    code = str(error.code)
    status = int(code) if code.isdecimal() else None
    message = f"{endpoint.host} broke off with an error: {said}"
    if _CACHE_MISS.search(said):
        return Fault(CacheMiss(message, status=status))
    return Fault(ServerError(message, status=status), calls=2)


def _said(error: openai.APIError, endpoint: Endpoint) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else body
    if not isinstance(said, str) or not said.strip():
        said = error.message
    said = " ".join(endpoint.scrub(said).split())
    return said if len(said) <= _SHOWN_CHARS else said[:_SHOWN_CHARS] + " …"


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Reads the seconds form of ``Retry-After``; a date is too coarse to act upon."""
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None
