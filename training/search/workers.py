"""Processes that measure θ: each holds the text, the reader and the questions from its start on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Protocol

from glyph_shared.errors import GlyphError
from training.search.breeding import Child
from training.search.fitness import Fitness, Probe, ready
from training.search.journal import Evaluation

_fitness: list[Fitness] = []
"""Of a worker process: what it measures with, once it has begun."""


class Workers(Protocol):
    """Takes a θ to be measured and promises its evaluation."""

    def submit(self, run: int, number: int, child: Child) -> Future[Evaluation]:
        """Has a child measured as number ``number`` of a run."""


class _Pool:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def submit(self, run: int, number: int, child: Child) -> Future[Evaluation]:
        return self._pool.submit(_measure, run, number, child)


@contextmanager
def workers(probe: Probe, count: int) -> Iterator[Workers]:
    """Gives processes for the length of a ``with`` block, whose end waits for what they are at.

    They end with this process too, however it ends, and leave interrupts to it.
    """
    # A fresh interpreter: threads of clients and servers here do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _begin, (probe,)) as pool:
        try:
            yield _Pool(pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(probe: Probe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Closed by the end of the process, which is when the worker is no longer needed.
    _fitness.append(ExitStack().enter_context(ready(probe)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _measure(run: int, number: int, child: Child) -> Evaluation:
    began = time.monotonic()
    try:
        measured, error = _fitness[0].of(child.genome.config()), ""
    except GlyphError as failure:
        measured, error = None, f"{type(failure).__name__}: {failure}"
    return Evaluation(run, number, child, measured, error, time.monotonic() - began)
