"""A misspelt option is refused, wherever it is said, and the one that was meant is named."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from glyph_shared import AsyncGlyphClient, ConfigError, GlyphClient, RenderConfig
from glyph_shared.asking.client_base import _SETTINGS
from glyph_shared.names import check_names

NOWHERE = "http://127.0.0.1:1/v1"
MISSPELT: dict[str, tuple[Callable[[], object], str]] = {
    "client": (lambda: GlyphClient(base_ur=NOWHERE), "GlyphClient has no .*'base_url'"),
    "async": (lambda: AsyncGlyphClient(tiemout=3), "AsyncGlyphClient has no .*'timeout'"),
    "question": (lambda: GlyphClient(NOWHERE).ask("?", "x", windwo=9), "'windwo' .*'window'"),
    "chat": (lambda: GlyphClient(NOWHERE).chat([], keep_lst=2), "'keep_lst' .*'keep_last'"),
    "look": (lambda: RenderConfig(fontsize=9), "'fontsize' .*'font_size'"),
}


@pytest.mark.parametrize("place", MISSPELT)
def test_the_option_that_was_meant_is_named(place: str) -> None:
    make, told = MISSPELT[place]
    with pytest.raises(ConfigError, match=told) as caught:
        make()
    assert "(did you mean" in str(caught.value)


def test_where_no_name_is_near_all_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        check_names("a kettle", {"zzz": 1}, ("water", "heat"))
    assert str(caught.value) == "a kettle has no option 'zzz'; there are ['heat', 'water']"


def test_the_names_that_clients_tell_are_those_they_take() -> None:
    taken = [*inspect.signature(GlyphClient).parameters]
    assert taken == [*_SETTINGS, "unknown"]
