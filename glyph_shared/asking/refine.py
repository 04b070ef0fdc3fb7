"""A second look at the pages that an answer rests on: at a higher dpi, or as text.

Where in a long document an answer stands is rarely misread; a single char of it may be. So the
first answer says where to look, and the question is asked again about those few pages alone. The
first answer is never lost: it stands wherever the second look gives none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from glyph_shared.asking.answer import Answer, SecondLook
from glyph_shared.asking.asker import Asker, answer_of
from glyph_shared.asking.evidence import find_evidence
from glyph_shared.asking.looks import LookMaker
from glyph_shared.asking.material import PagesOrText
from glyph_shared.asking.options import Options
from glyph_shared.asking.reply import Reply
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.errors import ConfigError, GlyphError
from glyph_shared.rendering import Page

# What of an answer is the reply's own; the rest tells of the whole reading.
_WRITTEN = {"text", "thinking", "truncated", "only_thinking", "finish_reason", "model", "logprob"}


def check_refinable(given: PagesOrText, options: Options) -> None:
    """Refuses a second look at pages whose text nobody gave, before anything is sent.

    Raises:
        ConfigError: There is no text to draw them from, or to send.
    """
    if options.refine is None or options.source is not None or isinstance(given, str):
        return
    parts = given if isinstance(given, Sequence) else (given,)
    if any(isinstance(part, Page) for part in parts):
        raise ConfigError(
            f"refine={options.refine!r} needs the text that the pages were drawn from, which pages "
            "alone do not hold; give source=, or the text itself instead of its pages"
        )


class Refiner:
    """Looks again at the pages of answers; its clock for ``time_budget`` starts when it is made."""

    def __init__(self, asker: Asker, inquiry: Inquiry) -> None:
        self._asker = asker
        self._inquiry = inquiry
        self._setting = inquiry.setting
        self._source = inquiry.material.source
        self._looks = LookMaker(inquiry.material, inquiry.setting)
        budget = inquiry.setting.options.time_budget
        self._end = time.monotonic() + budget if budget is not None else None

    async def refine(self, question: str, first: Answer) -> Answer:
        """Returns the second look's answer, or the first with the reason why it stands."""
        how = self._setting.options.refine
        if how is None:
            return first
        told = SecondLook(how=how, first_text=first.text)
        if why_not := self._why_not(first):
            return _standing(first, told, why_not)
        pages = await asyncio.to_thread(self._pages_to_see, question, first, how)
        if not pages:
            return _standing(
                first,
                told,
                "no page is known that it rests on, other than source pages as pictures",
            )
        return await self._look(question, first, pages, told)

    def _why_not(self, first: Answer) -> str:
        if self._inquiry.material.text is not None:
            return "the text went along as text, not as pages"
        if first.refused:
            return "it says that the pages do not hold the answer"
        if self._end is not None and time.monotonic() >= self._end:
            return f"the time budget of {self._setting.options.time_budget:g} s was used up"
        return ""

    def _pages_to_see(
        self, question: str, first: Answer, how: Literal["hidpi", "text"]
    ) -> list[int]:
        """Returns the pages that the answer rests on, else the one that the question speaks of."""
        named = (citation.page_index for citation in first.citations)
        pages = list(dict.fromkeys(page for page in named if page is not None))
        if not pages:
            places = find_evidence(question, first.text, self._source.text, most=1)
            found = (self._source.page_at(place.char_span[0]) for place in places)
            pages = [page for page in found if page is not None]
        return [page for page in pages if self._looks.can_show(page, how)]

    async def _look(
        self, question: str, first: Answer, pages: Sequence[int], told: SecondLook
    ) -> Answer:
        try:
            look = await asyncio.to_thread(self._looks.make, question, pages, told)
            if look is None:
                return _standing(first, told, "none of its pages fits a request of its own")
            told = look.told
            reply = await self._asker.ask_messages(self._inquiry, look.messages)
        except GlyphError as error:
            return _standing(first, told, f"the second look failed: {error}")
        usage = reply.usage.model_copy(update={"exact_text_tokens": look.exact_text_tokens})
        reply = replace(reply, usage=usage)
        told = told.model_copy(update={"usage": usage})
        first = first.model_copy(update={"usage": first.usage + usage})
        if why_not := self._no_answer(reply):
            return _standing(first, told, why_not)
        return await self._answer(question, first, reply, told)

    def _no_answer(self, reply: Reply) -> str:
        """Returns why a reply is no answer to replace the first by; empty if it is one."""
        if not reply.text:
            return "the second look gave no answer"
        if reply.truncated:
            return "the second look's answer was cut at max_tokens"
        if self._setting.is_refusal(reply.text):
            return "the second look did not find the answer on these pages"
        return ""

    async def _answer(self, question: str, first: Answer, reply: Reply, told: SecondLook) -> Answer:
        """Returns the reply as the answer; what was said of the whole reading stays."""
        written = answer_of(reply, first.usage).model_dump(include=_WRITTEN)
        used = told.model_copy(update={"used": True})
        answer = first.model_copy(update={**written, "refined": used})
        spans = [self._source.page_spans[page] for page in told.pages]
        answer = await self._asker.with_citations(self._inquiry, question, answer, spans)
        # It was shown these pages alone; another number is made up.
        seen = [place for place in answer.citations if place.page_index in told.pages]
        return answer.model_copy(update={"citations": tuple(seen)})


def _standing(first: Answer, told: SecondLook, why: str) -> Answer:
    return first.model_copy(
        update={"refined": told.model_copy(update={"note": f"the first answer stands: {why}"})}
    )
