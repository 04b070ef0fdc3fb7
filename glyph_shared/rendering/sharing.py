"""What threads share and a forked process inherits: one lock, and properties that need none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from typing_extensions import Self

Value = TypeVar("Value")

BUILDING = threading.RLock()
"""Held while shapes, or their bitmaps, are added to what all threads of a process draw from.

A fork waits for it, so that the new process finds everything whole and the lock free.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=BUILDING.acquire, after_in_parent=BUILDING.release, after_in_child=BUILDING.release
    )


class cached_property(Generic[Value]):  # noqa: N801 - it stands in for the one of functools
    """A property that is worked out when first asked for, by whichever thread, without a lock.

    Before Python 3.12 that of functools has one lock for all instances: pages would be encoded one
    after the other whatever the number of threads, and a fork meanwhile would leave it locked.
    """

    def __init__(self, work: Callable[[Any], Value]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Value:
        if instance is None:
            return self
        value = self._work(instance)
        instance.__dict__[self._name] = value
        return value
