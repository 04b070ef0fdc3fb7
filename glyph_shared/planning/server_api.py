"""What is asked of a server beside its chat: tokenizer, count of tokens, version."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple

from glyph_shared.errors import BadResponse, ServerError
from glyph_shared.planning.address import ServerAddress

_READ_LIMIT = 64 << 20
_SHOWN = 200


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a text is sent to the address that was given and to no other."""

    def redirect_request(self, *_args: Any, **_settings: Any) -> None:
        """Makes urllib report the redirect as the HTTP error it then is."""


class ServedModel(NamedTuple):
    """A model's served name, if it has one, and the kind of tokenizer it declares, or ``""``."""

    name: str | None
    tokenizer: str


class TokenServer:
    """A server with vLLM's ``/tokenize`` and ``/v1/models``."""

    def __init__(self, address: ServerAddress, *, timeout: float) -> None:
        self.host = address.host
        self._root = address.base_url.removesuffix("/v1")
        self._address = address
        self._timeout = timeout
        # An empty ProxyHandler keeps urllib from the environment's proxies, which cannot reach
        # this machine's own loopback.
        proxies = [urllib.request.ProxyHandler({})] if address.is_loopback else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def count(self, text: str, *, model: str | None) -> int:
        """Asks how many tokens a text has, without the chat's own.

        Raises:
            ServerError: No usable answer came.
        """
        body = {"prompt": text, "add_special_tokens": False}
        answer = self._ask("/tokenize", {"model": model, **body} if model else body)
        count = answer.get("count")
        if not isinstance(count, int) or count < 0:
            # A server may send anything back, the key too.
            got = self._address.scrub(repr(count))[:_SHOWN]
            raise BadResponse(f"{self.host} answered /tokenize without a count; got {got}")
        return count

    def entry(self, model: str | None) -> ServedModel:
        """Returns what the server says of a model; None asks for the first it names.

        Raises:
            ServerError: No usable answer came.
        """
        match self._ask("/v1/models", None):
            case {"data": [*entries]}:
                served = [_served(entry) for entry in entries]
                known = (entry for entry in served if model in (None, entry.name))
                return next(known, ServedModel(model, ""))
        return ServedModel(model, "")

    def version(self) -> str:
        """Asks for the server's version, as vLLM tells it.

        Raises:
            ServerError: No usable answer came.
        """
        answer = self._ask("/version", None)
        version = answer.get("version")
        if not isinstance(version, str):
            got = self._address.scrub(repr(version))[:_SHOWN]
            raise BadResponse(f"{self.host} answered /version without one; got {got}")
        return version

    def _ask(self, route: str, body: dict[str, Any] | None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode("utf-8")
        request = urllib.request.Request(self._root + route, data=data, headers=self._headers())
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
        except (ValueError, HTTPException):
            raise BadResponse(
                f"{self.host} answered {route} with something else than JSON"
            ) from None
        if not isinstance(answer, dict):
            raise BadResponse(f"{self.host} answered {route} with {type(answer).__name__}")
        return answer

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._address.authorization:
            headers["Authorization"] = self._address.authorization
        return headers


def _served(entry: object) -> ServedModel:
    match entry:
        case {"id": str(name), "glyph": {"tokenizer": str(kind)}}:
            return ServedModel(name, kind)
        case {"id": str(name)}:
            return ServedModel(name, "")
    return ServedModel(None, "")


def _reason(error: OSError) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__
