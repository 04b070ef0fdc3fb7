"""Styles of pages: the space they are drawn from, the rules that exclude, the sheet that shows."""

import json
import random

import pytest
from PIL import Image

from glyph_shared.errors import ConfigError
from training.data import contact_sheet
from training.data.families import substituted, with_substitute
from training.data.space import ARTICLES, SPACES, TABLE_8, THEMES
from training.data.styles import (
    StyleSampler,
    absent_fonts,
    broken_rules,
    config_of,
    contrast,
    draw_traits,
)

PLAIN = {
    **{name: parameter.options()[0] for name, parameter in TABLE_8.items()},
    "dpi": 72,
    "font_size": 9,
}


def test_the_same_seed_and_number_give_the_same_style():
    first, second = StyleSampler(seed=3), StyleSampler(seed=3)
    second.draw(40)  # what was drawn before does not count
    assert [first.draw(number) for number in range(9)] == [second.draw(n) for n in range(9)]


def test_another_seed_or_number_gives_another_style():
    drawn = {StyleSampler(seed=seed).draw(number).config for seed in (1, 2) for number in (0, 5)}
    assert len(drawn) == 4


def test_the_five_themes_take_turns():
    sampler = StyleSampler()
    spaces = [sampler.draw(number).space for number in range(10)]
    assert spaces == ["document", "web", "dark", "code", "artistic"] * 2 == list(THEMES) * 2


@pytest.mark.parametrize("name", SPACES)
def test_every_drawn_style_keeps_the_rules(name: str):
    sampler = StyleSampler(name, seed=11)
    for number in range(60):
        style = sampler.draw(number)
        assert broken_rules(style.traits) == []
        assert style.config == config_of(style.traits)


@pytest.mark.parametrize("name", SPACES)
def test_a_space_names_every_trait_of_the_papers_table(name: str):
    assert set(SPACES[name]) == set(TABLE_8)


@pytest.mark.parametrize("name", SPACES)
def test_what_is_drawn_is_among_the_options(name: str):
    rng = random.Random(5)
    for _ in range(30):
        for trait, value in draw_traits(SPACES[name], rng).items():
            assert value in SPACES[name][trait].options()


def test_traits_survive_json():
    traits = StyleSampler("artistic").draw(2).traits
    assert config_of(json.loads(json.dumps(traits))) == config_of(traits)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"leading": -1}, "impossible"),
        ({"margin_x": 400}, "impossible"),
        ({"dpi": 45, "font_size": 7}, "small shapes"),
        ({"horizontal_scale": 0.6}, "small shapes"),
        ({"palette": "#777777 on #888888"}, "faint text"),
        ({"page_size": "160,842"}, "short lines"),
        ({"page_size": "595,90"}, "few lines"),
        ({"dpi": 300}, "shrunk by the model"),
    ],
)
def test_a_bad_style_is_excluded_by_its_rule(change: dict, rule: str):
    assert broken_rules(PLAIN) == []
    assert rule in broken_rules({**PLAIN, **change})


def test_the_sampler_counts_what_the_rules_excluded():
    sampler = StyleSampler("table8")
    for number in range(100):
        sampler.draw(number)
    assert sampler.rejected["shrunk by the model"] > 0


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"document, web, dark.*got 'sepia'"):
        StyleSampler("sepia")


def test_a_missing_trait_is_named():
    with pytest.raises(ConfigError, match="'dpi' is missing"):
        config_of({name: value for name, value in PLAIN.items() if name != "dpi"})


def test_the_articles_pages_have_their_pixels_at_any_dpi():
    for dpi in (72, 96, 120):
        config = config_of({**PLAIN, "page_size": "960x540px", "dpi": dpi})
        width, height = (round(side * dpi / 72) for side in config.page_size)
        assert (width, height) == (960, 540)
    assert set(ARTICLES["font_size"].options()) >= {9, 14}


def test_a_hanging_indent_starts_at_the_margin():
    config = config_of({**PLAIN, "indent": -2})
    assert (config.left_indent, config.first_line_indent) == (18, -18)


def test_the_ground_of_a_dark_page_is_dark_behind_its_text_too():
    config = config_of({**PLAIN, "palette": "#FFFFFF on #000000"})
    assert config.page_bg_color == config.para_bg_color == "#000000"
    assert contrast(config) == pytest.approx(21)


def test_a_family_that_is_not_installed_is_reported_with_its_substitute():
    paths = ["No Such Sans, DejaVuSans.ttf", with_substitute("DejaVu Sans")]
    assert substituted(paths) == {"No Such Sans": "DejaVuSans.ttf"}
    assert not any(name.startswith("DejaVu") for name in absent_fonts(tuple(SPACES)))


def test_the_contact_sheet_shows_every_style(tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    contact_sheet.main([str(sheet), "--count", "5", "--columns", "3", "--seed", "4"])
    with Image.open(sheet) as image:
        width, height = image.size
        colors = {image.getpixel((x, y)) for x in range(0, width, 97) for y in range(0, height, 7)}
    cell = contact_sheet.CELL_PX
    assert width > 3 * cell[0]
    assert height > 2 * cell[1]
    assert len(colors) > 5
    for line in capsys.readouterr().out.splitlines():
        assert line.startswith(("not installed: ", "drawn again for "))
