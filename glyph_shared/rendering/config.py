"""θ: everything that decides how a text looks on its pages.

Field names are the reference's JSON keys in snake case; the JSON keys themselves, with dashes, are
accepted too. What follows from θ alone (pixels, lines per page) lives in ``geometry``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from typing_extensions import Self

from glyph_shared.errors import ConfigError
from glyph_shared.names import did_you_mean
from glyph_shared.rendering.config_values import (
    GREY_MARKER_MARKUP,
    LINE_BREAK_MARKUP,
    describe,
    excerpt,
    newline_markup,
    parse_color,
    parse_newline_markup,
    parse_page_size,
)
from glyph_shared.rendering.font_files import (
    FontFile,
    find_font,
    require_font,
    warn_if_absent,
)
from glyph_shared.rendering.fonts import load_font
from glyph_shared.rendering.normalise import is_blank
from glyph_shared.rendering.preset_files import (
    FIXED_PRESETS,
    FOUND_PRESETS,
    preset_fields,
    read_theta,
)

PRESETS = (*FIXED_PRESETS, *FOUND_PRESETS)

MIN_FONT_PX = 1
MAX_SIDE_PX = 20_000
MAX_PAGE_PX = 64_000_000

REFERENCE_DEFAULTS: dict[str, Any] = {
    "page_size": "A4",
    "margin_x": 20.0,
    "margin_y": 20.0,
    "alignment": "JUSTIFY",
    "auto_crop_width": False,
    "auto_crop_last_page": False,
    "frame_padding": 6.0,
    "crop_multiple": 1,
    "newline_markup": LINE_BREAK_MARKUP,
}
"""What a key that is absent from a reference JSON file means there (paper's code defaults)."""

_ALLOW_ABSENT_FONT = {"absent_font": "substitute"}
"""Validation context of configs whose font need not be installed (it was named in a file)."""


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _checked_markup(value: str) -> str:
    marker = parse_newline_markup(value)
    if marker and (not marker.text.isprintable() or is_blank(marker.text)):
        raise ValueError(
            "newline_markup must have a text that can be seen, without control chars; "
            f"got {value!r}"
        )
    # One spelling for one look, so that it has one hash.
    return newline_markup(marker)


Finite = Annotated[float, Field(allow_inf_nan=False)]
Length = Annotated[Finite, Field(ge=0)]
Positive = Annotated[Finite, Field(gt=0)]
HexColor = Annotated[str, BeforeValidator(parse_color)]


class RenderConfig(BaseModel):
    """θ, a frozen and hashable value; lengths are points unless the name says pixels.

    Example:
        >>> config = RenderConfig.preset("en").model_copy(update={"dpi": 96})
        >>> config.theta_hash == RenderConfig(dpi=96).theta_hash
        True
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=_dashed,
        populate_by_name=True,
        # So that a default is the same float as a given value, in the hash too.
        validate_default=True,
    )

    page_size: Annotated[tuple[Positive, Positive], BeforeValidator(parse_page_size)] = (588, 840)
    """Width and height: a pair, ``"595,842"``, a name such as ``"A4"``, or ``"595:1.414"``."""

    dpi: Annotated[Finite, Field(gt=0, le=1200)] = 72
    """Pixels per inch; 72 makes a point a pixel."""

    margin_x: Length = 5
    """Left and right margin; also the pixels kept right of the ink by ``auto_crop_width``."""

    margin_y: Length = 5
    """Top and bottom margin; also the pixels kept below the ink by ``auto_crop_last_page``."""

    frame_padding: Length = 3
    """Added inside all four margins; 6 in the reference's document frame."""

    font_path: str | None = None
    """Font file, ``file.ttc#1``, or a file or family name; None is matplotlib's DejaVu Sans.

    Several names may be given, with commas between them: the first that is installed counts.
    """

    font_size: Annotated[Finite, Field(gt=0, le=400)] = 9
    """Size of the em square."""

    line_height: Positive = 10
    """Distance of baselines, at least ``font_size``; absent, 0 or None is ``font_size + 1``."""

    font_color: HexColor = "#000000"
    """Colour of the text."""

    alignment: Literal["LEFT", "CENTER", "RIGHT", "JUSTIFY"] = "LEFT"
    """JUSTIFY stretches spaces, except on a paragraph's last line.

    LEFT, and JUSTIFY's last lines, mean the side where lines begin: the right for a paragraph whose
    first letter runs from right to left. RIGHT and CENTER mean what they say.
    """

    horizontal_scale: Annotated[Finite, Field(gt=0, le=4)] = 1.0
    """Width factor of the finished page: shapes, margins and page narrow together."""

    first_line_indent: Finite = 0
    """Indent of a paragraph's first line; negative with ``left_indent`` hangs it."""

    left_indent: Length = 0
    """Indent of every line on the left."""

    right_indent: Length = 0
    """Indent of every line on the right."""

    space_before: Length = 0
    """Space above a paragraph, except at the top of a page."""

    space_after: Length = 0
    """Space below a paragraph; the larger of it and the next ``space_before`` counts."""

    border_width: Length = 0
    """Line width of the box around a paragraph; 0 draws none."""

    border_padding: Length = 0
    """Distance from the text to the box."""

    page_bg_color: HexColor = "#FFFFFF"
    """Colour of the paper."""

    para_bg_color: HexColor = "#FFFFFF"
    """Colour behind each paragraph."""

    para_border_color: HexColor = "#FFFFFF"
    """Colour of the box around a paragraph."""

    auto_crop_width: bool = True
    """Cuts each page off right of its ink."""

    auto_crop_last_page: bool = True
    """Cuts the last page off below its ink."""

    newline_markup: Annotated[str, AfterValidator(_checked_markup)] = GREY_MARKER_MARKUP
    """``<br/>``, or ``<font color="#FF0000"> \\n </font>``: a marker drawn for each line break.

    An empty one is ``<br/>``.

    A marker lets lines flow on, which saves a third of a novel's pages. The reference's is red; a
    grey one keeps the page grey, a third of the bytes.
    """

    space_shrinkage: Annotated[Finite, Field(ge=0, le=0.5)] = 0.05
    """Share of a space by which each space of an over-full line may shrink."""

    crop_multiple: Annotated[int, Field(ge=1, le=1024)] = 28
    """Crops leave sides that are multiples of this many pixels (28: the model's visual token)."""

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_as_config_error(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        try:
            config = handler(_with_derived_defaults(data))
        except ValidationError as error:
            raise ConfigError(_explain(error)) from None
        _check_geometry(config)
        require_font(config.font_path, may_be_absent=info.context is _ALLOW_ABSENT_FONT)
        return config

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> RenderConfig:
        """Returns a config with some fields changed, checked like a new one."""
        names = {_dashed(name): name for name in type(self).model_fields}
        changes = {names.get(key, key): value for key, value in (update or {}).items()}
        context = None if "font_path" in changes else _ALLOW_ABSENT_FONT
        return type(self).model_validate({**self.model_dump(), **changes}, context=context)

    @classmethod
    def preset(cls, name: str) -> RenderConfig:
        """Returns one of the shipped configurations, or of the user's own, by name.

        What ``python -m training.search --install`` found is a preset of the user's own; it goes
        before a shipped one whose name begins with ``found-``, and never before another.

        ``zh`` names fonts that may be absent. Then DejaVu Sans is the font, any installed one that
        has them draws the ideographs, and without one rendering raises FontError.

        Raises:
            ConfigError: There is no such preset.
        """
        if name == "auto":
            raise ConfigError(
                "preset 'auto' chooses by the text, which a configuration does not know; give "
                "config='auto' to plan or to a client, or --preset auto to glyph count or ask"
            )
        return cls.model_validate(preset_fields(name), context=_ALLOW_ABSENT_FONT)

    @classmethod
    def from_json(cls, path: str | Path) -> RenderConfig:
        """Reads a θ file, the reference's own included; absent keys have the reference's defaults.

        An absent font keeps its name and is drawn with DejaVu Sans, with one FontWarning.

        Raises:
            ConfigError: The file is not readable, not JSON, or not a valid θ.
        """
        data = read_theta(Path(path))
        given = {key.replace("-", "_"): value for key, value in data.items()}
        config = cls.model_validate({**REFERENCE_DEFAULTS, **given}, context=_ALLOW_ABSENT_FONT)
        warn_if_absent(config.font_path)
        return config

    @property
    def theta_hash(self) -> str:
        """16 hex digits of all fields, with the font file's content in place of its name."""
        return theta_hash(self, find_font(self.font_path))


@lru_cache(maxsize=64)
def theta_hash(config: RenderConfig, font: FontFile) -> str:
    """Returns the hash of a θ that is drawn with a font."""
    fields = config.model_dump()
    fields["font_path"] = load_font(font).name
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]


def _with_derived_defaults(data: Any) -> Any:
    """Gives ``line_height`` its ``font_size + 1`` where it is absent or empty."""
    if not isinstance(data, dict):
        return data
    fields = {str(key).replace("-", "_"): value for key, value in data.items()}
    if len(fields) < len(data):
        raise ConfigError("a setting is given twice, with dashes and with underscores")
    if fields.get("newline_markup", LINE_BREAK_MARKUP) is None:
        fields["newline_markup"] = LINE_BREAK_MARKUP
    if not fields.get("line_height"):
        fields.pop("line_height", None)
        size = fields.get("font_size")
        if isinstance(size, (int, float)) and -math.inf < size < math.inf:
            fields["line_height"] = size + 1
    return fields


def _explain(error: ValidationError) -> str:
    """Writes pydantic's first complaint as one line that names the setting and the value."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "θ"
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(RenderConfig.model_fields)
        meant = did_you_mean(name, RenderConfig.model_fields)
        return f"unknown setting {name!r}{meant}; allowed are {allowed}"
    return f"{name.replace('-', '_')}: {first['msg']}; got {excerpt(first['input'])}"


def _check_geometry(config: RenderConfig) -> None:
    """Refuses sizes that no text fits, or that no memory should be taken for."""
    scale = config.dpi / 72
    x_scale = scale * config.horizontal_scale
    pixels = [config.page_size[0] * x_scale, config.page_size[1] * scale]
    if max(pixels) > MAX_SIDE_PX or math.prod(pixels) > MAX_PAGE_PX:
        raise ConfigError(
            f"page_size {describe(config.page_size)} pt at {config.dpi:g} dpi is "
            f"{describe(pixels)} px; at most {MAX_SIDE_PX} px a side and {MAX_PAGE_PX} px a page: "
            "use a smaller page, dpi or horizontal_scale"
        )
    if config.font_size * min(scale, x_scale) < MIN_FONT_PX:
        raise ConfigError(
            f"font_size {config.font_size:g} pt at {config.dpi:g} dpi is "
            f"{describe((config.font_size * x_scale, config.font_size * scale))} px; shapes need "
            f"at least {MIN_FONT_PX} px: raise font_size, dpi or horizontal_scale"
        )
    if config.line_height < config.font_size:
        raise ConfigError(
            f"line_height must be at least font_size ({config.font_size:g}), or lines would "
            f"overlap; got {config.line_height:g}"
        )
    _check_text_area(config)


def _check_text_area(config: RenderConfig) -> None:
    inner = [
        side - 2 * (margin + config.frame_padding)
        for side, margin in zip(config.page_size, (config.margin_x, config.margin_y), strict=True)
    ]
    width = inner[0] - config.left_indent - config.right_indent - max(0, config.first_line_indent)
    if width < config.font_size or inner[1] < config.line_height:
        raise ConfigError(
            f"margins, padding and indents leave {describe((width, inner[1]))} pt for text; one "
            f"char needs {config.font_size:g} x {config.line_height:g} pt: reduce them or "
            "enlarge page_size"
        )
    if config.left_indent + config.first_line_indent < -(config.margin_x + config.frame_padding):
        raise ConfigError(
            f"first_line_indent {config.first_line_indent:g} starts left of the page; "
            "raise left_indent or margin_x"
        )
    space = max(config.space_before, config.space_after)
    if space > inner[1]:
        raise ConfigError(
            f"space_before and space_after must be at most the {inner[1]:g} pt a page has for "
            f"text; got {space:g}"
        )
    _check_boxes(config)


def _check_boxes(config: RenderConfig) -> None:
    """Refuses boxes of which not even the smallest, around one char, can be drawn."""
    padding = 2 * config.border_padding
    box = config.font_size + padding, config.line_height + padding
    if box[0] > config.page_size[0] or box[1] > config.page_size[1]:
        raise ConfigError(
            f"border_padding {config.border_padding:g} makes a box of at least {describe(box)} pt "
            f"on a page of {describe(config.page_size)}: reduce it"
        )
    if 2 * config.border_width > min(box):
        raise ConfigError(
            f"border_width must be at most half of the smallest box, {describe(box)} pt; "
            f"got {config.border_width:g}"
        )
