"""What a caller may say about one question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypedDict, get_args

from glyph_shared.asking.endpoint import checked_seconds
from glyph_shared.asking.watching import Watch
from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError
from glyph_shared.names import check_names
from glyph_shared.planning import (
    ConfigChoice,
    Overflow,
    check_choice,
    check_overflow,
    checked_exact_text_tokens,
)

Combine = Literal["best_supported", "summarise"]

Refine = Literal["hidpi", "text"]
"""How the pages that an answer rests on may be looked at again."""


@dataclass(frozen=True)
class Progress:
    """How far the reading of windows has come.

    Attributes:
        windows_done: Windows read, or tried in vain.
        windows_total: All windows.
        pages_done: Pages of the windows done.
        pages_total: All pages.
    """

    windows_done: int
    windows_total: int
    pages_done: int
    pages_total: int


class AskOptions(TypedDict, total=False):
    """The keywords of ``ask``, ``stream`` and ``ask_many``; all may be left out."""

    config: ConfigChoice
    """How text is drawn; else what the server names, else the preset ``en``. ``"auto"`` chooses a
    preset for each document by its kind, but a look that the server names goes before it. Not for
    pages that are drawn already."""
    max_tokens: int | None
    """The longest reply; else the client's sampling, or an eighth of a small server's window."""
    timeout: float | None
    """Seconds for one request from its sending to its last byte, further calls included; else
    the client's. Windows are requests of their own: see ``time_budget``."""
    overflow: Overflow | None
    """What to do with text beyond the window: an ``error``; draw it ``denser``; send the passages
    nearest to the question (``hybrid``); or read it window by window (``map_reduce``). Else the
    last for ``best_supported``, an error otherwise."""
    window: int | None
    """Tokens a request may have, where the server does not say, or has more."""
    max_pages: int | None
    """The most pages one request may have, where the server does not allow fewer; else no limit
    but the window."""
    exact_text_tokens: int | None
    """The most text tokens of a request that exact strings of its pages (UUIDs, long numbers,
    addresses) may take, sent as text because pages may be misread by a char; 0 sends none. Else
    2048; never for the embedded reader, which sees no text (under plain vLLM it is known by
    ``config=RenderConfig.preset("reader")``). A plan brings its own, if not 0; pages bring none
    without their ``source``."""
    cite: bool | None
    """Whether the prompt asks for page citations; else where ``refine`` goes by them, and unless
    the answers are weighed only by their probability, as the embedded reader's are."""
    combine: Combine | None
    """How windows' answers become one: the most probable, or a further request that sums them up;
    else what the server names, else ``summarise``."""
    system: str | None
    """A system prompt."""
    source: str | Document | None
    """What pages were drawn from, to find citations and exact strings in; a text or a plan brings
    its own."""
    concurrency: int | None
    """How many windows are asked at once; else 1 for ``best_supported``, 4 otherwise."""
    time_budget: float | None
    """Seconds after which no further window is begun, and no second look; the answer lists what
    was left out."""
    refine: Refine | None
    """Asks again about the pages that the answer rests on: drawn from their text at a higher dpi
    (``hidpi``), or their source as text (``text``). Else one look is enough. The second answer
    replaces the first, unless it is none; ``Answer.refined`` tells. It needs the text: pages bring
    theirs as ``source``. The embedded reader can do neither."""
    answer_schema: Mapping[str, Any] | None
    """A JSON schema that the answer follows: servers as vLLM hold the model to it. Pages are then
    not cited by the model, unless ``cite`` says so. Where windows are summed up, only the request
    that does it follows the schema. Not for the embedded reader."""
    progress: Callable[[Progress], None] | None
    """Called after each window, in the thread that runs the requests."""
    watch: Watch | None
    """Opened around each request, on the event loop that runs it; told what is sent, with pages by
    their names, and what comes back."""


@dataclass(frozen=True)
class Options:
    """The same, checked and with defaults filled in."""

    config: ConfigChoice = None
    max_tokens: int | None = None
    timeout: float | None = None
    overflow: Overflow | None = None
    window: int | None = None
    max_pages: int | None = None
    exact_text_tokens: int | None = None
    cite: bool | None = None
    combine: Combine | None = None
    system: str | None = None
    source: str | Document | None = None
    concurrency: int | None = None
    time_budget: float | None = None
    refine: Refine | None = None
    answer_schema: Mapping[str, Any] | None = None
    progress: Callable[[Progress], None] | None = None
    watch: Watch | None = None

    @classmethod
    def check(cls, given: Mapping[str, Any]) -> Options:
        """Returns the options of a call.

        Raises:
            ConfigError: A name is unknown or a value impossible.
        """
        check_names("a question", given, (field.name for field in fields(cls)))
        options = cls(**given)
        check_choice(options.config)
        for name in ("timeout", "time_budget"):
            if given.get(name) is not None:
                checked_seconds(name, given[name])
        if options.exact_text_tokens is not None:
            checked_exact_text_tokens(options.exact_text_tokens)
        for name in ("max_tokens", "window", "max_pages", "concurrency"):
            value = given.get(name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ConfigError(f"{name} must be a whole number of at least 1; got {value!r}")
        if options.overflow is not None:
            check_overflow(options.overflow)
        if options.combine not in (None, "best_supported", "summarise"):
            raise ConfigError(
                f"combine must be 'best_supported' or 'summarise'; got {options.combine!r}"
            )
        if options.refine not in (None, *get_args(Refine)):
            raise ConfigError(f"refine must be 'hidpi' or 'text'; got {options.refine!r}")
        if not isinstance(options.answer_schema, Mapping | None):
            raise ConfigError(
                f"answer_schema must be a JSON schema, as a mapping; got {options.answer_schema!r}"
            )
        return options
