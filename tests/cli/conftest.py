from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from glyph_shared.cli import app
from glyph_shared.reader import Reader
from tests.cli.knowing_reader import KnowingReader

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs the command in an empty folder, 200 columns wide, without colours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()

    def run(*arguments: object, input: str | bytes | None = None) -> Result:
        result = runner.invoke(app, [str(argument) for argument in arguments], input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> KnowingReader:
    """Stands in for the embedded reader, so that no test depends on how well that reads."""
    made = KnowingReader()
    monkeypatch.setattr(Reader, "load", classmethod(lambda cls, directory=None: made))
    return made
