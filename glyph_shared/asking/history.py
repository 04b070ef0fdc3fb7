"""Long chats: the older turns become pages, the last ones stay text.

Turns are drawn in chunks. A chunk is closed by the turn that brings it to ``threshold_tokens``,
and drawn once all its turns are older than the last ``keep_last``; it begins on a page of its own.
So a chunk's pages depend on its turns alone, never on what comes later: as a chat grows, pages are
only ever added behind those before, and between two such additions even the text grows only at its
end. A server's prefix cache serves all that did not change, and the page store draws nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glyph_shared.asking.drawn_turns import DrawnTurns, visual_cost
from glyph_shared.asking.prompts import Messages, text_part
from glyph_shared.asking.turns import (
    BETWEEN_PIECES,
    Message,
    Turn,
    message_text,
    split_turns,
    wire_message,
    wire_text,
)
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.planning import (
    CHAT_FRAME,
    DEFAULT_EXACT_TEXT_TOKENS,
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    Sidecar,
    SidecarMaker,
    TextTokenCounter,
    checked_exact_text_tokens,
    counted,
    pick_counter,
)
from glyph_shared.rendering import Page, PageStore, RenderConfig, Renderer

DEFAULT_THRESHOLD_TOKENS = 8192
"""Text tokens. Their pages are three or four: with fewer the pages would grow more often, and each
time the text behind them leaves the server's cache."""

DEFAULT_KEEP_LAST = 4
"""Turns: what was just said, and the question."""

_NOTE = "The images above show the earlier turns of this conversation, oldest first.\n\n"
_TURN_FRAME = 2
"""A role's mark and a line end, in GLM-4.1V's chat format."""


@dataclass(frozen=True)
class PagedChat:
    """A chat as it is sent, and what it costs.

    Attributes:
        messages: The messages for the wire.
        pages: The pages of the older turns, in order.
        text: What is on them.
        page_spans: The chars of ``text`` on each page.
        turns_drawn: How many turns are on pages.
        turns_kept: How many stay text.
        drawn_text_tokens: What the turns on pages would cost as text.
        kept_text_tokens: What goes along as text: system messages, the last turns, exact strings.
        visual_tokens: What pages and images cost, the marks around each included. Of images only
            those that come as PNG data are counted.
        images: How many images, or other parts that are no text, the chat brings itself.
        sidecar: The exact strings of the pages, which go along as text.
        tokenizer: Who counted the text tokens.
    """

    messages: Messages = field(repr=False)
    pages: tuple[Page, ...] = field(repr=False)
    text: str = field(repr=False)
    page_spans: tuple[tuple[int, int], ...] = field(repr=False)
    turns_drawn: int
    turns_kept: int
    drawn_text_tokens: int
    kept_text_tokens: int
    visual_tokens: int
    images: int
    sidecar: Sidecar = field(repr=False)
    tokenizer: str

    @property
    def prompt_tokens(self) -> int:
        """About what the request takes of the window, its answer left out."""
        frames = CHAT_FRAME + _TURN_FRAME * len(self.messages)
        return self.visual_tokens + self.kept_text_tokens + frames

    @property
    def replaced(self) -> int:
        """How many chars no font has; they are drawn as the replacement."""
        return sum(page.replaced for page in self.pages)


