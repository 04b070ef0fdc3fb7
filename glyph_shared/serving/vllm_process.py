"""Starts a vLLM server, waits until it answers, tells why it does not, and stops it cleanly."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from glyph_shared.errors import ConfigError, ServerError
from glyph_shared.serving.vllm_command import (
    VllmConfig,
    find_executable,
    vllm_arguments,
    vllm_environment,
)

POLL_SECONDS = 0.5
STOP_SECONDS = 20.0
"""vLLM finishes or aborts what runs and frees the device; 3 to 4 seconds when idle."""

START_SECONDS = 1800.0
"""Loading 20 GB of weights, perhaps from the model hub first, and compiling."""

LOG_TAIL_LINES = 12
LOG_TAIL_BYTES = 65_536

_CAUSE = re.compile(r"\b(?:[A-Z]\w*(?:Error|Exception)|error): .+")
# vLLM's parent process repeats these after the true cause, which a child printed before; and its
# warnings name errors that have not happened.
_NO_CAUSE = re.compile(r"initialization failed|died unexpectedly|See root cause above|\bWARNING \d")

# A proxy set in the environment must not be asked for a server on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Progress:
    """How far a starting server is."""

    seconds: float
    log_line: str
    """The last line the server wrote."""


ProgressCallback = Callable[[Progress], None]
ReadyCallback = Callable[[str], None]


class VllmServer:
    """One ``vllm serve`` process.

    Example::

        server = VllmServer(vllm_config(model="zai-org/Glyph"))
        server.start()
        try:
            server.wait_until_ready(timeout=1800)
            ...  # ask at server.config.base_url
        finally:
            server.stop()
    """

    def __init__(self, config: VllmConfig, *, log_path: Path | None = None) -> None:
        self.config = config
        self.log_path = log_path or _new_log()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process; it writes to ``log_path``.

        Raises:
            ConfigError: vLLM is not installed, or the port is taken.
        """
        program = find_executable(self.config)
        _require_free_port(self.config)
        with open(self.log_path, "wb", opener=_private) as log:
            self._process = subprocess.Popen(
                [program, "serve", *vllm_arguments(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **vllm_environment(self.config)},
                # Its own group: Ctrl-C reaches this program alone, which then stops the server in
                # order instead of all its processes at once.
                start_new_session=True,
            )

    def wait_until_ready(
        self, *, timeout: float, on_progress: ProgressCallback | None = None
    ) -> None:
        """Returns when the server answers its health check.

        Raises:
            ServerError: It ended, or was not ready in time; the message holds the log's end.
        """
        started = time.monotonic()
        while not is_healthy(self.config.base_url):
            seconds = time.monotonic() - started
            if self.exit_code() is not None:
                raise self.failure(f"ended with exit code {self.exit_code()}")
            if seconds > timeout:
                raise self.failure(f"was not ready after {timeout:.0f} s")
            if on_progress is not None:
                on_progress(Progress(seconds, _last_line(self.log_path)))
            time.sleep(POLL_SECONDS)

    def wait(self) -> int:
        """Blocks until the process ends by itself and returns its exit code."""
        return self._started().wait()

    def exit_code(self) -> int | None:
        """Returns the exit code, or None while the process runs."""
        return self._started().poll()

    def stop(self) -> None:
        """Ends the process and everything it started; does nothing if it has ended."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.terminate()
        self._end_group(self._process)

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        # Engine processes outlive a parent that crashed or was killed, and hold the device.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def failure(self, what: str) -> ServerError:
        """Returns an error that holds the likely cause and the end of the log."""
        cause, tail = _diagnosis(self.log_path)
        reason = f"\ncause: {cause}" if cause else ""
        return ServerError(f"vLLM {what}{reason}\nend of its log {self.log_path}:\n{tail}")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerError("the vLLM server was not started: call start() first")
        return self._process


@contextmanager
def running_vllm(
    config: VllmConfig,
    *,
    timeout: float = START_SECONDS,
    log_path: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> Iterator[VllmServer]:
    """Runs a server for the length of a ``with`` block, which starts when it is ready.

    Raises:
        ConfigError: vLLM is not installed, or the port is taken.
        ServerError: It did not get ready.
    """
    server = VllmServer(config, log_path=log_path)
    with _terminated_in_order():
        try:
            server.start()
            server.wait_until_ready(timeout=timeout, on_progress=on_progress)
            yield server
        finally:
            server.stop()


def serve_vllm(
    config: VllmConfig,
    *,
    timeout: float = START_SECONDS,
    log_path: Path | None = None,
    on_progress: ProgressCallback | None = None,
    ready: ReadyCallback | None = None,
) -> None:
    """Serves until the process is interrupted or terminated.

    Args:
        config: What to serve and how.
        timeout: How long loading may take, in seconds.
        log_path: Where the server's output goes; None is a new file among the temporary ones.
        on_progress: Called twice a second while the model loads.
        ready: Called with the base URL when requests are answered.

    Raises:
        ConfigError: vLLM is not installed, or the port is taken.
        ServerError: The server did not get ready, or ended by itself.
    """
    with running_vllm(
        config, timeout=timeout, log_path=log_path, on_progress=on_progress
    ) as server:
        if ready is not None:
            ready(config.base_url)
        raise server.failure(f"ended by itself with exit code {server.wait()}")


@contextmanager
def _terminated_in_order() -> Iterator[None]:
    """Turns SIGTERM into an exception, so that ``finally`` runs and no server is left behind."""

    def leave(signum: int, frame: object) -> None:
        raise SystemExit(128 + signum)

    # Signals can be handled in the main thread only; elsewhere the program has its own way to end.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def is_healthy(base_url: str, *, timeout: float = 2.0) -> bool:
    """Tells whether a server of this API answers its health check."""
    url = base_url.removesuffix("/v1") + "/health"
    try:
        with _OPENER.open(url, timeout=timeout) as reply:
            return bool(reply.status == 200)
    except (OSError, http.client.HTTPException):  # URLError is an OSError
        return False


def _require_free_port(config: VllmConfig) -> None:
    # Otherwise the health check would be answered by whoever holds the port.
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise ConfigError(
                f"port {config.port} on {config.host} cannot be used ({error.strerror}): "
                "stop what runs there or choose another --port"
            ) from None


def _new_log() -> Path:
    # Not made before the server starts, so a refused start leaves nothing behind.
    return Path(gettempdir()) / f"glyph-vllm-{uuid.uuid4().hex}.log"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read_end(log: Path) -> list[str]:
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LOG_TAIL_BYTES))
        return [line for line in stream.read().decode("utf-8", "replace").splitlines() if line]


def _last_line(log: Path) -> str:
    lines = _read_end(log)
    return lines[-1] if lines else ""


def _diagnosis(log: Path) -> tuple[str, str]:
    """Returns the likely cause ('' if none is seen) and the last lines."""
    lines = _read_end(log)
    causes = [
        match.group()
        for line in lines
        if (match := _CAUSE.search(line)) and not _NO_CAUSE.search(line)
    ]
    return (causes[0] if causes else ""), "\n".join(lines[-LOG_TAIL_LINES:])
