"""Threads that draw do not stand in each other's way, nor in that of a forked process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glyph_shared.rendering.sharing import cached_property

FORKS = """
import os, signal, threading
from glyph_shared.rendering import Renderer, default_store
renderer = Renderer(missing="replace")

def draw(name):
    # Chars that were not drawn before, so that tables and bitmaps grow all the time.
    text = f"{name} " + "".join(map(chr, range(0x100 + 7 * len(name), 0x180 + 9 * len(name))))
    return [page.png for page in default_store().render(renderer, text)]

def keep_drawing(thread):
    for number in range(10_000):
        draw(f"{thread} {number} {'x' * (number % 300)}")

draw("first")
for thread in range(4):
    threading.Thread(target=keep_drawing, args=(thread,), daemon=True).start()
for number in range(25):
    child = os.fork()
    if not child:
        signal.alarm(30)
        assert draw(f"child {number}") and draw(f"child {'y' * number}")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, f"child {number} waits for ever"
os._exit(0)
"""


@pytest.mark.fault(62)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_while_threads_draw_draws_too():
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


def test_two_pages_may_be_encoded_at_once():
    both = threading.Barrier(2, timeout=10)

    class Page:
        @cached_property
        def png(self):
            both.wait()
            return b"png"

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda page: page.png, [Page(), Page()])) == [b"png"] * 2


def test_a_property_is_worked_out_once():
    class Page:
        worked = 0

        @cached_property
        def png(self):
            """The file."""
            self.worked += 1
            return b"png"

    page = Page()
    assert (page.png, page.png, page.worked) == (b"png", b"png", 1)
    assert Page.png.__doc__ == "The file."
