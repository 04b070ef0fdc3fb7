"""Every error the project raises, one tree.

::

    GlyphError
    ├── InputError          the text, file or question cannot be used
    │   └── OverLengthError the input needs more than the window or a limit allows
    ├── FontError           a font cannot be read, or no font has a char
    ├── PdfError            a PDF cannot be read within its limits
    ├── ConfigError         a setting is unknown, impossible or contradicts another
    └── ServerError         the model server failed, refused or answered unusably
        ├── RateLimited
        ├── ContextLength
        ├── IncompleteStream
        ├── EmptyResponse
        └── BadResponse

A message says what was wrong, the value received, and the next step. It never holds a key, page
bytes or an object's address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"(<[^<>]*) at 0x[0-9a-fA-F]+")


class GlyphError(Exception):
    """Base of every error raised on purpose by this project."""

    def __init__(self, message: str = "") -> None:
        # ``<object at 0x7f...>`` comes with any value shown and with other libraries' messages;
        # where a process keeps its objects helps those who attack it (CVE-2026-22778).
        super().__init__(_ADDRESS.sub(r"\1", message))


class InputError(GlyphError):
    """The text, file or question cannot be used."""


class OverLengthError(InputError):
    """The input needs more than a window or a limit allows.

    Attributes:
        needed: What the input needs, in the unit the message names.
        limit: What is allowed, in the same unit.
    """

    def __init__(self, message: str, *, needed: int, limit: int) -> None:
        super().__init__(message)
        self.needed = needed
        self.limit = limit


class FontError(GlyphError):
    """A font cannot be read, or no installed font has a shape for some chars.

    Attributes:
        codepoints: The chars without a shape, sorted; empty when the font itself is at fault.
    """

    def __init__(self, message: str, *, codepoints: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.codepoints = tuple(codepoints)


class PdfError(GlyphError):
    """A PDF cannot be read within its limits.

    Attributes:
        reason: One of ``encrypted``, ``no_text``, ``limit``, ``broken``.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class ConfigError(GlyphError):
    """A setting is unknown, impossible, or contradicts another setting."""


class ServerError(GlyphError):
    """The model server failed, refused, or answered in a way that cannot be used.

    Attributes:
        status: The HTTP status, or None when no response came.
        request_id: The server's name for the request, or None.
    """

    def __init__(
        self, message: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class RateLimited(ServerError):
    """The server asked to slow down and still did after the allowed retries."""


class ContextLength(ServerError):
    """The request is longer than the server's window."""


class IncompleteStream(ServerError):
    """A stream ended before the model said it was finished.

    Attributes:
        partial_text: What had arrived by then.
    """

    def __init__(
        self,
        message: str,
        *,
        partial_text: str,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.partial_text = partial_text


class EmptyResponse(ServerError):
    """The server answered without any content."""


class BadResponse(ServerError):
    """The server's answer is not what the API promises (HTML, cut JSON, missing fields)."""


class FontWarning(UserWarning):
    """A font was substituted, or chars were drawn as the visible replacement."""


class CacheWarning(UserWarning):
    """Drawn pages cannot be kept, so they are drawn each time."""


class LeftOutWarning(UserWarning):
    """Something that was given is not read, or not shown to the model."""
