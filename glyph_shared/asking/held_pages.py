"""Pages that a server took before: later requests name them instead of sending them again.

A page goes with the sha256 of its size and pixels as its ``uuid``. A server that keeps pages by
that name answers a request in which the image is null; if it has dropped one meanwhile it says
"Cache miss", and the request goes once more with all its pages. So it does after any other refusal
of named pages; if that helps, they are sent from then on.

vLLM believes whatever name an image is given first, so whoever may send requests to it could put
another image in a page's place: share one among those who trust each other. The embedded server
checks the names.

=================================================  ==============  ======================
what the server says of itself in ``/v1/models``   ``uuid`` goes   bytes may be left out
=================================================  ==============  ======================
``glyph.keeps_pages`` (the embedded reader)        yes             yes
``owned_by: vllm``, version 0.22 or newer          yes             yes
``owned_by: vllm``, older or of unknown version    yes             no
no owner                                           yes             no
another owner                                      no: it may      no
                                                   refuse it
=================================================  ==============  ======================
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from enum import Enum

from glyph_shared.asking.wire import ModelEntry
from glyph_shared.errors import ServerError

MOST_HELD = 8192
"""Names that a client remembers: some 2 MB. More pages than a server's cache is likely to hold."""

OLDEST_VLLM = (0, 22)
"""The oldest that ``glyph-context[serve]`` installs. Bytes may be left out since September 2025
(vllm-project/vllm#23950), and older releases may answer without the page; seen with 0.32."""

_VERSION = re.compile(r"(\d+)\.(\d+)")


class CacheMiss(ServerError):
    """The server no longer has a page whose bytes were left out."""


class PageNames(Enum):
    """What a server can do with the names of pages."""

    REFUSED = "refused"
    TAKEN = "taken"
    HELD = "held"


def page_names(card: ModelEntry, vllm_version: str | None) -> PageNames:
    """Returns what is known of a server; see the table above."""
    if card.glyph is not None and card.glyph.keeps_pages:
        return PageNames.HELD
    if card.owned_by == "vllm":
        return PageNames.HELD if _is_new_enough(vllm_version) else PageNames.TAKEN
    return PageNames.TAKEN if card.owned_by is None else PageNames.REFUSED


def _is_new_enough(version: str | None) -> bool:
    numbers = _VERSION.match(version or "")
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= OLDEST_VLLM


class HeldPages:
    """The names of pages that one server took, shared by a client's threads and event loops."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self._names: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def among(self, names: Iterable[str]) -> frozenset[str]:
        """Returns those of the names whose pages the server should have."""
        with self._lock:
            return frozenset(name for name in names if name in self._names)

    def add(self, names: Iterable[str]) -> None:
        """Remembers pages that the server just answered about."""
        with self._lock:
            for name in names:
                self._names[name] = None
                self._names.move_to_end(name)
            while len(self._names) > self._most:
                self._names.popitem(last=False)

    def clear(self) -> None:
        """Forgets all: a server that dropped one page may have started anew."""
        with self._lock:
            self._names.clear()
