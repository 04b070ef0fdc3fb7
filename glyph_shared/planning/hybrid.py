"""``overflow="hybrid"``: the passages nearest to the question, at most what one request holds.

Almost every passage shares *some* word with a question, if only "the". A passage that shares none
but such words is not sent although there is room. All others are, because a model that reads a
window whole finds answers that no ranking does: ``python -m tests.benchmarks.hybrid_recall``
measures what a smaller number of passages, by ``max_pages``, would find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, OverLengthError
from glyph_shared.planning.bm25 import Match, bm25_matches
from glyph_shared.planning.budget import Budget
from glyph_shared.planning.drawing import Drawn
from glyph_shared.planning.passages import Passage, excerpt, merged, split_passages
from glyph_shared.planning.picture_pages import PICTURE_FLOOR_DPI, picture_cost

_LEAST_CHARS = 200
MOST_CHARS = 4000
"""The longest passage, about a page."""

_PASSAGES_PER_WINDOW = 8
"""At least so many passages fit a small window; in a large one their chars are bounded."""

WHOLE_FILE_CHARS = 16_000
"""A file of at most so many chars, some four pages, is one passage: it is sent whole or not."""

LEAST_PASSAGES = 8
"""So many are sent whatever words they share: a chance match may be the only telling one."""

NOT_SHARED = "shares no word with the question"
WORDLESS = "a picture without text, which no word can find; there was no room for it"
ONLY_COMMON = "shares only words with the question that most passages hold"
LESS_SIMILAR = "less similar to the question than what fills the window"


@dataclass(frozen=True, slots=True)
class LeftOutText:
    """A stretch of the context that is not sent.

    Attributes:
        document: The document's name.
        char_span: The stretch in the document's text.
        path: The file it begins in.
        line: The line it begins on, from 1.
        source_page: The PDF page it begins on, from 1.
        reason: Why it is not sent.
    """

    document: str
    char_span: tuple[int, int]
    path: str
    line: int
    source_page: int | None
    reason: str

    def __str__(self) -> str:
        """Writes the stretch for people: ``book.txt:120 (4,000 chars)``."""
        place = f"{self.path}:{self.line}"
        if self.source_page is not None:
            place = f"{self.path} p. {self.source_page}"
        return f"{place} ({self.char_span[1] - self.char_span[0]:,} chars)"


@dataclass(frozen=True)
class Retrieved:
    """What is sent of a context, and what is not.

    Attributes:
        documents: The excerpts, in the documents' order.
        drawn: Their pages.
        left_out: All other stretches, in order.
        passages: How many passages are sent.
        of: How many there are.
    """

    documents: list[Document]
    drawn: Drawn
    left_out: tuple[LeftOutText, ...]
    passages: int
    of: int


def retrieve(
    documents: Sequence[Document],
    question: str,
    whole: Drawn,
    budget: Budget,
    draw: Callable[[Sequence[Document]], Drawn],
) -> Retrieved:
    """Finds the passages to send by BM25 and draws them in document order.

    A source page that is shown as a picture and has no text cannot be found by words. Such pages
    follow behind all that was found, in order, while there is room.

    Args:
        documents: The context.
        question: What is asked.
        whole: What the context would cost.
        budget: The room there is.
        draw: Draws documents.

    Raises:
        ConfigError: There is no question to retrieve by.
        OverLengthError: No passage shares a word with the question, or not even one fits.
    """
    if not question.strip():
        raise ConfigError("overflow='hybrid' retrieves by the question, which is empty; give one")
    weight = _Weights(documents, whole)
    room = whole.room(budget) * weight.whole
    share = int(room) // _PASSAGES_PER_WINDOW
    size = min(MOST_CHARS, max(_LEAST_CHARS, share))
    passages = split_passages(documents, size, whole=min(WHOLE_FILE_CHARS, share))
    matches = bm25_matches(
        question, [documents[part.document].text[part.start : part.end] for part in passages]
    )
    ranked = worth_sending(matches)
    ranked += [number for number, part in enumerate(passages) if _is_wordless(part)]
    if not ranked:
        raise _nothing_alike(whole, budget)
    count = _first_guess([weight.of(passages[number]) for number in ranked], room)
    while True:
        chosen = frozenset(ranked[:count])
        excerpts = list(_excerpts(documents, passages, chosen))
        drawn = draw(excerpts)
        if drawn.complete:
            break
        if count == 1:
            raise _too_small(drawn, budget)
        count = max(1, min(count - 1, int(count * drawn.room(budget))))
    left_out = tuple(_left_out(documents, passages, _reasons(matches, ranked), chosen))
    return Retrieved(excerpts, drawn, left_out, count, len(passages))


class _Weights:
    """What passages cost, in chars of drawn text: a picture costs as much as so many chars do."""

    def __init__(self, documents: Sequence[Document], whole: Drawn) -> None:
        shown = [picture for document in documents for picture in document.pictures]
        chars = sum(len(document.text) for document in documents)
        chars -= sum(picture.end - picture.start for picture in shown)
        text_tokens = max(1, whole.visual_tokens - whole.picture_tokens)
        self._chars_per_token = max(1.0, chars / text_tokens)
        self.whole = chars + whole.picture_tokens * self._chars_per_token

    def of(self, passage: Passage) -> float:
        if passage.picture is None:
            return passage.end - passage.start
        return picture_cost(passage.picture, PICTURE_FLOOR_DPI) * self._chars_per_token


def _is_wordless(passage: Passage) -> bool:
    return passage.picture is not None and not passage.picture.has_text


def worth_sending(matches: Sequence[Match]) -> list[int]:
    """Returns the positions of the passages to send if there is room, the best first."""
    ranked = sorted(range(len(matches)), key=lambda number: (-matches[number].score, number))
    return [
        number
        for rank, number in enumerate(ranked)
        if matches[number].telling or (rank < LEAST_PASSAGES and matches[number].score > 0)
    ]


def _reasons(matches: Sequence[Match], ranked: Sequence[int]) -> list[str]:
    """Returns for each passage why it is left out, if it is."""
    reasons = [ONLY_COMMON if match.score > 0 else NOT_SHARED for match in matches]
    for number in ranked:
        reasons[number] = LESS_SIMILAR
    return reasons


def _first_guess(weights: Sequence[float], room: float) -> int:
    """Returns how many of the passages weigh as much as there is room for."""
    taken = 0.0
    for number, weight in enumerate(weights):
        taken += weight
        if taken > room:
            return max(1, number)
    return len(weights)


def _excerpts(
    documents: Sequence[Document], passages: Sequence[Passage], chosen: frozenset[int]
) -> Iterator[Document]:
    kept = [passage for number, passage in enumerate(passages) if number in chosen]
    for position, group in groupby(kept, key=lambda passage: passage.document):
        spans = merged([(passage.start, passage.end) for passage in group])
        yield excerpt(documents[position], spans)


def _left_out(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    reasons: Sequence[str],
    chosen: frozenset[int],
) -> Iterator[LeftOutText]:
    rest = [number for number in range(len(passages)) if number not in chosen]

    def kind(number: int) -> tuple[int, str, str]:
        passage = passages[number]
        path = documents[passage.document].locate(passage.start).path
        reason = WORDLESS if _is_wordless(passage) else reasons[number]
        return passage.document, path, reason

    for (position, _, reason), group in groupby(rest, key=kind):
        document = documents[position]
        for span in merged([(passages[i].start, passages[i].end) for i in group]):
            place = document.locate(span[0])
            yield LeftOutText(
                document.name, span, place.path, place.line, place.source_page, reason
            )


def _nothing_alike(whole: Drawn, budget: Budget) -> OverLengthError:
    return OverLengthError(
        f"the context needs about {whole.visual_tokens:,} visual tokens, a window of "
        f"{budget.window:,} has {budget.context:,} for it, and no passage shares a word with the "
        "question for overflow='hybrid' to retrieve; ask in the text's own words, or use "
        "overflow='map_reduce'",
        needed=whole.visual_tokens,
        limit=budget.context,
    )


def _too_small(drawn: Drawn, budget: Budget) -> OverLengthError:
    return OverLengthError(
        f"the best passage alone needs {drawn.visual_tokens:,} visual tokens on its pages and a "
        f"window of {budget.window:,} has {budget.context:,} for them; use a larger window, a "
        "smaller page_size or dpi, or lower max_tokens",
        needed=drawn.visual_tokens,
        limit=budget.context,
    )
