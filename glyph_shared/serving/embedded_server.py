"""Runs the embedded reader's HTTP API on loopback, in the foreground or beside a program."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from glyph_shared.errors import ConfigError, ServerError
from glyph_shared.serving.embedded_app import CONCURRENCY, embedded_app
from glyph_shared.serving.reader_protocol import PageReader

HOST = "127.0.0.1"
"""Loopback alone: the API has no rate limit, and one answer may keep a core busy for minutes."""

HIGHEST_PORT = 65_535
BACKLOG = 128
GRACE_SECONDS = 2
"""What answers that still run are given when the server stops."""

START_SECONDS = 30.0

ReadyCallback = Callable[[str], None]


def serve_embedded(
    reader: PageReader,
    *,
    port: int = 8000,
    api_key: str | None = None,
    concurrency: int = CONCURRENCY,
    ready: ReadyCallback | None = None,
) -> None:
    """Serves until the process is interrupted or terminated.

    Args:
        reader: The model that answers.
        port: 0 takes a free one.
        api_key: If given, clients must send it.
        concurrency: Answers generated at once; further requests wait.
        ready: Called with the base URL when requests are answered.

    Raises:
        ConfigError: The port is taken.
    """
    with _listen(port) as listener:
        app = embedded_app(reader, api_key=api_key, concurrency=concurrency)
        _server(app, listener, ready).run(sockets=[listener])


@contextmanager
def running_embedded(
    reader: PageReader,
    *,
    port: int = 0,
    api_key: str | None = None,
    concurrency: int = CONCURRENCY,
) -> Iterator[str]:
    """Serves in a thread for the length of a ``with`` block and gives the base URL.

    Example::

        with running_embedded(Reader.load()) as base_url:
            answer = GlyphClient(base_url=base_url).ask("Who wrote it?", pages)

    Raises:
        ConfigError: The port is taken.
    """
    started = threading.Event()
    app = embedded_app(reader, api_key=api_key, concurrency=concurrency)
    with _listen(port) as listener:
        server = _server(app, listener, lambda url: started.set())
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="glyph-reader", daemon=True
        )
        thread.start()
        try:
            if not started.wait(START_SECONDS):
                raise ServerError(f"the embedded reader did not start within {START_SECONDS:.0f} s")
            yield _base_url(listener)
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _server(app: Starlette, listener: socket.socket, ready: ReadyCallback | None) -> _Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        # Request lines are no news to anybody, and errors reach the caller's logging.
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    url = _base_url(listener)
    return _Server(config, lambda: ready(url) if ready is not None else None)


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= HIGHEST_PORT:
        raise ConfigError(f"port must be from 0 (any free one) to {HIGHEST_PORT}; got {port}")
    try:
        return socket.create_server((HOST, port), backlog=BACKLOG)
    except OSError as error:
        # Python adds "(while attempting to bind …)", which says nothing new.
        reason = str(error.strerror).partition(" (")[0]
        raise ConfigError(
            f"port {port} on {HOST} cannot be used ({reason}): stop what runs there or "
            "choose another --port"
        ) from None


def _base_url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}/v1"
