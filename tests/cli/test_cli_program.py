from __future__ import annotations

from importlib.metadata import version

import pytest

from glyph_shared.cli.program import exit_code
from glyph_shared.errors import ConfigError, FontError, InputError, PdfError, RateLimited

COMMANDS = ("count", "render", "ask", "serve", "demo", "doctor")


def test_the_version_is_the_distributions(run):
    assert run("--version").stdout.split() == ["glyph-context", version("glyph-context")]


def test_without_arguments_the_help_lists_every_command(run):
    result = run()
    assert result.exit_code == 2
    assert all(f" {command} " in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    result = run(command, "-h")
    assert result.exit_code == 0
    assert f"glyph {command}" in result.stdout


@pytest.mark.parametrize("command", ["count", "render", "ask"])
def test_the_help_lists_the_presets_and_says_once_what_theta_is(run, command):
    told = " ".join(run(command, "-h").stdout.replace("│", " ").split())
    assert "en, zh, code, reference, reader, found-prose, found-code or found-cjk" in told
    assert told.count("θ, the rendering configuration (page size, dpi, font, …)") == 1


def test_an_unknown_command_is_wrong_usage(run):
    result = run("draw")
    assert result.exit_code == 2
    assert "draw" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 1),
        (FontError("x"), 1),
        (PdfError("x", reason="broken"), 1),
        (ConfigError("x"), 2),
        (RateLimited("x"), 3),
    ],
)
def test_errors_have_their_documented_exit_code(error, code):
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--unknown",), "glyph: No such option: --unknown; see glyph -h\n"),
        (("count",), "glyph: Missing argument 'PATH...'; see glyph count -h\n"),
        (("count", "a", "--dpi", "abc"), "; got 'abc'; see glyph count -h\n"),
        (("ask", "a", "b", "--max-tokens", "many"), "; got 'many'; see glyph ask -h\n"),
    ],
)
def test_wrong_usage_is_told_in_one_line(run, arguments, told):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("glyph: ")
    assert result.stderr.endswith(told)
    assert result.stderr.count("\n") == 1


def test_a_refused_choice_is_repeated_once_beside_those_allowed(run):
    told = run("ask", "a", "b", "--overflow", "cut").stderr
    assert told.count("cut") == 1
    assert "'map_reduce'" in told
    assert "Value error" not in told


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("count", "glyph count [OPTIONS] PATH...\n"),
        ("ask", "glyph ask [OPTIONS] PATH... QUESTION\n"),
        ("render", "glyph render [OPTIONS] PATH\n"),
        ("serve", "glyph serve [OPTIONS] [-- VLLM_FLAGS...]\n"),
        ("cache", "glyph cache [OPTIONS] [clear]\n"),
        ("doctor", "glyph doctor [OPTIONS]\n"),
    ],
)
def test_the_usage_line_can_be_read_as_it_is_typed(run, command, usage):
    lines = [line.strip() + "\n" for line in run(command, "-h").stdout.splitlines()]
    assert f"Usage: {usage}" in lines
