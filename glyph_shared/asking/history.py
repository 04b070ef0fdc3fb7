"""Long chats: the older turns become pages, the last ones stay text, but for what is long in them.

Turns are drawn in chunks. A chunk is closed by the turn that brings it to ``threshold_tokens``,
and drawn once all its turns are older than the last ``keep_last``; it begins on a page of its own.
So a chunk's pages depend on its turns alone, never on what comes later: as a chat grows, pages are
only ever added behind those before, and between two such additions even the text grows only at its
end. A server's prefix cache serves all that did not change, and the page store draws nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glyph_shared.asking.drawn_turns import DrawnTurns, visual_cost
from glyph_shared.asking.long_texts import DEFAULT_LONG_TEXT_TOKENS, LongTexts
from glyph_shared.asking.page_links import count_links, with_linked_pages
from glyph_shared.asking.paged_chat import PagedChat, check_room
from glyph_shared.asking.prompts import Messages, image_count, text_part
from glyph_shared.asking.turns import (
    BETWEEN_PIECES,
    SYSTEM_ROLES,
    Message,
    Turn,
    message_runs,
    message_text,
    split_turns,
    wire_message,
    wire_text,
)
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.planning import (
    DEFAULT_EXACT_TEXT_TOKENS,
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    ConfigChoice,
    Sidecar,
    SidecarMaker,
    TextTokenCounter,
    Thetas,
    checked_exact_text_tokens,
    pick_counter,
)
from glyph_shared.rendering import PageStore

DEFAULT_THRESHOLD_TOKENS = 8192
"""Text tokens. Their pages are three or four: with fewer the pages would grow more often, and each
time the text behind them leaves the server's cache."""

DEFAULT_KEEP_LAST = 4
"""Turns: what was just said, and the question."""

_NOTE = "The images above show the earlier turns of this conversation, oldest first.\n\n"


def pages_of_history(
    messages: Sequence[Message],
    *,
    config: ConfigChoice = None,
    threshold_tokens: int = DEFAULT_THRESHOLD_TOKENS,
    keep_last: int = DEFAULT_KEEP_LAST,
    long_text_tokens: int = DEFAULT_LONG_TEXT_TOKENS,
    window: int = DEFAULT_WINDOW,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    max_pages: int | None = None,
    exact_text_tokens: int = DEFAULT_EXACT_TEXT_TOKENS,
    counter: TextTokenCounter | None = None,
    store: PageStore | None = None,
) -> PagedChat:
    """Returns a chat with its older turns drawn as ``User:`` / ``Assistant:`` pages.

        paged = pages_of_history(messages)
        openai.OpenAI(base_url=url).chat.completions.create(model="glyph", messages=paged.messages)

    System messages stay text, at the start. The pages stand at the head of the first user message
    that stays text, or in one of their own where an assistant's comes first. Images of drawn turns
    stay images, in their place among the pages. A tool's result is drawn, or kept, with its call.

    In all that stays text, a single text of ``long_text_tokens`` or more is drawn too, but for some
    lines at both ends. Its pages stand in its own message, or, where that is not a user's, in the
    next one that is.

    Args:
        messages: Those of the OpenAI API, oldest first; not changed. An image may be a page that
            was drawn before, see ``page_link``.
        config: θ; preset ``en`` by default. ``"auto"`` chooses a preset by the kind of text, for
            turns that are drawn together.
        threshold_tokens: Older turns are drawn once they have so many text tokens together.
        keep_last: How many of the last turns, a user's or an assistant's each, stay text.
        long_text_tokens: From how many text tokens on a single text that would stay text is drawn.
        window: Tokens a request may have, the answer included.
        max_tokens: Kept free for the answer.
        max_pages: Images that one request may have; None where the server sets no limit.
        exact_text_tokens: The most text tokens that exact strings of the pages may take as text,
            see ``plan``.
        counter: Who counts text tokens; the best counter on this machine by default. Another one
            may close chunks elsewhere, and what a server cached of them is lost.
        store: Where pages are kept and taken from; by default nowhere.

    Raises:
        OverLengthError: The chat does not fit the window; nothing is ever left out.
        InputError: There is no turn, or a message is not one of the API.
        ConfigError: A setting makes no sense.
    """
    limits = {"threshold_tokens": threshold_tokens, "keep_last": keep_last}
    _check_settings({**limits, "long_text_tokens": long_text_tokens}, exact_text_tokens)
    counter = counter or pick_counter()
    opening, turns = split_turns(with_linked_pages(messages))
    sizes = [counter.count(turn.text) for turn in turns]
    chunks = closed_chunks(sizes, threshold_tokens, keep_last)
    thetas = Thetas(config, "replace")
    drawn = DrawnTurns()
    for start, stop in chunks:
        drawn.add(turns[start:stop], thetas, store)
    stop = chunks[-1][1] if chunks else 0
    long = LongTexts(thetas, counter, long_text_tokens, store)
    divided = _Divided(opening, turns[:stop], turns[stop:], sum(sizes[:stop]), drawn)
    paged = divided.paged(counter, exact_text_tokens, long, window=window, max_tokens=max_tokens)
    paged = replace(paged, linked_pages=count_links(messages))
    check_room(paged, window, max_tokens, max_pages)
    return paged


