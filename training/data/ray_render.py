"""Draws examples on a cluster with Ray Data: the files of ``prerender``, one task each.

    python -m training.data.ray_render examples.jsonl pages/ --address auto

Examples and folder lie where every machine sees them. Which machine draws a file makes no
difference to it; after an interruption the same command draws what is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glyph_shared.errors import ConfigError, GlyphError
from training.data.prerender import Shard, plan_shards, read_failed, write_shard


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the examples that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("examples", type=Path, help="JSONL file of examples")
    parser.add_argument("folder", type=Path, help="where the parquet files go")
    parser.add_argument("--shard", type=int, default=64, help="examples in a file")
    parser.add_argument("--address", help="of the cluster; without it, Ray starts on this machine")
    options = parser.parse_args(arguments)
    try:
        shards = plan_shards(options.examples.resolve(), options.folder.resolve(), options.shard)
        _ray().init(address=options.address, ignore_reinit_error=True)
    except GlyphError as error:
        sys.exit(f"error: {error}")
    drawn = render_with_ray(shards)
    failed = sum(len(read_failed(shard)) for shard in shards)
    print(f"{drawn} examples drawn in {options.folder}, {failed} could not be")


def render_with_ray(shards: Sequence[Shard]) -> int:
    """Writes the files that are not there yet, on the Ray that runs; returns how many examples."""
    missing = [shard for shard in shards if not shard.path.exists()]
    if not missing:
        return 0
    rows = [{"shard": number} for number in range(len(missing))]
    # A block a file: Ray's unit of work, and of doing it again where a machine is lost.
    tasks = _ray().data.from_items(rows, override_num_blocks=len(rows))
    done = tasks.map(_Write(missing)).take_all()
    return sum(row["examples"] for row in done)


class _Write:
    """Writes the file of a row's number."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        shard = write_shard(self._shards[row["shard"]])
        return {"examples": shard.end - shard.first}


def _ray() -> Any:
    try:
        import ray
        from ray import data  # noqa: F401 - an extra of its own
    except ImportError:
        raise ConfigError(
            "drawing on a cluster needs Ray: pip install 'glyph-context[ray]'"
        ) from None
    return ray


if __name__ == "__main__":
    main()
