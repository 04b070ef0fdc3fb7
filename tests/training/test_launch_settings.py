"""What accelerate makes of the settings for several GPUs; no GPU is needed to read them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs .venv-train: make test-train")

import yaml  # noqa: E402
from accelerate.commands.config.config_args import load_config_from_file  # noqa: E402
from accelerate.commands.launch import launch_command_parser  # noqa: E402
from transformers.models.glm4v import modeling_glm4v  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")

CONFIGS = Path("training/configs")
SHOW = "import os; print(*(f'{k}={v}' for k, v in os.environ.items() if k.startswith('FSDP')))"


@pytest.mark.parametrize(("name", "kind"), [("fsdp2", "FSDP"), ("deepspeed_zero3", "DEEPSPEED")])
def test_accelerate_reads_a_file_and_knows_each_of_its_settings(name, kind):
    read = load_config_from_file(str(CONFIGS / f"{name}.yaml"))
    assert (read.distributed_type.value, read.num_processes) == (kind, 8)
    assert read.mixed_precision == "bf16"
    known = vars(launch_command_parser().parse_args(["script.py"]))
    told = {**read.fsdp_config, **read.deepspeed_config}
    assert told
    assert set(told) <= set(known)


def test_layers_that_are_shared_are_those_of_the_model():
    told = yaml.safe_load((CONFIGS / "fsdp2.yaml").read_text(encoding="utf-8"))
    wrapped = told["fsdp_config"]["fsdp_transformer_layer_cls_to_wrap"].split(",")
    blocks = {name for name in vars(modeling_glm4v) if name.endswith(("DecoderLayer", "Block"))}
    assert set(wrapped) <= blocks


def test_a_launch_hands_the_settings_on_to_its_processes(tmp_path):
    done = _launched("fsdp2", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "FSDP_VERSION=2" in done.stdout
    assert "FSDP_TRANSFORMER_CLS_TO_WRAP=Glm4vTextDecoderLayer,Glm4vVisionBlock" in done.stdout


def test_deepspeed_is_all_that_a_launch_with_it_lacks(tmp_path):
    done = _launched("deepspeed_zero3", tmp_path)
    assert done.returncode == 0 or "DeepSpeed is not installed" in done.stderr


def _launched(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "show.py"
    script.write_text(SHOW, encoding="utf-8")
    settings = ("--num_processes", "1", "--config_file", str(CONFIGS / f"{name}.yaml"))
    command = (sys.executable, "-m", "accelerate.commands.launch", *settings, str(script))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)
