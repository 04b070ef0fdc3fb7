"""An event loop in a thread of its own, for callers that are not asynchronous.

Blocking sockets cannot keep a total deadline: each read has its own timeout, and a server that
sends a byte now and then meets none of them. On an event loop any wait can be cut short, so the
blocking client runs the same code as the other one, here. It also works where an event loop is
already running, as in a notebook.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from glyph_shared.errors import InputError

_Result = TypeVar("_Result")


class BackgroundLoop:
    """Runs coroutines for blocking callers; the thread starts with the first one."""

    def __init__(self) -> None:
        # What is collected while a thread holds the lock may begin work too, see ``streams``.
        self._lock = threading.RLock()
        self._thread: _LoopThread | None = None
        self._stop: weakref.finalize[..., BackgroundLoop] | None = None

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Returns the result of ``work``; an interruption here (Ctrl-C) cancels it there.

        Raises:
            InputError: The caller is run by this loop, which cannot wait for itself.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise InputError(
                "a handler asked the client whose request it is told of, and both would wait for "
                "each other; ask another client, or ask after the request"
            )
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        """Begins ``work`` without waiting for it."""
        with self._lock:
            return asyncio.run_coroutine_threadsafe(work, self._running().loop)

    def close(self) -> None:
        """Stops the thread; a later ``run`` starts another."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None or self._stop is None or self._stop.detach() is None:
                return
        thread.stop()
        # Not under the lock: what ends in the thread may ask for it.
        if thread is not threading.current_thread():
            thread.join()

    def _running(self) -> _LoopThread:
        # A forked child inherits the loop but not the thread that runs it.
        if self._thread is None or self._thread.pid != os.getpid():
            self._thread = _LoopThread()
            self._thread.start()
            # Not waited for: what is forgotten is collected in any thread, whatever locks it holds.
            self._stop = weakref.finalize(self, self._thread.stop)
            self._stop.atexit = False
            _open.add(self)
        return self._thread


class _LoopThread(threading.Thread):
    """Runs an event loop until it is stopped; ends what is left on it then."""

    def __init__(self) -> None:
        super().__init__(name="glyph-client", daemon=True)
        self.loop = asyncio.new_event_loop()
        self.pid = os.getpid()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def stop(self) -> None:
        """Tells the loop to end, once."""
        self.loop.call_soon_threadsafe(self.loop.stop)


_open: weakref.WeakSet[BackgroundLoop] = weakref.WeakSet()
"""Those that the end of the program closes."""


@atexit.register
def _close_all() -> None:
    for loop in list(_open):
        loop.close()