def closed_chunks(
    sizes: Sequence[int], threshold_tokens: int, keep_last: int
) -> list[tuple[int, int]]:
    """Returns the half-open ranges of turns that are drawn together.

    >>> closed_chunks([3, 3, 3, 3, 3], threshold_tokens=5, keep_last=1)
    [(0, 2), (2, 4)]
    >>> closed_chunks([3, 3, 3, 3], threshold_tokens=5, keep_last=1)
    [(0, 2)]
    """
    chunks: list[tuple[int, int]] = []
    start = total = 0
    for number, size in enumerate(sizes[: max(0, len(sizes) - keep_last)], start=1):
        total += size
        if total >= threshold_tokens:
            chunks.append((start, number))
            start, total = number, 0
    return chunks


def question_and_history(messages: Sequence[Message]) -> tuple[str, str]:
    """Returns the last line of the last user message, and all before it as it would be drawn.

    For a model that reads pages and one question and nothing else, as the embedded reader does;
    system messages are left out. The history is empty where there is one turn alone.

    Raises:
        InputError: There is no question, a message is not one of the API, or there are images.
    """
    _, turns = split_turns(messages)
    if media := [part for turn in turns for part in turn.media]:
        raise InputError(
            f"this model reads pages of its own look only, and the chat brings {media[0]['type']} "
            "parts; leave them out"
        )
    asked = next((turn for turn in reversed(turns) if turn.is_users), None)
    text = message_text(asked.messages[0]).strip() if asked else ""
    if not text:
        raise InputError("there is no question: the last user message of the chat has no text")
    before, _, question = text.rpartition("\n")
    others = [turn.text for turn in turns if turn is not asked]
    return question, BETWEEN_PIECES.join(text for text in (*others, before.strip()) if text)


@dataclass(frozen=True)
class _Divided:
    """A chat whose older turns are drawn and whose last ones are kept as text."""

    opening: Sequence[Message]
    older: Sequence[Turn]
    last: Sequence[Turn]
    older_text_tokens: int
    drawn: DrawnTurns

    def paged(
        self,
        counter: TextTokenCounter,
        exact_text_tokens: int,
        long: LongTexts,
        *,
        window: int,
        max_tokens: int,
    ) -> PagedChat:
        """Puts the request together; exact strings take what the rest leaves of the window."""
        hoisted = (message for turn in self.older for message in turn.system)
        kept = (message for turn in self.last for message in turn.messages)
        stay = [*self.opening, *hoisted, *kept]
        runs = (run for message in stay for run in message_runs(message))
        media = [run for run in runs if not isinstance(run, str)]
        sent = [wire_message(message) for message in long.draw(stay)]
        text_tokens = sum(counter.count(wire_text(message)) for message in sent)
        drawn = DrawnTurns.joined(self.drawn, long.drawn)
        visual_tokens = drawn.visual_tokens + visual_cost(media)
        maker = SidecarMaker(drawn.text, drawn.page_spans, counter)
        spare = max(0, window - max_tokens - visual_tokens - text_tokens)
        sidecar = maker.make((0, len(drawn.pages)), min(exact_text_tokens, spare))
        return PagedChat(
            messages=_with_pages(self.drawn.parts, sidecar, sent),
            pages=tuple(drawn.pages),
            text=drawn.text,
            page_spans=tuple(drawn.page_spans),
            turns_drawn=len(self.older),
            turns_kept=len(self.last),
            drawn_text_tokens=self.older_text_tokens,
            long_text_tokens=counter.count(long.drawn.text),
            kept_text_tokens=text_tokens + sidecar.text_tokens,
            visual_tokens=visual_tokens,
            images=len(media) + len(drawn.parts) - len(drawn.pages),
            sidecar=sidecar,
            tokenizer=counter.name,
            max_tokens=max_tokens,
        )


def _with_pages(older: Sequence[dict[str, Any]], sidecar: Sidecar, sent: Messages) -> Messages:
    """Puts the pages of older turns first, and exact strings behind the last pages."""
    if older:
        place = next(n for n, one in enumerate(sent) if one["role"] not in SYSTEM_ROLES)
        first, lead = sent[place], [*older, text_part(_NOTE)]
        if first["role"] == "user":
            headed = [{**first, "content": [*lead, *(first["content"] or ())]}]
        else:
            headed = [{"role": "user", "content": lead}, first]
        sent = [*sent[:place], *headed, *sent[place + 1 :]]
    return _with_strings(sidecar, sent) if sidecar.text else sent


def _with_strings(sidecar: Sidecar, sent: Messages) -> Messages:
    place = max(n for n, message in enumerate(sent) if image_count([message]))
    parts = sent[place]["content"]
    behind = 1 + max(n for n, part in enumerate(parts) if part["type"] == "image_url")
    # The parts are joined without anything between them.
    parts = [*parts[:behind], text_part(f"{sidecar.text}\n\n"), *parts[behind:]]
    return [*sent[:place], {**sent[place], "content": parts}, *sent[place + 1 :]]


def _check_settings(limits: Mapping[str, object], exact_text_tokens: int) -> None:
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1; got {value!r}")
    checked_exact_text_tokens(exact_text_tokens)
