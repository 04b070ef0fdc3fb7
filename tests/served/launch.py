"""Starts the reader's weights in a real vLLM on this machine's CPU, through ``glyph serve``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glyph_shared.reader.card import ReaderCard
from tests.served.server import comes_true, is_answering

ROOT = Path(__file__).parents[2]
WEIGHTS = Path(os.environ.get("GLYPH_READER_WEIGHTS", ROOT / "glyph_shared" / "reader" / "weights"))
PROGRAM = Path(os.environ.get("GLYPH_VLLM", ROOT / ".venv-vllm" / "bin" / "vllm"))
NAME = ReaderCard.load(WEIGHTS).name

WINDOW = 16_384
"""Forty pages of the reader's and an answer; it was trained on fewer, so their answer is poor."""
MAX_PAGES = 44
START_SECONDS = 600.0
STOP_SECONDS = 60.0

ON_A_CPU = {
    "OMP_NUM_THREADS": "2",
    "HF_HUB_OFFLINE": "1",
    # Compiling takes longer than everything that is asked here.
    "TORCH_COMPILE_DISABLE": "1",
    # One core is enough: vLLM's own binding refuses machines with few.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
SMALL = (
    "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "4",
    "--kv-cache-memory-bytes", str(512 * 2**20), "--mm-processor-cache-gb", "0.5",
)  # fmt: skip


@contextmanager
def glyph_serve(log: Path, *, api_key: str | None = None) -> Iterator[str]:
    """Runs ``glyph serve`` for the length of a ``with`` block and gives the base URL."""
    port = _free_port()
    base_url = f"http://127.0.0.1:{port}/v1"
    command = [
        *(sys.executable, "-m", "glyph_shared.cli", "serve", "--model", str(WEIGHTS)),
        *("--served-name", NAME, "--port", str(port), "--no-thinking", "--tools"),
        *("--max-model-len", str(WINDOW), "--max-pages", str(MAX_PAGES), "--", *SMALL),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=_environment(api_key))
    try:
        comes_true(
            lambda: is_answering(base_url) or process.poll() is not None, seconds=START_SECONDS
        )
        if not is_answering(base_url):
            raise RuntimeError(log.read_text(encoding="utf-8", errors="replace"))
        yield base_url
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _environment(api_key: str | None) -> dict[str, str]:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **ON_A_CPU, "PATH": path}
    variables.pop("GLYPH_API_KEY", None)
    return variables if api_key is None else {**variables, "GLYPH_API_KEY": api_key}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
