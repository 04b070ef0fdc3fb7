"""The clients behind a framework's model, which no copy and no file of it takes along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glyph_shared.asking.async_client import AsyncGlyphClient
from glyph_shared.asking.client import GlyphClient
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.material import served_config
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.sent_pages import Learned
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ServerError
from glyph_shared.rendering import RenderConfig

_PROBE_SECONDS = 5.0
"""How long a question for metadata may hold up a program whose server is away."""


class Connections:
    """The clients of one endpoint, each made when it is first asked for."""

    def __init__(self, endpoint: Endpoint, learned: Learned | None = None) -> None:
        self.endpoint = endpoint
        self._pages: tuple[Sampling, GlyphClient] | None = None
        self._async_pages: tuple[Sampling, AsyncGlyphClient] | None = None
        self._learned = learned or Learned(endpoint)
        self._of_model: dict[str | None, Connections] = {}

    def __copy__(self) -> Connections:
        return Connections(self.endpoint, self._learned)

    def __deepcopy__(self, _memo: object) -> Connections:
        # Within the same process the key goes along, which a pickled endpoint leaves out.
        return Connections(self.endpoint, self._learned)

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
            self._pages = sampling, GlyphClient.at(self.endpoint, sampling, self._learned)
        return self._pages[1]

    def async_pages(self, sampling: Sampling) -> AsyncGlyphClient:
        """Returns its asynchronous twin, which may be used in several event loops."""
        if self._async_pages is None or self._async_pages[0] != sampling:
            made = AsyncGlyphClient.at(self.endpoint, sampling, self._learned)
            self._async_pages = sampling, made
        return self._async_pages[1]

    @property
    def known_entry(self) -> ModelEntry | None:
        """What the server said of the model; None if it was not asked yet."""
        return self._learned.card

    @property
    def known_config(self) -> RenderConfig | None:
        """θ, if the server was asked and named one."""
        entry = self.known_entry
        return served_config(entry.glyph) if entry is not None and entry.glyph else None

    def told_entry(self) -> ModelEntry | None:
        """Returns what the server says of the model, asked once; None while it is away."""
        if self.known_entry is None:
            short = replace(self.endpoint, timeout=_PROBE_SECONDS, max_retries=0)
            with GlyphClient.at(short, learned=self._learned) as probe:
                try:
                    return probe.model_entry()
                except ServerError:
                    return None
        return self.known_entry
