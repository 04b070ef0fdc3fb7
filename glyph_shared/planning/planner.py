"""``plan``: counts, draws and divides a context before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.planning.budget import Budget
from glyph_shared.planning.counters import TextTokenCounter, pick_counter
from glyph_shared.planning.draft import Draft
from glyph_shared.planning.plan import Plan
from glyph_shared.planning.sidecar import DEFAULT_EXACT_TEXT_TOKENS, checked_exact_text_tokens
from glyph_shared.planning.thetas import ConfigChoice, Thetas
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import PageStore

DEFAULT_WINDOW = 131_072
"""The paper's window: 128K tokens."""

DEFAULT_MAX_TOKENS = 8192
"""The paper's limit of an answer, thinking included."""

Context = str | Document | Sequence[str | Document]

Overflow = Literal["error", "denser", "hybrid", "map_reduce"]
"""What may happen to a context that does not fit one request."""


def plan(
    text_or_documents: Context,
    window: int = DEFAULT_WINDOW,
    *,
    config: ConfigChoice = None,
    counter: TextTokenCounter | None = None,
    overflow: Overflow = "error",
    max_tokens: int = DEFAULT_MAX_TOKENS,
    max_pages: int | None = None,
    text_gate: bool = True,
    exact_text_tokens: int = DEFAULT_EXACT_TEXT_TOKENS,
    question: str = "",
    retrieve_by: str = "",
    missing: Literal["error", "replace"] = "replace",
    store: PageStore | None = None,
) -> Plan:
    """Plans how a context is sent: as pages, or as text where that is cheaper.

    Args:
        text_or_documents: A text, a document, or several; each starts on a page of its own.
        window: Tokens a request may have, the answer included.
        config: θ; preset ``en`` by default. ``"auto"`` chooses a preset for each document by its
            kind, see ``Kind``; a document of several files is divided where their kind changes.
        counter: Who counts text tokens; the best counter on this machine by default.
        overflow: What happens to a context that does not fit one request: ``error``; ``denser``
            draws it smaller, down to ``LEGIBILITY_FLOOR_PX``; ``hybrid`` sends the passages
            nearest to the question and lists the others in ``Plan.left_out``; ``map_reduce``
            divides it into windows that are read one by one. Source pages that are shown as
            pictures are drawn at up to ``PICTURE_DPI``, and at down to ``PICTURE_FLOOR_DPI`` where
            that makes all fit one request, under every policy but ``map_reduce``.
        max_tokens: Kept free for the answer, thinking included.
        max_pages: Images that one request may have; None where the server sets no limit.
        text_gate: Whether text that costs no more than its pages, exact strings included, stays
            text.
        exact_text_tokens: The most text tokens of a request that exact strings of its pages
            (UUIDs, long numbers, addresses, see ``find_exact_strings``) may take, because pages
            may be misread by a char; 0 sends none. They take only room that pages leave; what
            does not fit is counted.
        question: All text that goes along with the pages.
        retrieve_by: What ``hybrid`` retrieves passages by; ``question`` where it is empty.
        missing: What happens to a char no font has, see ``Renderer``.
        store: Where pages are kept and taken from; by default nowhere.

    Raises:
        OverLengthError: The context does not fit and ``overflow`` is ``error``, or a single page
            or the question alone does not fit.
        InputError: There is no text.
        ConfigError: A setting makes no sense.
    """
    check_overflow(overflow)
    checked_exact_text_tokens(exact_text_tokens)
    thetas = Thetas(config, missing)
    documents = thetas.parts(as_documents(text_or_documents))
    counter = counter or pick_counter()
    budget = Budget(window, max_tokens, counter.count(question), max_pages)
    keep_all = overflow == "map_reduce"
    whole = Draft.measure(
        documents,
        thetas,
        counter,
        budget,
        text_gate=text_gate,
        keep_all=keep_all,
        store=store,
    )
    if whole.as_text or whole.drawn.complete:
        return whole.plan(exact_text_tokens)
    if overflow == "denser":
        return whole.denser().plan(exact_text_tokens)
    if overflow == "hybrid":
        return whole.hybrid(retrieve_by or question).plan(exact_text_tokens)
    raise _over_length(whole)


def check_overflow(overflow: object) -> None:
    """Refuses a policy that does not exist.

    Raises:
        ConfigError: It does not.
    """
    if overflow not in get_args(Overflow):
        allowed = ", ".join(repr(policy) for policy in get_args(Overflow))
        raise ConfigError(f"overflow must be one of {allowed}; got {overflow!r}")


def as_documents(context: Context) -> list[Document]:
    """Returns a context as documents.

    Raises:
        InputError: There is none, or one is empty.
    """
    if not isinstance(context, Sequence | Document):
        raise InputError(f"give a text, a Document or a list of them; got {context!r}")
    parts = [context] if isinstance(context, (str, Document)) else list(context)
    if other := [part for part in parts if not isinstance(part, str | Document)]:
        raise InputError(f"each part must be a text or a Document; got {other[0]!r}")
    if not parts:
        raise InputError("no documents were given; give at least one text or document")
    documents = [
        Document.from_text(part, "text" if len(parts) == 1 else f"text {number}")
        if isinstance(part, str)
        else part
        for number, part in enumerate(parts, start=1)
    ]
    for document in documents:
        if not document.text.strip():
            raise InputError(f"{document.name} is empty or whitespace; leave it out or give text")
    return documents


def _over_length(whole: Draft) -> OverLengthError:
    report, drawn, budget = whole.report, whole.drawn, whole.budget
    about = "" if drawn.exact else "about "
    if budget.max_pages is not None and drawn.visual_tokens <= budget.context:
        return OverLengthError(
            f"the context is {counted(drawn.page_count, 'page')} and a request may have "
            f"max_pages={budget.max_pages:,}; raise the server's image limit, use a larger "
            "page_size, or overflow='hybrid' or 'map_reduce'",
            needed=drawn.page_count,
            limit=budget.max_pages,
        )
    shown = ""
    if drawn.picture_dpi is not None:
        shown = f", source pages among them at {drawn.picture_dpi} dpi, the least that is legible"
    return OverLengthError(
        f"the context needs {about}{drawn.visual_tokens:,} visual tokens ({about}"
        f"{counted(drawn.page_count, 'page')}{shown}; as text {report.text_tokens:,} tokens by "
        f"{report.tokenizer}) and a window of {budget.window:,} has {budget.context:,} for it, "
        f"{budget.reserve:,} being kept for question and answer; use overflow='map_reduce', "
        "'hybrid' or 'denser', a denser θ (newline_markup drawn, lower dpi), a larger window or "
        "less text",
        needed=drawn.visual_tokens,
        limit=budget.context,
    )
