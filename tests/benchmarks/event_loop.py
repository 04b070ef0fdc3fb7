"""How long an event loop stands still while ``ChatGlyph`` draws and sends a long text.

    python -m tests.benchmarks.event_loop [CHARS]

Beside it stands what the whole call takes; each of the three texts is new to the page store.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pydoc_data.topics import topics

from langchain_glyph import ChatGlyph
from tests.scripted_server import ScriptedServer, answer

_CHARS = 200_000
_BEAT_SECONDS = 0.001


async def _longest_pause(call: asyncio.Task[object]) -> float:
    """Returns the longest time for which the loop did nothing else, in seconds."""
    longest = 0.0
    while not call.done():
        before = time.perf_counter()
        await asyncio.sleep(_BEAT_SECONDS)
        longest = max(longest, time.perf_counter() - before - _BEAT_SECONDS)
    return longest


async def _measure(model: ChatGlyph, text: str) -> str:
    begun = time.perf_counter()
    call = asyncio.create_task(model.ainvoke(text))
    longest = await _longest_pause(call)
    pages = call.result().response_metadata["pages"]
    whole = time.perf_counter() - begun
    return f"{pages} pages: longest pause {longest * 1e3:.0f} ms, the call {whole * 1e3:.0f} ms"


def main(chars: int) -> None:
    os.environ["GLYPH_CACHE_DIR"] = tempfile.mkdtemp()
    text = "".join(topics.values())[:chars]
    with ScriptedServer(answer("yes")) as server:
        model = ChatGlyph(base_url=server.base_url)
        for number in range(4):
            told = asyncio.run(_measure(model, f"{number}\n{text if number else ''}\nWho?"))
            if number:
                sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _CHARS)
