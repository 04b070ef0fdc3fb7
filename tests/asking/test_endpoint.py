from __future__ import annotations

import math
from typing import Any

import pytest

from glyph_shared.asking import GlyphClient, Sampling, normalise_base_url
from glyph_shared.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("http://host:8000/v1/", "http://host:8000/v1"),
        ("http://host:8000", "http://host:8000/v1"),
        (" https://host/ ", "https://host/v1"),
        ("https://host/openai/api//", "https://host/openai/api"),
        ("http://me:secret@host/v1", "http://host/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_addresses_are_normalised(given: str, base_url: str) -> None:
    assert normalise_base_url(given)[0] == base_url


@pytest.mark.parametrize(
    "given",
    [
        "host:8000/v1",
        "localhost",
        "ftp://host",
        "http://",
        "http:///v1",
        "http://host:x/v1",
        "http://host:99999/v1",
        "http://host/v1?key=1",
        "http://host/v1#here",
    ],
)
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        normalise_base_url(given)


@pytest.mark.parametrize(
    "setting",
    [
        *[{"timeout": value} for value in (0, -1, None, math.inf, math.nan, "5", True)],
        *[{"max_retries": value} for value in (-1, None, math.inf, 1.5, True)],
        {"backoff": -1},
    ],
)
def test_impossible_limits_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        GlyphClient("http://host/v1", **setting)


@pytest.mark.parametrize(
    "option",
    [
        {"timeout": 0},
        {"timeout": math.inf},
        {"max_tokens": 0},
        {"concurrency": 0},
        {"tiemout": 1},
        {"overflow": "hybrid"},
        {"combine": "vote"},
        {"time_budget": -1},
    ],
)
def test_impossible_options_are_refused_before_anything_is_sent(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(option))):
        GlyphClient("http://127.0.0.1:1/v1").ask("?", "text", **option)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPH_BASE_URL", "http://elsewhere:9/v1")
    monkeypatch.setenv("GLYPH_MODEL", "named")
    assert repr(GlyphClient()) == "GlyphClient(base_url='http://elsewhere:9/v1', model='named')"
    assert GlyphClient("http://here/v1").base_url == "http://here/v1"


@pytest.mark.parametrize(
    "setting", [{"temperature": -1}, {"max_tokens": 0}, {"top_p": 2}, {"temprature": 1}]
)
def test_impossible_sampling_is_a_config_error(setting: dict[str, Any]) -> None:
    name, value = next(iter(setting.items()))
    with pytest.raises(ConfigError, match=f"{name}.*got {value}"):
        Sampling(**setting)
