import json
import math

import pytest
from pydantic import ValidationError

from glyph_shared.errors import ConfigError, FontError, FontWarning
from glyph_shared.rendering import RenderConfig, render
from glyph_shared.rendering.config import PRESETS
from glyph_shared.rendering.config_values import PAGE_SIZES
from glyph_shared.rendering.geometry import Geometry

REFERENCE_FILE = {
    "page-size": "595,842",
    "dpi": 72,
    "margin-x": 10,
    "margin-y": 10,
    "font-path": "../config/Nowhere Sans.ttf",
    "font-size": 9,
    "line-height": 10,
    "font-color": "#000000",
    "alignment": "LEFT",
    "horizontal-scale": 1.0,
    "first-line-indent": 0,
    "left-indent": 0,
    "right-indent": 0,
    "space-before": 0,
    "space-after": 0,
    "border-width": 0,
    "border-padding": 0,
    "page-bg-color": "#FFFFFF",
    "para-bg-color": "#FFFFFF",
    "para-border-color": "#FFFFFF",
    "auto-crop-width": True,
    "auto-crop-last-page": True,
}


def written(tmp_path, content):
    path = tmp_path / "theta.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_no_argument_means_preset_en():
    assert RenderConfig() == RenderConfig.preset("en")


def test_dashes_and_underscores_mean_the_same():
    assert RenderConfig(**{"font-size": 8}) == RenderConfig(font_size=8)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_state_every_field(name):
    config = RenderConfig.preset(name)
    assert config.model_fields_set == set(RenderConfig.model_fields)


@pytest.mark.parametrize("name", ["en", "zh", "code"])
def test_default_presets_have_sides_of_whole_visual_tokens(name):
    config = RenderConfig.preset(name)
    assert [side % 28 for side in Geometry.of(config).page_px] == [0, 0]
    assert config.crop_multiple == 28


@pytest.mark.fault(30)
def test_a_file_of_the_reference_loads_unchanged_with_one_warning(tmp_path):
    with pytest.warns(FontWarning, match="Nowhere Sans") as caught:
        config = RenderConfig.from_json(written(tmp_path, REFERENCE_FILE))
    assert len(caught) == 1
    assert config.font_path == REFERENCE_FILE["font-path"]
    same_look = RenderConfig.preset("reference").model_copy(update={"font_path": None})
    assert config.model_copy(update={"font_path": None}) == same_look
    assert config.theta_hash == same_look.theta_hash
    assert config.model_copy(update={"dpi": 96}).font_path == config.font_path


def test_absent_keys_of_a_file_have_the_references_defaults(tmp_path):
    config = RenderConfig.from_json(written(tmp_path, {"font-size": 11}))
    assert (config.page_size, config.margin_x, config.alignment) == ((595, 842), 20, "JUSTIFY")
    assert (config.line_height, config.auto_crop_width) == (12, False)
    assert config.newline_markup == "<br/>"


def test_a_dump_loads_as_the_same_configuration(tmp_path):
    config = RenderConfig.preset("code")
    dumped = config.model_dump(mode="json", by_alias=True)
    assert RenderConfig.model_validate(dumped) == config
    assert RenderConfig.from_json(written(tmp_path, dumped)) == config


