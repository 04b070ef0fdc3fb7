"""Texts and settings that break other renderers: drawn whole, or refused before any harm."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import ConfigError, OverLengthError
from glyph_shared.planning import plan
from glyph_shared.rendering import PageStore, RenderConfig, Renderer, render
from tests.scripted_server import ScriptedServer, as_json

SMALL = RenderConfig(page_size=(140, 112), margin_x=3, margin_y=3, frame_padding=0)


@pytest.mark.fault(5)
def test_a_line_of_more_than_a_million_chars_is_drawn_whole():
    text = "x" * 1_000_001 + "!"
    chars, last = 0, ""
    for page in Renderer().render(text):
        chars += sum(map(len, page.line_texts))
        last = page.line_texts[-1]
    assert chars == len(text)
    assert last.endswith("x!")


@pytest.mark.fault(3)
def test_a_lone_surrogate_is_drawn_kept_and_sent(tmp_path):
    text = "one \ud800 two\n" * 3
    store, renderer = PageStore(tmp_path / "pages"), Renderer(SMALL)
    drawn = [page.digest for page in store.render(renderer, text)]
    assert [page.digest for page in store.render(renderer, text)] == drawn
    assert store.usage().entries == 1
    with (
        ScriptedServer(tokens=as_json({"count": 5})) as server,
        GlyphClient(server.base_url) as client,
    ):
        for given in (text, plan(text, config=SMALL, text_gate=False)):
            assert client.ask("what is \udfff?", given).text == "yes"
    assert server.calls == 2


@pytest.mark.fault(7)
@pytest.mark.parametrize("unseen", ["\u200b", "\xad", "\ufeff", "\u2060"])
def test_what_cannot_be_seen_makes_no_other_pixel(unseen):
    plain, dotted = "some plain words here", f"{unseen}so{unseen}me plain{unseen} words here"
    assert [p.digest for p in render(dotted, SMALL)] == [p.digest for p in render(plain, SMALL)]


REFUSED_UNDER_A_LIMIT = """
import resource
from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig, Renderer
list(Renderer().render("a"))
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (1 << 26),) * 2)
for settings in ({"page_size": (200_000, 200_000)}, {"dpi": 1e300}, {"page_size": "595:1e300"}):
    try:
        list(Renderer(RenderConfig(**settings)).render("a"))
    except ConfigError:
        print("refused")
"""


@pytest.mark.fault(12)
@pytest.mark.skipif(sys.platform != "linux", reason="reads its own size from /proc")
def test_a_page_too_large_for_memory_is_refused_before_any_is_taken():
    # The first would take 40 GB; the limit leaves 64 MB.
    command = [sys.executable, "-c", REFUSED_UNDER_A_LIMIT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["refused"] * 3, done.stderr


@pytest.mark.fault(13)
@pytest.mark.parametrize("settings", [{"margin_y": 415}, {"font_size": 400, "line_height": 900}])
def test_a_page_that_holds_no_line_is_refused_and_never_endless(settings):
    with pytest.raises(ConfigError):
        RenderConfig(**settings)


@pytest.mark.fault(14)
def test_a_text_far_beyond_the_window_is_refused_with_both_numbers_after_few_pages(monkeypatch):
    drawn, draw = [], Renderer._draw
    monkeypatch.setattr(
        Renderer, "_draw", lambda self, *page: drawn.append(page[0]) or draw(self, *page)
    )
    with pytest.raises(OverLengthError) as caught:
        plan("It rained all day.\n" * 15_000, 1000, config=SMALL, max_tokens=100)
    assert caught.value.needed > 10 * caught.value.limit
    assert f"{caught.value.needed:,}" in str(caught.value)
    assert f"{caught.value.limit:,}" in str(caught.value)
    few = len(drawn)
    assert few < len(list(Renderer(SMALL).render("It rained all day.\n" * 15_000))) / 3


@pytest.mark.fault(15)
def test_every_process_draws_the_same_bytes(tmp_path):
    script = (
        "from hashlib import sha256; from glyph_shared.rendering import render;"
        "pages = render('Whatever the weather \\u2014 \\u4dc0, the same pages.\\n' * 300);"
        "print(sha256(b''.join(page.png for page in pages)).hexdigest())"
    )
    environments = [{}, {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Asia/Tokyo"}]
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            cwd=tmp_path,
            capture_output=True,
            check=True,
        ).stdout
        for environment in environments
    }
    assert len(hashes) == 1
