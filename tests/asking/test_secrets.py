from __future__ import annotations

import asyncio
import base64
import copy
import logging
import pickle
import traceback
from collections.abc import Iterator

import pytest

from glyph_shared.asking import AsyncGlyphClient, GlyphClient
from glyph_shared.errors import ConfigError, GlyphError
from glyph_shared.rendering import Page
from tests.scripted_server import Script, Scripted, ScriptedServer, answer, failure, streamed

KEY = "sk-canary-4f1d"
PASSWORD = "hunter-canary-2"

ECHOES = [
    answer("4711"),
    failure(401, f"Incorrect API key provided: {KEY}."),
    failure(400, f"header was Bearer {KEY}"),
    failure(500, KEY),
    Scripted((f"<html>{KEY}".encode(),), content_type="text/html"),
    streamed({"error": {"message": KEY, "code": 500}}),
]


@pytest.mark.fault(35, 75)
@pytest.mark.parametrize("script", ECHOES)
@pytest.mark.parametrize("how", ["ask", "stream"])
def test_the_key_is_nowhere_but_in_the_request(
    script: Script, how: str, pages: list[Page], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with (
        ScriptedServer(script) as server,
        GlyphClient(server.base_url, api_key=KEY, backoff=0.01) as client,
    ):
        try:
            if how == "ask":
                seen.append(repr(client.ask("?", pages)))
            else:
                stream = client.stream("?", pages)
                seen += [*stream, repr(stream), repr(stream.answer)]
        except GlyphError as error:
            seen += _shown(error)
        seen += [repr(client), str(client), repr(pickle.dumps(client)), str(vars(client))]
        assert server.headers[-1]["authorization"] == f"Bearer {KEY}"
    seen.append(caplog.text)
    assert not [text for text in seen if KEY in text]


def _shown(error: GlyphError) -> Iterator[str]:
    """Yields every form in which an error may end up in a log."""
    yield from (repr(error), str(error), repr(vars(error)), repr(pickle.dumps(str(error))))
    yield from traceback.format_exception(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.fault(35, 75)
def test_a_traceback_with_local_variables_does_not_show_the_key(pages: list[Page]) -> None:
    with (
        ScriptedServer(failure(400)) as server,
        GlyphClient(server.base_url, api_key=KEY) as client,
        pytest.raises(GlyphError) as caught,
    ):
        client.ask("?", pages)
    full = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(full.format())


def test_a_pickled_client_takes_the_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, pages: list[Page]
) -> None:
    with ScriptedServer(answer("4711")) as server:
        client = AsyncGlyphClient(server.base_url, api_key=KEY, timeout=7)
        monkeypatch.setenv("GLYPH_API_KEY", "sk-other")
        again = pickle.loads(pickle.dumps(client))
        assert asyncio.run(again.ask("?", pages)).text == "4711"
        assert server.headers[-1]["authorization"] == "Bearer sk-other"
    assert repr(copy.copy(client)) == repr(client)


@pytest.mark.fault(32, 35)
def test_a_password_in_the_address_becomes_a_header_and_is_never_shown(
    pages: list[Page], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    encoded = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
    with ScriptedServer(failure(400, f"who is {PASSWORD} in {encoded}?")) as server:
        address = server.base_url.replace("http://", f"http://me:{PASSWORD}@")
        with GlyphClient(address) as client, pytest.raises(GlyphError) as caught:
            client.ask("?", pages)
        assert server.headers[-1]["authorization"].startswith("Basic ")
        assert client.base_url == server.base_url
    shown = [repr(client), *_shown(caught.value), caplog.text, repr(pickle.dumps(client))]
    assert not [text for text in shown if PASSWORD in text or encoded in text]


def test_two_credentials_are_refused_without_showing_them() -> None:
    with pytest.raises(ConfigError, match="two credentials") as caught:
        GlyphClient(f"http://me:{PASSWORD}@host/v1", api_key=KEY)
    assert PASSWORD not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("address", [f"me:{PASSWORD}@host/v1", f"ftp://me:{PASSWORD}@host"])
def test_a_bad_address_is_shown_without_its_password(address: str) -> None:
    with pytest.raises(ConfigError, match="host") as caught:
        GlyphClient(address)
    assert PASSWORD not in str(caught.value)


def test_the_openai_environment_goes_to_no_other_server(
    monkeypatch: pytest.MonkeyPatch, pages: list[Page]
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "canary-openai")
    with ScriptedServer() as server, GlyphClient(server.base_url) as client:
        client.ask("?", pages)
        assert "canary-openai" not in str(server.headers)


@pytest.mark.fault(75)
def test_logs_and_tracebacks_show_a_page_by_its_digest(
    pages: list[Page], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        ScriptedServer(failure(400)) as server,
        GlyphClient(server.base_url) as client,
        pytest.raises(GlyphError) as caught,
    ):
        client.ask("?", pages)
    full = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = caplog.text + "".join(full.format())
    assert "base64," not in shown
    assert pages[0].digest in shown
    assert server.requests[0]["messages"][0]["content"][0]["image_url"]["url"].startswith("data:")