@pytest.mark.fault(36)
@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "[" * 100_000, '{"dpi": 1' + "0" * 5000 + "}"],
    ids=["empty", "cut", "list", "number", "deep", "digits"],
)
def test_a_file_that_is_no_theta_is_refused(tmp_path, content):
    with pytest.raises(ConfigError, match="θ"):
        RenderConfig.from_json(written(tmp_path, content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        RenderConfig.from_json(tmp_path / "none.json")


def test_a_path_that_no_system_takes_is_refused():
    with pytest.raises(ConfigError, match="cannot read"):
        RenderConfig.from_json("theta\0.json")


@pytest.mark.parametrize(("height", "size"), [(0, 9), (None, 9), (0.0, 12)])
def test_an_empty_line_height_is_the_font_size_and_one(height, size):
    assert RenderConfig(line_height=height, font_size=size).line_height == size + 1


@pytest.mark.parametrize("empty", [None, "", " ", "<br>", "<BR />"])
def test_an_empty_newline_markup_is_a_line_break(empty):
    assert RenderConfig(newline_markup=empty).newline_markup == "<br/>"


@pytest.mark.parametrize(
    "markup", ["<font color='#ff0000'>~</font>", ' <font color="#Ff0000">~</font>']
)
def test_a_look_has_one_hash_however_its_markup_is_spelled(markup):
    plain = RenderConfig(newline_markup='<font color="#FF0000">~</font>')
    assert RenderConfig(newline_markup=markup).theta_hash == plain.theta_hash
    assert (
        RenderConfig(newline_markup="").theta_hash
        == RenderConfig(newline_markup="<br/>").theta_hash
    )


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("A4", (595, 842)),
        ("letter-landscape", (792, 612)),
        ("595,842", (595, 842)),
        ("960x540", (960, 540)),
        ("600:1.5", (600, 900)),
        ((300, 400), (300, 400)),
        *PAGE_SIZES.items(),
    ],
)
def test_a_page_size_has_many_spellings(value, size):
    assert RenderConfig(page_size=value).page_size == size


IMPOSSIBLE = [
    ({"dpi": 0}, "dpi"),
    ({"dpi": math.nan}, "dpi"),
    ({"dpi": math.inf}, "dpi"),
    ({"dpi": -72}, "-72"),
    ({"dpi": 1200, "page_size": "A3"}, "px"),
    ({"page_size": (200_000, 200_000)}, "200000"),
    ({"page_size": "A44"}, "A4"),
    ({"page_size": (0, 10)}, "page_size"),
    ({"page_size": (10, math.nan)}, "page_size"),
    ({"font_size": 0}, "font_size"),
    ({"font_size": 12}, "line_height must be at least font_size"),
    ({"font_size": 12, "line_height": 11.5}, "11.5"),
    ({"margin_x": 300}, "margins"),
    ({"margin_y": 420}, "margins"),
    ({"left_indent": 400, "right_indent": 300}, "indents"),
    ({"first_line_indent": -30}, "first_line_indent"),
    ({"margin_x": -1}, "margin_x"),
    ({"alignment": "MIDDLE"}, "LEFT"),
    ({"font_color": "red"}, "#RRGGBB"),
    ({"font_color": 5}, "#RRGGBB"),
    ({"newline_markup": "<p>"}, "<br/>"),
    ({"horizontal_scale": 0}, "horizontal_scale"),
    ({"crop_multiple": 0}, "crop_multiple"),
    ({"dpi": "many"}, "many"),
    ({"dpi": 1}, "at least 1 px"),
    ({"dpi": 0.01}, "at least 1 px"),
    ({"font_size": 1e-6}, "at least 1 px"),
    ({"horizontal_scale": 1e-9}, "at least 1 px"),
    ({"horizontal_scale": 4, "page_size": (6000, 840)}, "px a side"),
    ({"border_padding": 400}, "border_padding 400"),
    ({"border_width": 400}, "border_width"),
    ({"border_width": 6}, "half of the smallest box"),
    ({"space_before": 1e6}, "space_before"),
    ({"space_after": 825}, "at most the 824 pt"),
    ({"newline_markup": '<font color="#FF0000">\x00</font>'}, "seen"),
    ({"newline_markup": '<font color="#FF0000">a\n</font>'}, "seen"),
    ({"newline_markup": '<font color="#FF0000">  </font>'}, "seen"),
    ({"newline_markup": '<font color="#FF0000">\u2800</font>'}, "seen"),
    ({"fontsize": 9}, "allowed are page_size"),
    ({"font-size": 9, "font_size": 9}, "twice"),
]


