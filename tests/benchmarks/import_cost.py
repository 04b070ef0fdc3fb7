"""What importing each package costs beside the library that it stands on, in CPU time.

    python -m tests.benchmarks.import_cost [ROUNDS]

Each import has a fresh interpreter; the interpreter's own start is taken off, and the least of the
rounds counts.
"""

from __future__ import annotations

import resource
import subprocess
import sys

PEERS = {
    "glyph_shared": "openai",
    "langchain_glyph": "langchain.agents, langchain_openai",
    "llama_index_glyph": "llama_index.core, llama_index.llms.openai_like",
}
_ROUNDS = 5


def cpu_seconds(modules: str, rounds: int) -> float:
    """Returns the least CPU time that importing modules took in a fresh interpreter."""
    return max(0.0, _started(f"import {modules}", rounds) - _started("pass", rounds))


def _started(program: str, rounds: int) -> float:
    return min(_spent(program) for _ in range(rounds))


def _spent(program: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run((sys.executable, "-c", program), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rounds: int) -> None:
    for package, peer in PEERS.items():
        own, others = cpu_seconds(package, rounds), cpu_seconds(peer, rounds)
        sys.stdout.write(
            f"{package}: {own / others:.2f} times {peer} ({own:.2f} s against {others:.2f} s)\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS)
