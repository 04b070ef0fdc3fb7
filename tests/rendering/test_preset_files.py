"""Presets of the user's own: where they are, what they may replace, and where they come from."""

from __future__ import annotations

import json

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.preset_files import (
    FIXED_PRESETS,
    FOUND_PRESETS,
    install_preset,
    preset_names,
    user_folder,
)

MINE = json.dumps({"provenance": "my own search", "dpi": 66, "margin-x": 0})


def test_an_installed_preset_is_found_by_its_name():
    path = install_preset("mine", MINE)
    config = RenderConfig.preset("mine")
    assert (config.dpi, config.margin_x) == (66, 0)
    assert path == user_folder() / "mine.json"
    assert preset_names() == (*FIXED_PRESETS, *FOUND_PRESETS, "mine")


@pytest.mark.parametrize("name", FOUND_PRESETS)
def test_a_preset_that_a_search_found_gives_way_to_that_of_the_users_own(name):
    shipped = RenderConfig.preset(name)
    install_preset(name, MINE)
    assert RenderConfig.preset(name).dpi == 66
    assert shipped.dpi != 66


@pytest.mark.parametrize("name", ["en", "reference", "reader", "../en", "My Own", ""])
def test_no_other_preset_can_be_replaced(name):
    with pytest.raises(ConfigError, match="a preset of your own has a name"):
        install_preset(name, MINE)


def test_a_file_in_the_folder_does_not_change_what_en_means():
    before = RenderConfig.preset("en")
    folder = user_folder()
    folder.mkdir(parents=True)
    (folder / "en.json").write_text(MINE, encoding="utf-8")
    assert RenderConfig.preset("en") == before


def test_a_broken_file_is_named():
    install_preset("mine", "{")
    with pytest.raises(ConfigError, match=r"cannot read θ from .*mine\.json"):
        RenderConfig.preset("mine")


def test_an_unknown_preset_is_told_all_there_are():
    install_preset("mine", MINE)
    with pytest.raises(ConfigError, match=r"en, zh, .*mine; got 'yours'"):
        RenderConfig.preset("yours")


def test_a_theta_file_may_tell_where_it_comes_from(tmp_path):
    path = tmp_path / "theta.json"
    path.write_text(MINE, encoding="utf-8")
    assert RenderConfig.from_json(path).dpi == 66


@pytest.mark.parametrize(
    ("variable", "folder"), [("XDG_CONFIG_HOME", "glyph-context/presets"), ("GLYPH_PRESETS", "")]
)
def test_the_folder_is_where_configurations_are(monkeypatch, tmp_path, variable, folder):
    monkeypatch.delenv("GLYPH_PRESETS")
    monkeypatch.setenv(variable, str(tmp_path))
    assert user_folder() == tmp_path / folder
