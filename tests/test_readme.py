"""README is run: its Python blocks, its shell lines, its links and its figures' commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glyph_shared.cli import app
from glyph_shared.planning import DEFAULT_BASE_URL
from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

# What would take minutes or a GPU is run in its short form.
SHORTENED = {"glyph demo": ("--seconds", "1"), "glyph serve": ("--show",)}
BOOK = "The rain stopped. The access code of the Lisbon office is 4711. Nobody went out.\n" * 3


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _lines(program: str) -> list[str]:
    lines = (line for block in _blocks("bash") for line in block.splitlines())
    return [line for line in lines if line.startswith(f"{program} ")]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with running_embedded(Reader.load()) as url:
        yield url


@pytest.fixture
def book_folder(tmp_path: Path, base_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a book, and a server where the README's programs look for one."""
    (tmp_path / "book.txt").write_text(BOOK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLYPH_BASE_URL", base_url)
    return tmp_path


@pytest.mark.parametrize("block", _blocks("python"))
def test_python_blocks_run(block, book_folder, base_url, capsys):
    program = block.replace(DEFAULT_BASE_URL, base_url)
    exec(compile(program, "README.md", "exec"), {})
    assert "visual tokens" in capsys.readouterr().out


@pytest.mark.parametrize("line", _lines("glyph"))
def test_shell_lines_run(line, book_folder):
    words = shlex.split(line, comments=True)
    added = SHORTENED.get(shlex.join(words), ())
    result = CliRunner().invoke(app, [*words[1:], *added])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()


def test_there_is_something_to_run():
    assert len(_blocks("python")) >= 4
    assert len(_lines("glyph")) >= 7


@pytest.mark.parametrize("line", _lines("make"))
def test_make_targets_exist(line):
    for target in shlex.split(line, comments=True)[1:]:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("line", _lines("pip"))
def test_installed_extras_exist(line):
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"\[(.+?)\]", line):
        assert re.search(rf"^{extra} = \[", pyproject, re.MULTILINE)


def test_only_what_needs_no_index_is_installed():
    targets = [shlex.split(line, comments=True)[2] for line in _lines("pip")]
    assert targets
    assert all(target.partition("[")[0] == "." for target in targets)


def test_a_block_says_which_lines_need_a_server():
    [block] = [block for block in _blocks("bash") if "glyph ask" in block]
    without, _, with_server = block.partition("# this needs one")
    asked = [line for line in without.splitlines() if line.startswith("glyph ask")]
    assert asked
    assert all("--embedded" in line for line in asked)
    assert "glyph serve --embedded" in with_server


def test_links_into_the_repository_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://)(.+?)\)", README)
    named = re.findall(r"`([\w/]+\.md|training/\w+)`", README)
    assert targets
    assert all((ROOT / target).exists() for target in [*targets, *named])


def test_python_blocks_are_short_enough_to_read():
    assert all(len(block.splitlines()) <= 12 for block in _blocks("python"))
