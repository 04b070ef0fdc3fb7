"""What an answer is made of. All values: frozen, comparable, ready for JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from glyph_shared.planning import LeftOutText


class TokenCountWarning(UserWarning):
    """The server counted other visual tokens than were planned; budgets made here are off."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Usage(_Value):
    """What an answer cost, summed over its requests.

    Attributes:
        prompt_tokens: As the server counted them, pages and text together.
        completion_tokens: What the model wrote, thinking included.
        cached_tokens: How many of the prompt's came from the server's cache; None if untold.
        visual_tokens: How many of the prompt's were pages, as the server counted them: without
            the two marks around each page, which a ``Plan`` includes. None if untold.
        requests: How many requests were answered.
        exact_text_tokens: What the exact strings that went along as text took of the prompts, as
            the plan counted them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    visual_tokens: int | None = None
    requests: int = 0
    exact_text_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Sums two usages; a count that one of them lacks is that of the other."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            visual_tokens=_sum(self.visual_tokens, other.visual_tokens),
            requests=self.requests + other.requests,
            exact_text_tokens=self.exact_text_tokens + other.exact_text_tokens,
        )


class Citation(_Value):
    """A place in the source that the answer rests on.

    Attributes:
        page_index: The page, from 0, in what was asked; None where the text went along as text.
        char_span: The place in the text the pages were drawn from: the quoted chars, or the whole
            page where the model named no more than a page.
        path: The file, if the text came from files.
        line: The line of the file, from 1.
        source_page: The PDF page, from 1.
        quote: The chars at ``char_span``; empty where a whole page is meant.
        found_by: ``model`` if the model cited the page, ``text`` if the answer's words were found
            in the source.
        score: How well the place fits, from 0 to 1: for ``text`` the share of matching words,
            1.0 where the model cited it.
    """

    page_index: int | None
    char_span: tuple[int, int]
    path: str | None = None
    line: int | None = None
    source_page: int | None = None
    quote: str = ""
    found_by: Literal["model", "text"]
    score: float

    def __str__(self) -> str:
        """Writes the place as people do: ``page 3 (book.txt:120)``."""
        page = f"page {self.page_index + 1}" if self.page_index is not None else ""
        place = self.path or ""
        if self.path and self.source_page is not None:
            place += f" p. {self.source_page}"
        elif self.path and self.line is not None:
            place += f":{self.line}"
        return f"{page} ({place})" if page and place else page or place


class WindowReading(_Value):
    """What one window of pages answered.

    Attributes:
        start_page: First page of the window, from 0.
        stop_page: One past its last page.
        text: The answer these pages gave.
        logprob: Log-probability of the whole reply, the sum of its tokens'; None if untold.
        refused: The model said the answer is not on these pages.
        truncated: The reply met ``max_tokens``.
    """

    start_page: int
    stop_page: int
    text: str
    logprob: float | None = None
    refused: bool = False
    truncated: bool = False


class LeftOut(_Value):
    """Pages that the answer does not rest on because nobody read them.

    Attributes:
        start_page: The first of them, from 0.
        stop_page: One past the last.
        reason: Why they were not read.
    """

    start_page: int
    stop_page: int
    reason: str


class SecondLook(_Value):
    """What came of looking again at the pages that the first answer rests on, under ``refine``.

    Attributes:
        how: ``hidpi`` drew their text again at a higher dpi, ``text`` sent it as text.
        used: The answer is what the second look gave; else the first stands, and ``note`` says
            why.
        pages: The pages looked at, from 0, those that the model cited first.
        left_out: Cited pages that there was no room for.
        dpi: What ``hidpi`` drew them at.
        visual_tokens: What their images cost as planned, with the two marks around each.
        text_tokens: What their text costs under ``text``, as the plan's counter counts.
        usage: What the second look cost; the answer's own ``usage`` includes it.
        first_text: What the first look answered.
        note: Why the first answer stands; empty where it does not.
    """

    how: Literal["hidpi", "text"]
    used: bool = False
    pages: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    dpi: float | None = None
    visual_tokens: int = 0
    text_tokens: int = 0
    usage: Usage = Usage()
    first_text: str = ""
    note: str = ""


class Answer(_Value):
    """An answer and what it rests on.

    Attributes:
        text: The answer alone: no thinking, no control tokens. Empty if the model only thought.
        thinking: What the model wrote before it answered.
        usage: What it cost.
        truncated: The reply met ``max_tokens``; more was to come.
        only_thinking: The model thought, perhaps until it was cut off, and gave no answer.
        refused: The model said that the answer is not on the pages.
        finish_reason: The server's word for why the reply ended.
        model: The model that answered.
        logprob: Log-probability of the whole answer, the sum of its tokens'; None if untold.
        citations: The places it rests on, best first.
        windows: What each window answered, where the pages were read in several.
        answered_by: The positions in ``windows`` that the answer was taken from.
        left_out: Pages that were not read, and why.
        left_out_text: Stretches of the text that were not sent, and why: the passages that
            ``overflow="hybrid"`` did not choose.
        overflow_note: What was done to fit the text into one request; empty where it fitted.
        exact_left_out: How many exact strings of the pages (UUIDs, long numbers, addresses) did
            not fit the text that goes along; those were read off the pages alone.
        refined: What came of the second look, if one was asked for.
    """

    text: str
    thinking: str = ""
    usage: Usage = Usage()
    truncated: bool = False
    only_thinking: bool = False
    refused: bool = False
    finish_reason: str | None = None
    model: str | None = None
    logprob: float | None = None
    citations: tuple[Citation, ...] = ()
    windows: tuple[WindowReading, ...] = ()
    answered_by: tuple[int, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    left_out_text: tuple[LeftOutText, ...] = ()
    overflow_note: str = ""
    exact_left_out: int = 0
    refined: SecondLook | None = None


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
