"""Makes the request that asks about a window of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

from glyph_shared.asking.material import Material
from glyph_shared.asking.prompts import (
    Messages,
    page_digests,
    page_messages,
    sent_by_name,
    text_messages,
)
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.sent_pages import PagedRequest, SentPages
from glyph_shared.asking.setting import Setting
from glyph_shared.errors import ServerError

_SCHEMA_NAME = "answer"


@dataclass(frozen=True)
class Inquiry:
    """What is asked about, and the setting it is asked in."""

    material: Material
    setting: Setting


class WindowRequests:
    """Makes the requests to one endpoint."""

    def __init__(self, sampling: Sampling, pages: SentPages) -> None:
        self._sampling = sampling
        self._pages = pages

    async def make(
        self,
        inquiry: Inquiry,
        question: str,
        window: tuple[int, int],
        refused: ServerError | None = None,
    ) -> PagedRequest:
        """Makes a request in which the pages that the server has go without their bytes.

        Args:
            inquiry: What is asked about.
            question: What is asked.
            window: The pages to show.
            refused: Why the server refused that; the request is made anew with all pages.
        """
        return await asyncio.to_thread(self._make, inquiry, question, window, refused)

    async def weigh(self, inquiry: Inquiry, window: tuple[int, int]) -> int:
        """Returns the bytes of the PNG files that a request would send; encodes them."""
        return await asyncio.to_thread(self._pages.weigh, inquiry.material.pages[slice(*window)])

    def payload(self, inquiry: Inquiry, request: PagedRequest) -> dict[str, Any]:
        """Returns the fields of the request's body."""
        setting = inquiry.setting
        sampling = self._sampling.model_copy(update={"max_tokens": setting.max_tokens})
        payload = {"model": setting.card.id, "messages": request.messages, **sampling.payload()}
        if setting.combine == "best_supported":
            payload["logprobs"] = True
        if request.is_last and setting.options.answer_schema is not None:
            described = {"name": _SCHEMA_NAME, "schema": setting.options.answer_schema}
            payload["response_format"] = {"type": "json_schema", "json_schema": described}
        return payload

    def _make(
        self,
        inquiry: Inquiry,
        question: str,
        window: tuple[int, int],
        refused: ServerError | None,
    ) -> PagedRequest:
        material, setting = inquiry.material, inquiry.setting
        if material.text is not None:
            return PagedRequest(
                text_messages(question, material.text, system=setting.options.system)
            )
        pages = material.pages[slice(*window)]

        def write(named: bool, held: Container[str]) -> Messages:
            if material.chat is not None:
                return sent_by_name(material.chat, named=named, held=held)
            return page_messages(
                question,
                pages,
                exact_strings=material.sidecar(window).text,
                numbers=(window[0] + 1, len(material.pages)) if setting.cite else None,
                may_refuse=setting.combine == "summarise" and len(material.windows) > 1,
                system=setting.options.system,
                named=named,
                held=held,
            )

        shown = page_digests(material.chat) if material.chat else [page.digest for page in pages]
        request = self._pages.request(setting.card, shown, write, refused)
        is_last = len(material.windows) == 1 or setting.combine == "best_supported"
        return replace(request, is_last=is_last)
