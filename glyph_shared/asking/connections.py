"""The HTTP clients behind a framework's model, which no copy and no file of it takes along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import openai
from openai import AsyncOpenAI, OpenAI

from glyph_shared.asking.client import AsyncGlyphClient, GlyphClient
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ServerError

_Http = TypeVar("_Http")

_PROBE_SECONDS = 5.0
"""How long a question for metadata may hold up a program whose server is away."""


class Connections:
    """The clients of one endpoint, each made when it is first asked for."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._pages: tuple[Sampling, GlyphClient] | None = None
        self._async_pages: tuple[Sampling, AsyncGlyphClient] | None = None
        self._entry: ModelEntry | None = None
        self._of_model: dict[str | None, Connections] = {}
        self._sync: OpenAI | None = None
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = (
            WeakKeyDictionary()
        )

    def __copy__(self) -> Connections:
        return Connections(self.endpoint)

    def __deepcopy__(self, _memo: object) -> Connections:
        # Within the same process the key goes along, which a pickled endpoint leaves out.
        return Connections(self.endpoint)

    def __reduce__(self) -> tuple[Any, ...]:
        return Connections, (self.endpoint,)

    def of_model(self, model: str | None) -> Connections:
        """Returns the clients of another model at the same address; None is the server's first."""
        if model == self.endpoint.model:
            return self
        if model not in self._of_model:
            self._of_model[model] = Connections(replace(self.endpoint, model=model))
        return self._of_model[model]

    def pages(self, sampling: Sampling) -> GlyphClient:
        """Returns the client that asks about pages; the same one while ``sampling`` is."""
        if self._pages is None or self._pages[0] != sampling:
            self._pages = sampling, GlyphClient.at(self.endpoint, sampling)
        return self._pages[1]

    def async_pages(self, sampling: Sampling) -> AsyncGlyphClient:
        """Returns its asynchronous twin, which may be used in several event loops."""
        if self._async_pages is None or self._async_pages[0] != sampling:
            self._async_pages = sampling, AsyncGlyphClient.at(self.endpoint, sampling)
        return self._async_pages[1]

    def told_entry(self) -> ModelEntry | None:
        """Returns what the server says of the model, asked once; None while it is away."""
        if self._entry is None:
            short = replace(self.endpoint, timeout=_PROBE_SECONDS, max_retries=0)
            with GlyphClient.at(short) as probe:
                try:
                    self._entry = probe.model_entry()
                except ServerError:
                    return None
        return self._entry

    def openai(self) -> OpenAI:
        """Returns the OpenAI client."""
        if self._sync is None:
            http = self._direct(openai.DefaultHttpxClient)
            self._sync = OpenAI(**self._settings(), http_client=http)
            # Else OPENAI_ORG_ID and OPENAI_PROJECT_ID would go to a server they say nothing to.
            self._sync.organization = self._sync.project = None
        return self._sync

    def async_openai(self) -> AsyncOpenAI:
        """Returns the running loop's OpenAI client; connections cannot move between loops."""
        loop = asyncio.get_running_loop()
        if loop not in self._of_loop:
            http = self._direct(openai.DefaultAsyncHttpxClient)
            client = AsyncOpenAI(**self._settings(), http_client=http)
            client.organization = client.project = None
            self._of_loop[loop] = client
        return self._of_loop[loop]

    def _settings(self) -> dict[str, Any]:
        endpoint = self.endpoint
        # A connection that is kept open would outlive the loop it belongs to.
        sent = {"Connection": "close"}
        if endpoint.basic_header is not None:
            sent["Authorization"] = endpoint.basic_header
        return {
            "base_url": endpoint.base_url,
            "api_key": endpoint.api_key.get_secret_value() if endpoint.api_key else "none",
            "timeout": endpoint.timeout,
            "max_retries": endpoint.max_retries,
            "default_headers": sent,
        }

    def _direct(self, make: Callable[..., _Http]) -> _Http | None:
        """Returns an HTTP client that takes no proxy, if the server is on this machine."""
        return make(trust_env=False) if self.endpoint.is_loopback else None
