"""The request of a second look: single pages, drawn larger or as text, as many as fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from glyph_shared.asking.answer import SecondLook
from glyph_shared.asking.closer import closer
from glyph_shared.asking.material import Material
from glyph_shared.asking.prompts import Messages, closer_messages, page_text_messages
from glyph_shared.asking.setting import Setting
from glyph_shared.documents import OBJECT_MARK
from glyph_shared.errors import ServerError
from glyph_shared.planning import (
    CHAT_FRAME,
    PAGE_MARKS,
    SidecarMaker,
    TextTokenCounter,
    pick_counter,
)
from glyph_shared.rendering import Page, RenderConfig, Renderer

MOST_PAGES = 8
"""Pages looked at again. An answer that rests on more does not hang on one misread char."""

# Bytes of what is said beside the question: which pages these are, how to cite, when to refuse.
_SAID = 512


@dataclass(frozen=True)
class Look:
    """A request about some pages.

    Attributes:
        messages: What is sent.
        told: What the answer tells of it.
        exact_text_tokens: What the exact strings among it take.
    """

    messages: Messages
    told: SecondLook
    exact_text_tokens: int = 0


class LookMaker:
    """Makes the requests about single pages of one material."""

    def __init__(self, material: Material, setting: Setting) -> None:
        self._material = material
        self._setting = setting
        self._source = material.source

    def text_of(self, page: int) -> str:
        """Returns the text that a page was drawn from."""
        return self._source.text[slice(*self._source.page_spans[page])]

    def can_show(self, page: int, how: Literal["hidpi", "text"]) -> bool:
        """Tells whether a page can be looked at again: its text can be drawn, or sent.

        A source page that is shown as a picture says more than its text drawn anew.
        """
        if how == "hidpi" and self._material.pages[page].is_picture:
            return False
        return bool(self.text_of(page).replace(OBJECT_MARK, "").strip())

    def make(self, question: str, pages: Sequence[int], told: SecondLook) -> Look | None:
        """Returns the request about the first pages that fit; None if none does.

        Draws pages, so it takes time.

        Raises:
            GlyphError: They cannot be drawn.
        """
        make = self._larger if told.how == "hidpi" else self._as_text
        try:
            return make(question, pages, told, self._setting.counter)
        except ServerError:
            # Many servers have no route that counts.
            return make(question, pages, told, pick_counter())

    def _larger(
        self, question: str, pages: Sequence[int], told: SecondLook, counter: TextTokenCounter
    ) -> Look | None:
        """Draws pages at a higher dpi, and puts their exact strings beside them."""
        configs = {page: closer(self._material.config_of(page)) for page in pages[:MOST_PAGES]}
        drawn = {page: self._drawn(page, config) for page, config in configs.items()}
        costs = {page: _visual_tokens(images) for page, images in drawn.items()}
        room = self._room(question)
        counts = {page: len(images) for page, images in drawn.items()}
        seen = _fitting((costs, room), (counts, self._setting.max_pages))
        if not seen:
            return None
        cost = sum(costs[page] for page in seen)
        maker = SidecarMaker(self._source.text, self._source.page_spans, counter)
        most = self._setting.exact_text_tokens if self._material.sidecars else 0
        strings = maker.make_for(seen, min(most, room - cost))
        messages = closer_messages(
            question,
            [(page + 1, drawn[page]) for page in seen],
            total=len(self._source.page_spans),
            exact_strings=strings.text,
            cite=self._setting.cite,
            system=self._setting.options.system,
        )
        told = _with_pages(told, seen, pages)
        dpi = max(configs[page].dpi for page in seen)
        told = told.model_copy(update={"dpi": dpi, "visual_tokens": cost})
        return Look(messages, told, strings.text_tokens)

    def _drawn(self, page: int, config: RenderConfig) -> list[Page]:
        return list(Renderer(config, missing="replace").render(self.text_of(page)))

    def _as_text(
        self, question: str, pages: Sequence[int], told: SecondLook, counter: TextTokenCounter
    ) -> Look | None:
        costs = {page: counter.count(self.text_of(page)) for page in pages[:MOST_PAGES]}
        seen = _fitting((costs, self._room(question)))
        if not seen:
            return None
        messages = page_text_messages(
            question,
            [(page + 1, self.text_of(page)) for page in seen],
            total=len(self._source.page_spans),
            cite=self._setting.cite,
            system=self._setting.options.system,
        )
        text_tokens = sum(costs[page] for page in seen)
        told = _with_pages(told, seen, pages).model_copy(update={"text_tokens": text_tokens})
        return Look(messages, told)

    def _room(self, question: str) -> int:
        """Returns the tokens that are left for pages or their text; a byte may be a token."""
        said = question + (self._setting.options.system or "")
        kept = self._setting.max_tokens + CHAT_FRAME + _SAID + len(said.encode("utf-8", "replace"))
        return self._setting.window - kept


def _visual_tokens(images: Sequence[Page]) -> int:
    return sum(image.visual_tokens + PAGE_MARKS for image in images)


def _fitting(*limits: tuple[Mapping[int, int], int | None]) -> list[int]:
    """Returns the pages that fit all limits, the first ones first to be taken, in page order.

    Args:
        limits: What each page takes, and how much there is; None for no limit.
    """
    seen: list[int] = []
    for page in limits[0][0]:
        taken = [*seen, page]
        if all(most is None or sum(map(cost.__getitem__, taken)) <= most for cost, most in limits):
            seen = taken
    return sorted(seen)


def _with_pages(told: SecondLook, seen: Sequence[int], wanted: Sequence[int]) -> SecondLook:
    left_out = tuple(page for page in wanted if page not in seen)
    return told.model_copy(update={"pages": tuple(seen), "left_out": left_out})