@pytest.mark.fault(12, 13, 31)
@pytest.mark.parametrize(("settings", "named"), IMPOSSIBLE, ids=str)
def test_an_impossible_setting_is_refused_by_name(settings, named):
    if "font_size" in settings and "line_height" not in settings and settings["font_size"]:
        settings = {"line_height": 10, **settings}
    with pytest.raises(ConfigError) as caught:
        RenderConfig(**settings)
    assert named in str(caught.value)


@pytest.mark.parametrize("field", ["font_size", "line_height", "dpi", "crop_multiple"])
@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_beyond_any_float_is_refused_in_a_short_message(field, digits):
    with pytest.raises(ConfigError, match=field) as caught:
        RenderConfig(**{field: 10**digits})
    assert len(str(caught.value)) < 400


def test_the_smallest_shapes_that_are_allowed_are_drawn():
    [page] = render("hello\nworld", RenderConfig(dpi=8))
    assert page.pixels.min() < 250


def test_a_changed_copy_is_checked_too():
    with pytest.raises(ConfigError, match="margins"):
        RenderConfig().model_copy(update={"margin_x": 400})


def test_an_unknown_preset_is_refused_with_the_names():
    with pytest.raises(ConfigError, match="en, zh, code"):
        RenderConfig.preset("fr")


@pytest.mark.fault(30)
def test_an_absent_font_is_refused_on_construction():
    with pytest.raises(FontError, match="Nowhere"):
        RenderConfig(font_path="Nowhere.ttf")


@pytest.mark.parametrize("name", ["x" * 5000, "x\0.ttf", "\ud800", "DejaVuSans.ttf#" + "1" * 5000])
def test_a_font_name_that_is_no_path_is_refused_in_a_short_message(name):
    with pytest.raises(FontError, match="no font") as caught:
        RenderConfig(font_path=name)
    assert len(str(caught.value)) < 400


def test_a_file_that_is_no_font_is_refused_wherever_it_is_named(tmp_path):
    other = written(tmp_path, {"font-path": __file__})
    with pytest.raises(FontError, match="not a TrueType"):
        RenderConfig(font_path=__file__)
    with pytest.raises(FontError, match="not a TrueType"):
        RenderConfig.from_json(other)


def test_configurations_are_hashable_values_that_cannot_change():
    assert len({RenderConfig(), RenderConfig.preset("en")}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        RenderConfig().dpi = 96


@pytest.mark.fault(28)
def test_the_hash_depends_on_every_field_and_on_the_fonts_content(tmp_path):
    other = {
        "page_size": (560, 840), "dpi": 96, "margin_x": 6, "margin_y": 6, "frame_padding": 4,
        "font_path": "DejaVuSerif.ttf", "font_size": 8, "line_height": 11,
        "font_color": "#111111", "alignment": "RIGHT", "horizontal_scale": 0.9,
        "first_line_indent": 9, "left_indent": 1, "right_indent": 1, "space_before": 1,
        "space_after": 1, "border_width": 1, "border_padding": 1, "page_bg_color": "#EEEEEE",
        "para_bg_color": "#EEEEEE", "para_border_color": "#EEEEEE", "auto_crop_width": False,
        "auto_crop_last_page": False, "newline_markup": "<br/>", "space_shrinkage": 0,
        "crop_multiple": 1,
    }  # fmt: skip
    assert set(other) == set(RenderConfig.model_fields)
    base = RenderConfig()
    hashes = {base.model_copy(update={name: value}).theta_hash for name, value in other.items()}
    assert len(hashes | {base.theta_hash}) == len(other) + 1
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in hashes)


def test_the_hash_does_not_depend_on_where_the_font_lies(tmp_path):
    from glyph_shared.rendering.font_files import find_font

    copy = tmp_path / "copy.ttf"
    copy.write_bytes(find_font(None).path.read_bytes())
    assert RenderConfig(font_path=str(copy)).theta_hash == RenderConfig().theta_hash
