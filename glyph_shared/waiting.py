"""Waits that end: for work that has so much time, and for what it has still to close."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class TimeIsUp(TimeoutError):
    """The work did not end in time; it was cancelled and has ended since."""


async def within(work: Awaitable[_Result], seconds: float | None) -> _Result:
    """Awaits ``work``, which is cancelled when the time is up, and has ended when this returns.

    ``asyncio.wait_for`` of Python 3.10 and 3.11 forgets that its caller was cancelled where the
    work ends just then: what was interrupted would go on, and the clock around it be lost.

    Args:
        work: What is awaited; with no seconds left it does not begin.
        seconds: How long; None for as long as it takes.

    Raises:
        TimeIsUp: The time is up.
    """
    task = asyncio.ensure_future(work)
    try:
        if seconds is None or seconds > 0:
            await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _end(task)
        raise
    if not task.done():
        await _end(task)
        if task.cancelled():
            raise TimeIsUp
    return task.result()


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancels a task once and waits until it has closed what it opened.

    Raises:
        CancelledError: The caller was cancelled meanwhile, which does not cut the closing short.
    """
    task.cancel()
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            interruption = error
    if not task.cancelled():
        task.exception()  # Looked at, or asyncio would report it as forgotten.
    if interruption is not None:
        raise interruption
