from __future__ import annotations

import shlex

import pytest

import glyph_shared.cli.serve as serve_command
from glyph_shared.serving import Progress


def test_show_prints_a_command_that_a_shell_takes(run):
    result = run("serve", "--show", "--port", 8123, "--", "--dtype", "bfloat16")
    words = shlex.split(result.stdout)
    assert result.exit_code == 0
    assert "vllm" in words
    assert words[words.index("--port") + 1] == "8123"
    assert words[-2:] == ["--dtype", "bfloat16"]


def test_the_key_is_never_printed(run, monkeypatch):
    monkeypatch.setenv("GLYPH_API_KEY", "canary-key")
    assert "canary-key" not in run("serve", "--show").output


def test_vllm_is_run_with_the_shown_settings_and_its_address_told(run, monkeypatch):
    def ready_at_once(config, *, on_progress, ready):
        on_progress(Progress(seconds=1.0, log_line="loading [1/2]"))
        ready(f"http://127.0.0.1:{config.port}/v1")

    monkeypatch.setattr(serve_command, "serve_vllm", ready_at_once)
    result = run("serve", "--port", 8123)
    assert "vllm serve zai-org/Glyph" in result.stdout
    assert "answering at http://127.0.0.1:8123/v1" in result.stdout


def test_the_embedded_reader_is_served_with_the_key(run, reader, monkeypatch):
    monkeypatch.setenv("GLYPH_API_KEY", "key")
    seen = {}

    def served(given, *, port, api_key, ready):
        seen.update(reader=given, port=port, api_key=api_key)
        ready("http://127.0.0.1:8001/v1")
        raise KeyboardInterrupt

    monkeypatch.setattr(serve_command, "serve_embedded", served)
    result = run("serve", "--embedded", "--port", 8001)
    assert seen == {"reader": reader, "port": 8001, "api_key": "key"}
    assert "answering at http://127.0.0.1:8001/v1" in result.stdout
    assert result.exit_code == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ("--embedded", "--show"),
        ("--embedded", "--", "--dtype", "half"),
        ("--embedded", "--host", "0.0.0.0"),
        ("--embedded", "--model", "other"),
        ("--embedded", "--served-name", "glyph"),
        ("--embedded", "--max-model-len", "4096"),
        ("--embedded", "--max-pages", "512"),
        ("--embedded", "--no-thinking"),
        ("--embedded", "--tools"),
        ("--embedded", "--port", "70000"),
        ("--show", "--port", "0"),
        ("--show", "--max-pages", "0"),
        ("--show", "--max-model-len", "-1"),
        ("--unknown",),
    ],
)
def test_impossible_settings_are_wrong_usage(run, reader, arguments):
    result = run("serve", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("glyph: ")
    assert result.stderr.count("\n") == 1


def test_the_help_tells_the_defaults(run):
    told = run("serve", "-h").stdout
    assert all(default in told for default in ("zai-org/Glyph", "131072", "512"))


def test_what_is_given_reaches_the_command(run):
    words = shlex.split(
        run("serve", "--show", "--host", "127.0.0.2", "--max-model-len", 4096).stdout
    )
    assert words[words.index("--host") + 1] == "127.0.0.2"
    assert words[words.index("--max-model-len") + 1] == "4096"


def test_a_model_that_does_not_think_has_no_reasoning_parser(run):
    assert "--reasoning-parser" in run("serve", "--show").stdout
    assert "--reasoning-parser" not in run("serve", "--show", "--no-thinking").stdout


def test_tools_are_taken_only_when_asked_for(run):
    assert "tool" not in run("serve", "--show").stdout
    words = shlex.split(run("serve", "--show", "--tools").stdout)
    assert "--enable-auto-tool-choice" in words
    assert words[words.index("--tool-call-parser") + 1] == "glm47"


def test_a_lifted_protection_is_told_beside_the_command(run):
    result = run("serve", "--show", "--", "--allowed-local-media-path", "/")
    assert "--allowed-local-media-path any client reads" in result.stderr
    assert run("serve", "--show").stderr == ""
