"""The event loop behind the blocking client: no way of ending it hangs."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from glyph_shared.asking.background import BackgroundLoop
from glyph_shared.errors import InputError

_LONG = 10.0
"""Seconds after which a thread counts as stuck."""


async def _nothing() -> None: ...


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    made = BackgroundLoop()
    yield made
    made.close()


def _ends(work: Callable[[], object]) -> bool:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_LONG)
    return not thread.is_alive()


def test_a_closed_loop_runs_again(loop: BackgroundLoop) -> None:
    assert loop.run(asyncio.sleep(0, 1)) == 1
    loop.close()
    assert loop.run(asyncio.sleep(0, 2)) == 2


def test_closing_ends_what_runs(loop: BackgroundLoop) -> None:
    future = loop.start(asyncio.Event().wait())
    assert _ends(loop.close)
    assert future.cancelled()


def test_work_may_start_more_work_while_its_loop_is_closed(loop: BackgroundLoop) -> None:
    """As iterators do that are forgotten and collected just then."""
    begun = threading.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            loop.start(_nothing())

    loop.start(work())
    assert begun.wait(_LONG)
    assert _ends(loop.close)


def test_work_that_waits_for_its_own_loop_is_refused(loop: BackgroundLoop) -> None:
    """As a handler of events would that asks the client whose request it is told of."""

    async def work() -> None:
        loop.run(_nothing())

    future = loop.start(work())
    with pytest.raises(InputError, match="another client"):
        future.result(_LONG)


def test_a_forgotten_loop_ends_its_thread_without_being_waited_for() -> None:
    release = threading.Event()
    anyway = threading.Timer(_LONG, release.set)
    anyway.start()
    loop = BackgroundLoop()
    loop.start(asyncio.to_thread(release.wait))
    loop.run(_nothing())
    thread = loop._thread
    assert thread is not None
    del loop
    gc.collect()
    assert not release.is_set()
    anyway.cancel()
    release.set()
    thread.join(_LONG)
    assert not thread.is_alive()


PROGRAM = """
import asyncio
from glyph_shared.asking.background import BackgroundLoop

async def lasting():
    try:
        await asyncio.Event().wait()
    finally:
        print("closed", flush=True)

loop = BackgroundLoop()
loop.start(lasting())
loop.run(asyncio.sleep(0))
"""


def test_the_end_of_the_program_closes_what_is_open() -> None:
    program = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
