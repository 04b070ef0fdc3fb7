"""The errors of a model that LangChain acts upon, under its name for them and under ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.exceptions import ContextOverflowError

from glyph_shared.errors import ContextLength, OverLengthError


class ChatOverLengthError(OverLengthError, ContextOverflowError):
    """The chat needs more than the window; nothing was sent."""


class ChatContextLength(ContextLength, ContextOverflowError):
    """The server says that the chat is longer than its window."""


@contextmanager
def told_to_langchain() -> Iterator[None]:
    """Raises what does not fit as LangChain's ``ContextOverflowError`` too.

    Its middlewares look for that: one then shortens the chat and asks again.
    """
    try:
        yield
    except OverLengthError as error:
        told: Exception = ChatOverLengthError(str(error), needed=error.needed, limit=error.limit)
    except ContextLength as error:
        told = ChatContextLength(str(error), status=error.status, request_id=error.request_id)
    else:
        return
    raise told