def pages_of_history(
    messages: Sequence[Message],
    *,
    config: RenderConfig | None = None,
    threshold_tokens: int = DEFAULT_THRESHOLD_TOKENS,
    keep_last: int = DEFAULT_KEEP_LAST,
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

    Args:
        messages: Those of the OpenAI API, oldest first; not changed.
        config: θ; preset ``en`` by default.
        threshold_tokens: Older turns are drawn once they have so many text tokens together.
        keep_last: How many of the last turns, a user's or an assistant's each, stay text.
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
    _check_settings(threshold_tokens, keep_last, exact_text_tokens)
    counter = counter or pick_counter()
    opening, turns = split_turns(messages)
    sizes = [counter.count(turn.text) for turn in turns]
    chunks = closed_chunks(sizes, threshold_tokens, keep_last)
    renderer = Renderer(config, missing="replace")
    drawn = DrawnTurns()
    for start, stop in chunks:
        drawn.add(turns[start:stop], renderer, store)
    stop = chunks[-1][1] if chunks else 0
    divided = _Divided(opening, turns[:stop], turns[stop:], sum(sizes[:stop]), drawn)
    paged = divided.paged(counter, exact_text_tokens, room=window - max_tokens)
    _check_room(paged, window, max_tokens, max_pages)
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
    """Returns the text of the last user message, and all other turns as they would be drawn.

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
    if asked is None or not (question := message_text(asked.messages[0]).strip()):
        raise InputError("there is no question: the last user message of the chat has no text")
    others = (turn.text for turn in turns if turn is not asked)
    return question, BETWEEN_PIECES.join(text for text in others if text)


@dataclass(frozen=True)
class _Divided:
    """A chat whose older turns are drawn and whose last ones are kept as text."""

    opening: Sequence[Message]
    older: Sequence[Turn]
    last: Sequence[Turn]
    older_text_tokens: int
    drawn: DrawnTurns

    def paged(self, counter: TextTokenCounter, exact_text_tokens: int, *, room: int) -> PagedChat:
        """Puts the request together; exact strings take what the rest leaves of the room."""
        drawn, media = self.drawn, [part for turn in self.last for part in turn.media]
        hoisted = (message for turn in self.older for message in turn.system)
        head = [wire_message(message) for message in (*self.opening, *hoisted)]
        tail = [wire_message(message) for turn in self.last for message in turn.messages]
        text_tokens = sum(counter.count(wire_text(message)) for message in (*head, *tail))
        visual_tokens = drawn.visual_tokens + visual_cost(media)
        maker = SidecarMaker(drawn.text, drawn.page_spans, counter)
        spare = max(0, room - visual_tokens - text_tokens)
        sidecar = maker.make((0, len(drawn.pages)), min(exact_text_tokens, spare))
        return PagedChat(
            messages=[*head, *_with_pages(drawn, sidecar, tail)],
            pages=tuple(drawn.pages),
            text=drawn.text,
            page_spans=tuple(drawn.page_spans),
            turns_drawn=len(self.older),
            turns_kept=len(self.last),
            drawn_text_tokens=self.older_text_tokens,
            kept_text_tokens=text_tokens + sidecar.text_tokens,
            visual_tokens=visual_tokens,
            images=len(media) + len(drawn.parts) - len(drawn.pages),
            sidecar=sidecar,
            tokenizer=counter.name,
        )


def _with_pages(drawn: DrawnTurns, sidecar: Sidecar, tail: Messages) -> Messages:
    if not drawn.parts:
        return tail
    # The parts are joined without anything between them.
    strings = [text_part(f"{sidecar.text}\n\n")] if sidecar.text else []
    lead = [*drawn.parts, *strings, text_part(_NOTE)]
    first, *others = tail
    if first["role"] != "user":
        return [{"role": "user", "content": lead}, *tail]
    return [{**first, "content": [*lead, *(first["content"] or ())]}, *others]


def _check_settings(threshold_tokens: int, keep_last: int, exact_text_tokens: int) -> None:
    for name, value in {"threshold_tokens": threshold_tokens, "keep_last": keep_last}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1; got {value!r}")
    checked_exact_text_tokens(exact_text_tokens)


def _check_room(paged: PagedChat, window: int, max_tokens: int, max_pages: int | None) -> None:
    images = len(paged.pages) + paged.images
    if max_pages is not None and images > max_pages:
        raise OverLengthError(
            f"the chat has {counted(len(paged.pages), 'page')} of older turns and "
            f"{counted(paged.images, 'image')} of its own, and a request may have "
            f"max_pages={max_pages:,}; use a larger page_size, or raise the server's image limit",
            needed=images,
            limit=max_pages,
        )
    room = window - max_tokens
    if paged.prompt_tokens <= room:
        return
    raise OverLengthError(
        f"the chat needs about {paged.prompt_tokens:,} tokens and a window of {window:,} has "
        f"{room:,} for it, {max_tokens:,} being kept for the answer: "
        f"{paged.visual_tokens:,} visual tokens for {counted(paged.turns_drawn, 'older turn')} "
        f"({paged.drawn_text_tokens:,} text tokens by {paged.tokenizer}) and "
        f"{paged.kept_text_tokens:,} text tokens for the system messages and the last "
        f"{counted(paged.turns_kept, 'turn')}; lower keep_last or threshold_tokens, use a denser "
        "θ or a larger window, or sum up the oldest turns",
        needed=paged.prompt_tokens,
        limit=room,
    )
