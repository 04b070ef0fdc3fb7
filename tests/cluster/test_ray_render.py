"""Drawing on a cluster, here of one machine; `make test-ray` runs it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="needs .venv-ray: make test-ray")

from training.data.example_file import write_examples  # noqa: E402
from training.data.invented import invented_records  # noqa: E402
from training.data.material import Material  # noqa: E402
from training.data.prerender import (  # noqa: E402
    DrawnDataset,
    plan_shards,
    prerender,
    read_failed,
)
from training.data.ray_render import render_with_ray  # noqa: E402
from training.tasks import Example, Pages  # noqa: E402
from training.tasks.example import user  # noqa: E402
from training.tasks.reading import MaskedSpans  # noqa: E402

# Ray warns of its own future.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    environment = {"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env=environment)
    yield
    ray.shutdown()


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    material = Material(invented_records(4, chars=1000))
    task = MaskedSpans(chars=800)
    made = [task.example(random.Random(n), material, f"e{n}").with_pages("en", n) for n in range(8)]
    blank = Example("blank", "ocr", (user(Pages(" ", "en")),), "")
    write_examples(tmp_path / "examples.jsonl", [*made, blank])
    return tmp_path / "examples.jsonl"


def test_a_cluster_writes_the_files_that_one_process_does(examples: Path, tmp_path: Path):
    alone = plan_shards(examples, tmp_path / "alone", 2)
    prerender(alone)
    shards = plan_shards(examples, tmp_path / "cluster", 2)
    assert render_with_ray(shards) == 9
    for one, other in zip(alone, shards, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
    assert [row["number"] for row in read_failed(shards[-1])] == [8]
    assert len(DrawnDataset(tmp_path / "cluster")) == 8


def test_a_cluster_draws_only_what_is_missing(examples: Path, tmp_path: Path):
    shards = plan_shards(examples, tmp_path / "pages", 2)
    prerender(shards[:3])
    before = [shard.path.stat().st_mtime_ns for shard in shards[:3]]
    assert render_with_ray(shards) == 3
    assert [shard.path.stat().st_mtime_ns for shard in shards[:3]] == before
    assert render_with_ray(shards) == 0
