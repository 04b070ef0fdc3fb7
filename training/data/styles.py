"""Draws styles of pages from a space: the same seed and number give the same θ.

>>> StyleSampler("document", seed=7).draw(0) == StyleSampler("document", seed=7).draw(0)
True
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glyph_shared.errors import ConfigError
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.visual_tokens import LONGEST_EDGE
from training.data.families import substituted
from training.data.space import SPACES, THEMES, Space, Traits

LEAST_EM_PX = 6.0
"""Below this an em has too few pixels for its letters; 7.5 is the floor of pages in use."""

LEAST_CONTRAST = 3.0
"""WCAG 2's least ratio of text to ground, which it asks of large text."""

LEAST_LINE_EMS = 20
"""Lines shorter than this hold some eight words at most."""

LEAST_LINES = 8

_DRAWS = 1000


@dataclass(frozen=True)
class Style:
    """A drawn style: the space it is of, its traits, and the θ they make."""

    space: str
    traits: Traits
    config: RenderConfig


@dataclass(frozen=True)
class Rule:
    """A reason not to draw pages with a θ.

    Attributes:
        name: What reports call it.
        breaks: Whether a θ breaks it.
    """

    name: str
    breaks: Callable[[RenderConfig], bool]


class StyleSampler:
    """Draws styles of one space, or of several in turn, by number.

    ``rejected`` counts by rule how often a drawn θ broke one and was drawn again.
    """

    def __init__(self, *spaces: str, seed: int = 0) -> None:
        """Takes names of ``SPACES``; without one, the five themes.

        Raises:
            ConfigError: There is no such space.
        """
        self.spaces = spaces or tuple(THEMES)
        self.seed = seed
        self.rejected: Counter[str] = Counter()
        for name in self.spaces:
            space_named(name)

    def draw(self, number: int) -> Style:
        """Returns style ``number`` of this seed.

        Raises:
            ConfigError: The space holds next to nothing that the rules allow.
        """
        name = self.spaces[number % len(self.spaces)]
        rng = random.Random(f"{self.seed} {number}")
        for _ in range(_DRAWS):
            traits = draw_traits(SPACES[name], rng)
            broken = broken_rules(traits)
            if not broken:
                return Style(name, traits, config_of(traits))
            self.rejected.update(broken)
        counts = ", ".join(f"{rule} {count}" for rule, count in self.rejected.most_common())
        raise ConfigError(f"space {name!r}: {_DRAWS} styles in a row broke a rule ({counts})")


def space_named(name: str) -> Space:
    """Returns a space by its name.

    Raises:
        ConfigError: There is no such space.
    """
    if name not in SPACES:
        raise ConfigError(f"a space of styles is one of {', '.join(SPACES)}; got {name!r}")
    return SPACES[name]


def draw_traits(space: Space, rng: random.Random) -> dict[str, Any]:
    """Draws every trait of a space, each apart from the others; the rules may refuse the whole."""
    return {name: parameter.draw(rng) for name, parameter in space.items()}


def config_of(traits: Traits) -> RenderConfig:
    """Returns the θ that traits make; equal traits give the same object.

    Raises:
        ConfigError: No page can be drawn so, or a trait is missing.
    """
    return _config_of(tuple(sorted(traits.items())))


def broken_rules(traits: Traits) -> list[str]:
    """Names the rules that traits break; traits of which no θ can be made break ``impossible``."""
    try:
        config = config_of(traits)
    except ConfigError:
        return ["impossible"]
    return [rule.name for rule in RULES if rule.breaks(config)]


def absent_fonts(spaces: Sequence[str]) -> dict[str, str]:
    """Returns the families in some spaces that are not installed, and what is drawn instead."""
    fonts = (space_named(name)["font"] for name in spaces)
    return substituted(str(value) for font in fonts for value in font.options())


def contrast(config: RenderConfig) -> float:
    """Returns the ratio of luminance of text and ground, from 1 to 21 (WCAG 2)."""
    lights = sorted((_luminance(config.font_color), _luminance(config.para_bg_color)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _em_px(config: RenderConfig) -> float:
    return config.font_size * config.dpi / 72 * min(1.0, config.horizontal_scale)


def _side_px(config: RenderConfig) -> tuple[float, float]:
    width, height = config.page_size
    return width * config.horizontal_scale * config.dpi / 72, height * config.dpi / 72


def _is_shrunk(config: RenderConfig) -> bool:
    width, height = _side_px(config)
    return 2 * width * height > LONGEST_EDGE


def _line_ems(config: RenderConfig) -> float:
    indents = config.left_indent + config.right_indent + max(0.0, config.first_line_indent)
    room = config.page_size[0] - 2 * (config.margin_x + config.frame_padding) - indents
    return room / config.font_size


def _lines(config: RenderConfig) -> float:
    room = config.page_size[1] - 2 * (config.margin_y + config.frame_padding)
    return room / config.line_height


RULES = (
    Rule("small shapes", lambda config: _em_px(config) < LEAST_EM_PX),
    Rule("faint text", lambda config: contrast(config) < LEAST_CONTRAST),
    Rule("short lines", lambda config: _line_ems(config) < LEAST_LINE_EMS),
    Rule("few lines", lambda config: _lines(config) < LEAST_LINES),
    # What the model would see is not what was drawn.
    Rule("shrunk by the model", _is_shrunk),
)
"""What excludes a θ; overlapping lines are ``impossible``, as ``RenderConfig`` refuses them."""


@lru_cache(maxsize=4096)
def _config_of(items: tuple[tuple[str, Any], ...]) -> RenderConfig:
    traits: Mapping[str, Any] = dict(items)
    try:
        return RenderConfig(**_fields(traits))
    except KeyError as error:
        raise ConfigError(f"a style needs every trait of its space; {error} is missing") from None


def _fields(traits: Mapping[str, Any]) -> dict[str, Any]:
    ink, ground = traits["palette"].split(" on ")
    size = traits["font_size"]
    indent = traits["indent"] * size
    return {
        "dpi": traits["dpi"],
        "page_size": _page_size(traits["page_size"], traits["dpi"]),
        "margin_x": traits["margin_x"],
        "margin_y": traits["margin_y"],
        "font_path": traits["font"],
        "font_size": size,
        "line_height": size + traits["leading"],
        "alignment": traits["alignment"],
        "left_indent": max(0, -indent),
        "first_line_indent": indent,
        "space_after": traits["spacing"],
        "horizontal_scale": traits["horizontal_scale"],
        "font_color": ink,
        "page_bg_color": ground,
        "para_bg_color": ground,
        "para_border_color": ground,
        "newline_markup": traits["newline_markup"],
        "auto_crop_width": traits["crop_width"],
        "auto_crop_last_page": traits["crop_last_page"],
        "crop_multiple": traits["crop_multiple"],
    }


def _page_size(written: str, dpi: float) -> Any:
    """Reads ``960x540px``, a page that has these pixels at any dpi; other sizes are θ's own."""
    if not written.endswith("px"):
        return written
    width, height = written.removesuffix("px").split("x")
    return float(width) * 72 / dpi, float(height) * 72 / dpi


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in bytes.fromhex(color[1:]))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
