"""A relay on the loopback that counts what a client sends through it."""

from __future__ import annotations

import asyncio
import threading
from urllib.parse import urlsplit


class Relay:
    """Hands a TCP port on to a server and counts the bytes on their way there.

    with Relay("http://127.0.0.1:8000/v1") as relay:
        GlyphClient(relay.base_url).ask(...)
        relay.sent
    """

    def __init__(self, base_url: str) -> None:
        target = urlsplit(base_url)
        self._target = (target.hostname, target.port or 80)
        self._path = target.path
        self.sent = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def take(self) -> int:
        """Returns the bytes since the last call."""
        sent, self.sent = self.sent, 0
        return sent

    def __enter__(self) -> Relay:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(serving, self._loop).result()
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}{self._path}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        ways = [
            asyncio.create_task(self._hand_on(reader, there_writer, count=True)),
            asyncio.create_task(self._hand_on(there_reader, writer, count=False)),
        ]
        try:
            # Either side may hang up: the other then learns of it.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there_writer.close()
            writer.close()

    async def _hand_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, count: bool
    ) -> None:
        while data := await source.read(1 << 16):
            if count:
                self.sent += len(data)
            sink.write(data)
            await sink.drain()
