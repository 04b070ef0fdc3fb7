"""What docs/training_data.md says about the code is so."""

import re
from pathlib import Path

import pytest

from training.data.settings import KINDS, read_settings
from training.data.space import SPACES
from training.tasks import TASKS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "training_data.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_python_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    exec(code, {})
    assert "The ferry leaves at noon." in capsys.readouterr().out


def test_every_task_source_and_look_is_told():
    first_cells = [
        re.findall(r"^\| (.*?) \|", section(title), re.M) for title in ("Tasks", "Sources")
    ]
    named = [set(re.findall(r"`(\w+)`", " ".join(cells))) for cells in first_cells]
    assert named == [set(TASKS), set(KINDS)]
    assert all(f"`{name}`" in section("Looks") for name in SPACES if name != "table8")


def test_the_commands_have_settings_that_exist():
    pytest.importorskip("yaml")
    commands = re.findall(r"^python -m training\.data --config (\S+) *(.*)$", TEXT, re.M)
    assert len(commands) == 2
    for config, changes in commands:
        read_settings(ROOT / config, changes.partition("#")[0].split())
