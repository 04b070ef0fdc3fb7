"""The two questions a plan asks a server: which tokenizer, and how many tokens."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from glyph_shared.errors import BadResponse, ConfigError, ServerError

_READ_LIMIT = 64 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a text is sent to the address that was given and to no other."""

    def redirect_request(self, *_args: Any, **_settings: Any) -> None:
        """Makes urllib report the redirect as the HTTP error it then is."""


class TokenServer:
    """A server with vLLM's ``/tokenize`` and ``/v1/models``."""

    def __init__(self, base_url: str, *, api_key: str | None, timeout: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"base_url must begin with http:// or https:// and a host; got {base_url[:40]!r}"
            )
        if parts.username or parts.password:
            raise ConfigError("base_url must not hold a user or password; pass api_key instead")
        self.host = parts.netloc
        self._root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_NoRedirect)

    def count(self, text: str, *, model: str | None) -> int:
        """Asks how many tokens a text has, without the chat's own.

        Raises:
            ServerError: No usable answer came.
        """
        body = {"prompt": text, "add_special_tokens": False}
        answer = self._ask("/tokenize", {"model": model, **body} if model else body)
        count = answer.get("count")
        if not isinstance(count, int) or count < 0:
            raise BadResponse(f"{self.host} answered /tokenize without a count; got {count!r}")
        return count

    def tokenizer(self) -> str:
        """Returns the kind of tokenizer the first model declares, or an empty string.

        Raises:
            ServerError: No usable answer came.
        """
        match self._ask("/v1/models", None):
            case {"data": [{"glyph": {"tokenizer": str(kind)}}, *_]}:
                return kind
        return ""

    def _ask(self, route: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode("utf-8")
        request = urllib.request.Request(self._root + route, data=data, headers=self._headers)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                answer = json.loads(response.read(_READ_LIMIT))
        except urllib.error.HTTPError as error:
            with error:
                message = f"{self.host} answered {route} with HTTP {error.code}"
            raise ServerError(message, status=error.code) from None
        except OSError as error:
            raise ServerError(
                f"{self.host} can't be reached for {route}: {_reason(error)}"
            ) from None
        except ValueError:
            raise BadResponse(
                f"{self.host} answered {route} with something else than JSON"
            ) from None
        if not isinstance(answer, dict):
            raise BadResponse(f"{self.host} answered {route} with {type(answer).__name__}")
        return answer


def _reason(error: OSError) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__
