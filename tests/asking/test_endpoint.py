from __future__ import annotations

import math
import sys
import traceback
from typing import Any

import pytest

from glyph_shared.asking import Endpoint, GlyphClient, Sampling, normalise_base_url
from glyph_shared.errors import ConfigError
from glyph_shared.rendering import Page
from tests.scripted_server import ScriptedServer


@pytest.mark.fault(32)
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


@pytest.mark.fault(32)
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
        "http://[::1",
    ],
)
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        normalise_base_url(given)


@pytest.mark.fault(33)
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


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    "option",
    [
        {"timeout": 0},
        {"timeout": math.inf},
        {"max_tokens": 0},
        {"concurrency": 0},
        {"tiemout": 1},
        {"overflow": "cut"},
        {"combine": "vote"},
        {"time_budget": -1},
        {"config": {"dpi": 72}},
        {"config": "en"},
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


@pytest.mark.parametrize("key", ["sk-\u043a\u0430\u043d", "sk-1\n2", "sk-1\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError, match=f"of {len(key)} chars") as caught:
        GlyphClient("http://host/v1", api_key=key)
    assert "sk-" not in str(caught.value)


def test_white_space_around_a_key_is_not_sent(pages: list[Page]) -> None:
    with ScriptedServer() as server, GlyphClient(server.base_url, api_key=" sk-1\n") as client:
        client.ask("?", pages)
    assert server.headers[-1]["authorization"] == "Bearer sk-1"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_this_machine_is_asked_past_every_proxy(
    name: str, proxy: str, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy)
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        assert client.ask("?", pages).text == "yes"


@pytest.mark.parametrize("proxy", ["socks5://me:canary@proxy:9", "gopher://me:canary@proxy:9"])
def test_a_proxy_that_cannot_be_used_is_a_config_error(
    proxy: str, pages: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with (
        GlyphClient("http://model.example/v1") as client,
        pytest.raises(ConfigError, match="ALL_PROXY") as caught,
    ):
        client.ask("?", pages)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "setting", [{"temperature": -1}, {"max_tokens": 0}, {"top_p": 2}, {"temprature": 1}]
)
def test_impossible_sampling_is_a_config_error(setting: dict[str, Any]) -> None:
    name, value = next(iter(setting.items()))
    with pytest.raises(ConfigError, match=f"{name}.*got {value}"):
        Sampling(**setting)


@pytest.mark.parametrize("value", [8000, object(), b"http://host/v1"])
def test_an_address_that_is_no_text_is_refused(value):
    with pytest.raises(ConfigError, match=f"got {type(value).__name__}"):
        normalise_base_url(value)


def test_a_client_may_be_made_for_an_endpoint_that_was_checked_before(pages: list[Page]) -> None:
    with ScriptedServer() as server:
        url = server.base_url.replace("//", "//me:secret@")
        endpoint = Endpoint.resolve(base_url=url, model="mine", timeout=5)
        with GlyphClient.at(endpoint, Sampling(temperature=0.5)) as client:
            client.ask("Is it?", pages)
    assert server.headers[-1]["authorization"] == endpoint.basic_header
    assert (server.requests[0]["model"], server.requests[0]["temperature"]) == ("mine", 0.5)
