"""A real vLLM on this machine's CPU beside the embedded server, both with the reader's weights.

Runs under ``pytest -m server tests/vllm`` alone: starting takes half a minute and three gigabytes.
``install.sh`` makes the environment. ``GLYPH_READER_WEIGHTS`` names another exported folder.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from glyph_shared.reader import Reader
from glyph_shared.serving import VllmConfig, VllmServer, running_embedded, running_vllm, vllm_config

ROOT = Path(__file__).parents[2]
WEIGHTS = Path(os.environ.get("GLYPH_READER_WEIGHTS", ROOT / "glyph_shared" / "reader" / "weights"))
PROGRAM = Path(os.environ.get("GLYPH_VLLM", ROOT / ".venv-vllm" / "bin" / "vllm"))

ON_A_CPU = {
    "OMP_NUM_THREADS": "2",
    "HF_HUB_OFFLINE": "1",
    # Compiling takes longer than everything these tests ask for.
    "TORCH_COMPILE_DISABLE": "1",
    # One core is enough: vLLM's own binding refuses machines with few.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
SMALL = (
    "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "4",
    "--kv-cache-memory-bytes", str(256 * 2**20),
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves these tests out unless they are asked for by their mark."""
    if "server" in (config.option.markexpr or ""):
        return
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.skip(reason="starts vLLM: run `make test-vllm`"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def reader_config(**settings: object) -> VllmConfig:
    chosen: dict[str, object] = {
        "model": str(WEIGHTS),
        "served_name": Reader.name,
        "port": free_port(),
        "max_model_len": Reader.max_model_len,
        "mm_cache_gib": 0.5,
        "reasoning_parser": None,
        "executable": str(PROGRAM),
        "environment": ON_A_CPU,
        "extra_args": SMALL,
    }
    return vllm_config(**chosen | settings)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load(WEIGHTS)


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    with running_vllm(reader_config(), log_path=log, timeout=600) as server:
        yield server


@pytest.fixture(scope="session")
def embedded(reader: Reader) -> Iterator[str]:
    with running_embedded(reader) as base_url:
        yield base_url
