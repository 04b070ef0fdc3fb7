"""Requests with pages, made without the bytes that the server has already."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.held_pages import CacheMiss, HeldPages, PageNames, page_names
from glyph_shared.asking.prompts import Messages
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ContextLength, ServerError
from glyph_shared.planning import TokenServer
from glyph_shared.rendering import Page

_VERSION_SECONDS = 5.0
_REFUSED = frozenset({400, 422})

Writer = Callable[[bool, Container[str]], Messages]
"""Writes messages; told whether pages go with their names, and which go without their bytes."""


@dataclass(frozen=True)
class PagedRequest:
    """The messages of one request.

    Attributes:
        messages: As they are sent.
        digests: Those of its pages, if the server keeps pages by them.
        spared: Whether some go without their bytes.
        proves: That names were refused, if this request is answered: it is the same with all bytes.
        is_last: Whether its reply is the answer, not a part of what the answer is made of.
    """

    messages: Messages
    digests: tuple[str, ...] = ()
    spared: bool = False
    proves: bool = False
    is_last: bool = True

    def may_be_cured(self, error: ServerError) -> bool:
        """Tells whether the same request with all bytes may fare better.

        vLLM without an image cache (``--mm-processor-cache-gb 0``) knows no "Cache miss": it
        answers 400 because it cannot prepare an image that is not there.
        """
        return self.spared and error.status in _REFUSED and not isinstance(error, ContextLength)


class SentPages:
    """Knows which pages one server has; shared by all clients, threads and event loops."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._names: PageNames | None = None
        self._held = HeldPages()

    def request(
        self,
        card: ModelEntry,
        shown: Sequence[str],
        write: Writer,
        refused: ServerError | None = None,
    ) -> PagedRequest:
        """Makes a request; may ask the server for its version, so it is run in a thread.

        Args:
            card: What the server says of the model.
            shown: The digests of the pages in the request.
            write: Writes its messages.
            refused: Why the same request was refused without all bytes; all are sent then.
        """
        names = self._page_names(card)
        digests = tuple(shown) if names is PageNames.HELD else ()
        if refused is not None:
            self._held.clear()
        held = frozenset() if refused is not None else self._held.among(digests)
        messages = write(names is not PageNames.REFUSED, held)
        proves = refused is not None and not isinstance(refused, CacheMiss)
        return PagedRequest(messages, digests, bool(held), proves)

    def weigh(self, pages: Sequence[Page]) -> int:
        """Returns the bytes of the PNG files that a request would send; encodes them."""
        names = (page.digest for page in pages) if self._names is PageNames.HELD else ()
        held = self._held.among(names)
        return sum(len(page.png) for page in pages if not held or page.digest not in held)

    def note_taken(self, request: PagedRequest) -> None:
        """Remembers that the server answered about these pages, so it has them."""
        if request.proves:
            self._names = PageNames.TAKEN
        self._held.add(request.digests)

    def _page_names(self, card: ModelEntry) -> PageNames:
        if self._names is None:
            version = self._vllm_version() if card.owned_by == "vllm" else None
            self._names = page_names(card, version)
        return self._names

    def _vllm_version(self) -> str | None:
        patience = min(_VERSION_SECONDS, self._endpoint.timeout)
        try:
            return TokenServer(self._endpoint, timeout=patience).version()
        except ServerError:
            return None


class Learned:
    """What the clients of one endpoint learned of its server, which they share.

    Attributes:
        card: What the server says of the model, once it was asked.
        pages: Which pages it has.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.card: ModelEntry | None = None
        self.pages = SentPages(endpoint)
