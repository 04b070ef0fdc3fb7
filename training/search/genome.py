"""One θ as values that change one by one without breaking each other.

The line height is a distance on top of the font size, and indents are in em.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config_values import LINE_BREAK_MARKUP

Value = Any
"""A gene's value: a number, a string, a bool, None, or a tuple of them; JSON can hold it."""

_DIGITS = 4


@dataclass(frozen=True)
class Genome:
    """One θ as values that change independently; lengths are points unless a field says so.

    Attributes:
        dpi: Pixels per inch.
        page_size: Width and height.
        font: A file, a file name or a family; None is DejaVu Sans.
        font_size: Size of the em square.
        leading: What the line height adds to the font size.
        alignment: As in ``RenderConfig``.
        margin_x: Left and right margin.
        margin_y: Top and bottom margin.
        frame_padding: Added inside all margins.
        indent: First line's and all lines' indent, in em.
        spacing: Space before and after a paragraph.
        horizontal_scale: Width factor of the page.
        palette: Colours of text, page and paragraph.
        newline_markup: How a line break is drawn.
        auto_crop_width: Whether pages end right of their ink.
        auto_crop_last_page: Whether the last page ends below its ink.
        crop_multiple: Crops leave multiples of so many pixels.
        space_shrinkage: As in ``RenderConfig``.
    """

    dpi: float = 72.0
    page_size: tuple[float, float] = (595.0, 842.0)
    font: str | None = None
    font_size: float = 9.0
    leading: float = 1.0
    alignment: str = "LEFT"
    margin_x: float = 10.0
    margin_y: float = 10.0
    frame_padding: float = 6.0
    indent: tuple[float, float] = (0.0, 0.0)
    spacing: tuple[float, float] = (0.0, 0.0)
    horizontal_scale: float = 1.0
    palette: tuple[str, str, str] = ("#000000", "#FFFFFF", "#FFFFFF")
    newline_markup: str = LINE_BREAK_MARKUP
    auto_crop_width: bool = True
    auto_crop_last_page: bool = True
    crop_multiple: int = 1
    space_shrinkage: float = 0.05

    def config(self) -> RenderConfig:
        """Returns the θ.

        Raises:
            ConfigError: The values are impossible together.
            FontError: The font is not installed.
        """
        line_height = round(self.font_size + self.leading, _DIGITS)
        em = self.font_size
        text, page, paragraph = self.palette
        return RenderConfig(
            dpi=self.dpi,
            page_size=self.page_size,
            font_path=self.font,
            font_size=self.font_size,
            line_height=line_height,
            alignment=self.alignment,  # type: ignore[arg-type]  # RenderConfig checks it
            margin_x=self.margin_x,
            margin_y=self.margin_y,
            frame_padding=self.frame_padding,
            first_line_indent=round(self.indent[0] * em, _DIGITS),
            left_indent=round(self.indent[1] * em, _DIGITS),
            space_before=self.spacing[0],
            space_after=self.spacing[1],
            horizontal_scale=self.horizontal_scale,
            font_color=text,
            page_bg_color=page,
            para_bg_color=paragraph,
            para_border_color=paragraph,
            newline_markup=self.newline_markup,
            auto_crop_width=self.auto_crop_width,
            auto_crop_last_page=self.auto_crop_last_page,
            crop_multiple=self.crop_multiple,
            space_shrinkage=self.space_shrinkage,
        )

    @classmethod
    def of(cls, config: RenderConfig) -> Genome:
        """Returns the genome of a θ; borders and right indents, which Table 8 leaves off, go."""
        em = config.font_size
        return cls(
            dpi=config.dpi,
            page_size=config.page_size,
            font=config.font_path,
            font_size=em,
            leading=round(config.line_height - em, _DIGITS),
            alignment=config.alignment,
            margin_x=config.margin_x,
            margin_y=config.margin_y,
            frame_padding=config.frame_padding,
            indent=(
                round(config.first_line_indent / em, _DIGITS),
                round(config.left_indent / em, _DIGITS),
            ),
            spacing=(config.space_before, config.space_after),
            horizontal_scale=config.horizontal_scale,
            palette=(config.font_color, config.page_bg_color, config.para_bg_color),
            newline_markup=config.newline_markup,
            auto_crop_width=config.auto_crop_width,
            auto_crop_last_page=config.auto_crop_last_page,
            crop_multiple=config.crop_multiple,
            space_shrinkage=config.space_shrinkage,
        )

    def genes(self) -> dict[str, Value]:
        """Returns the values by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def json(self) -> dict[str, Any]:
        """Returns the values for a JSON file."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Genome:
        """Reads what ``json`` wrote; absent genes have the reference's values.

        Raises:
            ConfigError: A gene is unknown, or of another type.
        """
        return cls().changed(data)

    def changed(self, changes: Mapping[str, Any]) -> Genome:
        """Returns a genome with some genes changed; lists become tuples.

        Raises:
            ConfigError: A gene is unknown, or its value of another type.
        """
        return replace(self, **{name: typed(name, value) for name, value in changes.items()})


def typed(name: str, value: Value) -> Value:
    """Returns a gene's value as its type; whole numbers count as numbers."""
    usual = Genome().genes()
    if name not in usual:
        raise ConfigError(f"unknown gene {name!r}; known are {', '.join(usual)}")
    value, like = tuple(value) if isinstance(value, list) else value, usual[name]
    if isinstance(like, bool) or like is None or isinstance(like, str):
        right = isinstance(value, bool if isinstance(like, bool) else str) or value is like is None
    elif isinstance(like, tuple):
        kind = str if isinstance(like[0], str) else (int, float)
        right = (
            isinstance(value, tuple)
            and len(value) == len(like)
            and all(isinstance(part, kind) and not isinstance(part, bool) for part in value)
        )
    else:
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not right:
        raise ConfigError(f"gene {name!r} is like {like!r}; got {value!r}")
    return value
