import json
import subprocess
import sys

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.serving import (
    CHAT_TEMPLATE,
    GLM_TOOL_PARSER,
    opened_doors,
    shown_command,
    vllm_arguments,
    vllm_config,
)
from glyph_shared.serving.vllm_command import find_executable, vllm_environment

KEY = "sk-canary-0123456789"


def value_of(flag, arguments):
    return arguments[arguments.index(flag) + 1]


@pytest.mark.fault(69)
def test_the_default_serves_glyph_on_loopback_with_the_whole_window():
    arguments = vllm_arguments(vllm_config())
    assert arguments[0] == "zai-org/Glyph"
    assert value_of("--served-model-name", arguments) == "glyph"
    assert value_of("--host", arguments) == "127.0.0.1"
    assert value_of("--max-model-len", arguments) == "131072"
    assert value_of("--generation-config", arguments) == "vllm"
    assert value_of("--reasoning-parser", arguments) == "glm45"
    assert {"--enable-prefix-caching", "--enable-prompt-tokens-details"} <= set(arguments)


def test_pages_are_limited_and_videos_refused():
    arguments = vllm_arguments(vllm_config(max_pages=7))
    assert json.loads(value_of("--limit-mm-per-prompt", arguments)) == {"image": 7, "video": 0}


@pytest.mark.fault(68, 69)
def test_no_file_and_no_address_can_be_read_for_a_client():
    config = vllm_config()
    arguments = vllm_arguments(config)
    assert "--allowed-local-media-path" not in arguments
    assert value_of("--allowed-media-domains", arguments).endswith(".invalid")
    assert vllm_environment(config)["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    assert "--trust-remote-code" not in arguments


def test_the_chat_template_is_a_file_of_the_package():
    assert value_of("--chat-template", vllm_arguments(vllm_config())) == str(CHAT_TEMPLATE)
    assert CHAT_TEMPLATE.is_file()


def test_a_model_that_does_not_think_has_no_reasoning_parser():
    assert "--reasoning-parser" not in vllm_arguments(vllm_config(reasoning_parser=None))


def test_no_answer_is_searched_for_calls_unless_tools_are_wanted():
    assert not [one for one in vllm_arguments(vllm_config()) if "tool" in one]
    arguments = vllm_arguments(vllm_config(tool_parser=GLM_TOOL_PARSER))
    assert "--enable-auto-tool-choice" in arguments
    assert value_of("--tool-call-parser", arguments) == GLM_TOOL_PARSER


def test_own_arguments_come_last_and_so_win():
    config = vllm_config(extra_args=("--max-model-len", "4096"))
    assert vllm_arguments(config)[-2:] == ["--max-model-len", "4096"]


@pytest.mark.fault(69)
@pytest.mark.parametrize(
    "arguments",
    [
        ("--allowed-local-media-path", "/"),
        ("--allowed-local-media-path=/",),
        ("--allowed_local_media_path", "/"),
        ("--allowed-media-domains", "example.org"),
        ("--trust-remote-code",),
    ],
)
def test_own_arguments_that_lift_a_protection_are_named(arguments):
    [told] = opened_doors(vllm_config(extra_args=arguments))
    assert arguments[0].partition("=")[0].replace("_", "-") in told


def test_other_arguments_lift_no_protection():
    assert opened_doors(vllm_config(extra_args=("--dtype", "half"))) == []


def test_the_key_travels_in_the_environment_and_is_never_shown():
    config = vllm_config(api_key=KEY)
    assert vllm_environment(config)["VLLM_API_KEY"] == KEY
    assert KEY not in " ".join(vllm_arguments(config))
    assert KEY not in shown_command(config)
    assert KEY not in repr(config)
    assert "$GLYPH_API_KEY" in shown_command(config)


def test_the_shown_command_can_be_pasted_into_a_shell():
    config = vllm_config(model="/models/my glyph", executable="echo")
    command = shown_command(config)
    words = subprocess.run(command, shell=True, capture_output=True, check=True, text=True).stdout
    assert words.startswith("serve /models/my glyph --served-model-name glyph")
    assert '{"image": 512, "video": 0}' in words


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("port", 0),
        ("port", 70000),
        ("max_model_len", -1),
        ("max_pages", 0),
        ("mm_cache_gib", float("nan")),
        ("model", ""),
        ("gpus", 2),
    ],
)
def test_an_impossible_setting_is_named_with_its_value(setting, value):
    with pytest.raises(ConfigError, match=f"{setting}.*; got "):
        vllm_config(**{setting: value})


def test_a_wrong_key_is_not_shown_back():
    with pytest.raises(ConfigError) as caught:
        vllm_config(api_key=[KEY])
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_ipv6_host_is_bracketed_in_the_address():
    assert vllm_config(host="::1", port=8001).base_url == "http://[::1]:8001/v1"


def test_without_vllm_the_error_names_both_ways_to_install_it_and_the_embedded_reader():
    with pytest.raises(ConfigError, match="'no-such-vllm'") as caught:
        find_executable(vllm_config(executable="no-such-vllm"))
    assert 'pip install "glyph-context[serve]"' in str(caught.value)
    assert 'in a checkout `pip install ".[serve]"`' in str(caught.value)
    assert "glyph serve --embedded" in str(caught.value)


def test_the_program_beside_this_python_is_found_first(monkeypatch, tmp_path):
    for folder in ("beside", "path"):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "vllm"
        program.write_text("", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "beside" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_executable(vllm_config()) == str(tmp_path / "beside" / "vllm")
