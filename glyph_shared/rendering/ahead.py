"""Work done ahead by threads, its results in order.

Threads, not processes: deflate runs without the interpreter's lock, and starting a thread costs
nothing, while a process that has imported all this has spent the time of hundreds of pages. Only
what runs without the lock is worth a thread: drawing in several was no faster than in one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 2
"""Jobs begun for each thread: one at work, and one that waits for it."""


def in_order(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """Yields the results of jobs in the order of the jobs, some of them done ahead.

    The threads live as long as the iterator; an error in a job, or closing the iterator, ends them.
    A process forked off meanwhile has none, and does the work itself.
    """
    owner = os.getpid()
    begun: deque[tuple[Job, Future[Result] | None]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="glyph-page")

    def next_result() -> Result:
        job, future = begun.popleft()
        return future.result() if future and os.getpid() == owner else work(job)

    try:
        for job in jobs:
            begun.append((job, pool.submit(work, job) if os.getpid() == owner else None))
            if len(begun) == workers * AHEAD:
                yield next_result()
        while begun:
            yield next_result()
    finally:
        if os.getpid() == owner:
            pool.shutdown(cancel_futures=True)
