"""Threads that draw ahead change when pages are made, and nothing else."""

import os
import signal
import threading
import warnings
from itertools import count

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig, Renderer, render
from glyph_shared.rendering.ahead import AHEAD, in_order

SMALL = RenderConfig(page_size=(140, 112), margin_x=3, margin_y=3, frame_padding=0)
TEXT = "Whatever the weather, the same pages; however many hands, the same bytes.\n" * 60


def page_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("glyph-page")]


def draw(job):
    return f"page {job}"


@pytest.mark.fault(15)
@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("compat", [False, True])
def test_pages_are_the_same_bytes_however_many_draw_them(workers, compat):
    alone = list(Renderer(SMALL, compat=compat).render(TEXT))
    together = list(Renderer(SMALL, compat=compat, workers=workers).render(TEXT))
    assert [page.png for page in together] == [page.png for page in alone]
    assert [page.lines for page in together] == [page.lines for page in alone]


def test_the_short_way_to_pages_takes_workers_too():
    together = render(TEXT, SMALL, workers=2)
    assert [page.digest for page in together] == [page.digest for page in render(TEXT, SMALL)]


def test_results_keep_the_order_of_jobs_although_later_ones_are_done_first():
    second_done = threading.Event()

    def work(job):
        if job == 0:
            assert second_done.wait(10)
        if job == 1:
            second_done.set()
        return job

    assert list(in_order(work, range(5), 2)) == [0, 1, 2, 3, 4]


def test_few_jobs_are_begun_before_they_are_asked_for():
    begun = []
    results = in_order(draw, (begun.append(job) or job for job in count()), 3)
    for asked in range(1, 6):
        assert next(results) == f"page {asked - 1}"
        assert len(begun) == asked + 3 * AHEAD - 1
    results.close()


def test_pages_of_a_text_in_pieces_come_before_its_end():
    read = []
    pieces = (read.append(number) or TEXT for number in range(1_000))
    pages = Renderer(SMALL, workers=2).render(pieces)
    assert next(pages).index == 0
    assert len(read) < 100


@pytest.mark.fault(61)
def test_an_error_comes_in_its_place_and_ends_the_threads():
    def work(job):
        if job == 2:
            raise ValueError("shape 2 is damaged")
        return job

    results = in_order(work, count(), 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="shape 2"):
        next(results)
    assert not page_threads()


@pytest.mark.fault(57)
@pytest.mark.parametrize("leave", ["close", "interrupt"])
def test_whoever_stops_early_leaves_no_thread_behind(leave):
    pages = Renderer(SMALL, workers=2).render(TEXT)
    next(pages)
    assert page_threads()
    if leave == "close":
        pages.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            pages.throw(KeyboardInterrupt())
    assert not page_threads()


@pytest.mark.fault(62)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_off_midway_goes_on_without_the_threads():
    results = in_order(draw, range(9), 2)
    first = next(results)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of such forks
        child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(0 if [first, *results] == [draw(job) for job in range(9)] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [first, *results] == [draw(job) for job in range(9)]


@pytest.mark.parametrize("workers", [0, -1, 65, "2", None, 1.5])
def test_a_number_of_workers_that_makes_no_sense_is_refused(workers):
    with pytest.raises(ConfigError, match=r"from 1 to 64; got"):
        Renderer(workers=workers)
