"""Makes the request that asks about a window of pages, without the bytes that the server has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.held_pages import CacheMiss, HeldPages, PageNames, page_names
from glyph_shared.asking.material import Material
from glyph_shared.asking.prompts import Messages, page_messages, sent_by_name, text_messages
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.setting import Setting
from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ContextLength, ServerError
from glyph_shared.planning import TokenServer

_VERSION_SECONDS = 5.0
_REFUSED = frozenset({400, 422})


@dataclass(frozen=True)
class Inquiry:
    """What is asked about, and the setting it is asked in."""

    material: Material
    setting: Setting


@dataclass(frozen=True)
class WindowRequest:
    """The messages about one window.

    Attributes:
        messages: As they are sent.
        digests: Those of its pages, if the server keeps pages by them.
        spared: Whether some go without their bytes.
        proves: That names were refused, if this request is answered: it is the same with all bytes.
    """

    messages: Messages
    digests: tuple[str, ...] = ()
    spared: bool = False
    proves: bool = False

    def may_be_cured(self, error: ServerError) -> bool:
        """Tells whether the same request with all bytes may fare better.

        vLLM without an image cache (``--mm-processor-cache-gb 0``) knows no "Cache miss": it
        answers 400 because it cannot prepare an image that is not there.
        """
        return self.spared and error.status in _REFUSED and not isinstance(error, ContextLength)


class WindowRequests:
    """Makes the requests to one endpoint; knows which pages it has."""

    def __init__(self, endpoint: Endpoint, sampling: Sampling) -> None:
        self._endpoint = endpoint
        self._sampling = sampling
        self._names: PageNames | None = None
        self._held = HeldPages()

    async def make(self, inquiry: Inquiry, question: str, window: tuple[int, int]) -> WindowRequest:
        """Makes a request in which the pages that the server has go without their bytes."""
        return await asyncio.to_thread(self._make, inquiry, question, window, whole=False)

    async def make_whole(
        self, inquiry: Inquiry, question: str, window: tuple[int, int], error: ServerError
    ) -> WindowRequest:
        """Makes a request anew with all pages, after the server refused it without."""
        self._held.clear()
        made = await asyncio.to_thread(self._make, inquiry, question, window, whole=True)
        return replace(made, proves=not isinstance(error, CacheMiss))

    async def weigh(self, inquiry: Inquiry, window: tuple[int, int]) -> int:
        """Returns the bytes of the PNG files that a request would send; encodes them."""
        return await asyncio.to_thread(self._weigh, inquiry, window)

    def note_taken(self, request: WindowRequest) -> None:
        """Remembers that the server answered about these pages, so it has them."""
        if request.proves:
            self._names = PageNames.TAKEN
        self._held.add(request.digests)

    def payload(self, inquiry: Inquiry, messages: Messages) -> dict[str, Any]:
        """Returns the fields of the request's body."""
        sampling = self._sampling.model_copy(update={"max_tokens": inquiry.setting.max_tokens})
        payload = {"model": inquiry.setting.card.id, "messages": messages, **sampling.payload()}
        if inquiry.setting.combine == "best_supported":
            payload["logprobs"] = True
        return payload

    def _make(
        self, inquiry: Inquiry, question: str, window: tuple[int, int], *, whole: bool
    ) -> WindowRequest:
        """Encodes the pages and may ask for a version, so it is run in a thread."""
        material, setting = inquiry.material, inquiry.setting
        if material.text is not None:
            text = text_messages(question, material.text, system=setting.options.system)
            return WindowRequest(text)
        pages = material.pages[slice(*window)]
        names = self._page_names(setting.card)
        digests = tuple(page.digest for page in pages) if names is PageNames.HELD else ()
        named = names is not PageNames.REFUSED
        held = frozenset() if whole else self._held.among(digests)
        if material.chat is not None:
            chat = sent_by_name(material.chat, pages, named=named, held=held)
            return WindowRequest(chat, digests, bool(held))
        messages = page_messages(
            question,
            pages,
            exact_strings=material.sidecar(window).text,
            numbers=(window[0] + 1, len(material.pages)) if setting.cite else None,
            may_refuse=setting.combine == "summarise" and len(material.windows) > 1,
            system=setting.options.system,
            named=named,
            held=held,
        )
        return WindowRequest(messages, digests, bool(held))

    def _weigh(self, inquiry: Inquiry, window: tuple[int, int]) -> int:
        pages = inquiry.material.pages[slice(*window)]
        names = (page.digest for page in pages) if self._names is PageNames.HELD else ()
        held = self._held.among(names)
        if not held:
            return sum(len(page.png) for page in pages)
        return sum(len(page.png) for page in pages if page.digest not in held)

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
