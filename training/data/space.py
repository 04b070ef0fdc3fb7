"""The space that styles of pages are drawn from, as data: what each trait of θ may be.

``TABLE_8`` is the paper's search space (arXiv 2510.17800, Table 8). ``THEMES`` narrows it to the
five looks of its pretraining, ``ARTICLES`` is the set that the articles about it tell of. A trait
is a JSON value, drawn apart from all others, so a search may mutate or cross any of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from training.data.families import ITALIC, MONO, PIXEL, SANS, SERIF, with_substitute

Trait = str | float | bool
Traits = Mapping[str, Trait]

GREY_MARKER = '<font color="#808080"> \\n </font>'
RED_MARKER = '<font color="#FF0000"> \\n </font>'
LINE_BREAK = "<br/>"


class Parameter(Protocol):
    """What one trait may be."""

    def draw(self, rng: random.Random) -> Trait:
        """Draws a value."""

    def options(self) -> tuple[Trait, ...]:
        """Returns every value that can be drawn, each once, in order."""


@dataclass(frozen=True)
class Choice:
    """One of some values, each as likely as its weight says; without weights all are alike."""

    values: tuple[Trait, ...]
    weights: tuple[float, ...] | None = None

    def draw(self, rng: random.Random) -> Trait:
        """Draws a value."""
        return rng.choices(self.values, self.weights)[0]

    def options(self) -> tuple[Trait, ...]:
        """Returns every value that can be drawn, each once, in order."""
        return tuple(dict.fromkeys(self.values))


@dataclass(frozen=True)
class Range:
    """A number from ``low`` to ``high``, both included, in steps."""

    low: float
    high: float
    step: float = 1

    def draw(self, rng: random.Random) -> Trait:
        """Draws a value."""
        return rng.choice(self.options())

    def options(self) -> tuple[Trait, ...]:
        """Returns every value that can be drawn, each once, in order."""
        steps = round((self.high - self.low) / self.step)
        return tuple(round(self.low + number * self.step, 6) for number in range(steps + 1))


@dataclass(frozen=True)
class Mixture:
    """One of some parameters by weight, and a value of it."""

    parts: tuple[tuple[float, Choice | Range], ...]

    def draw(self, rng: random.Random) -> Trait:
        """Draws a value."""
        weights = [weight for weight, _ in self.parts]
        return rng.choices(self.parts, weights)[0][1].draw(rng)

    def options(self) -> tuple[Trait, ...]:
        """Returns every value that can be drawn, each once, in order."""
        return tuple(dict.fromkeys(value for _, part in self.parts for value in part.options()))


Space = Mapping[str, Parameter]


def _weighted(options: Mapping[Trait, float]) -> Choice:
    return Choice(tuple(options), tuple(options.values()))


def _families(*names: str) -> Choice:
    return Choice(tuple(with_substitute(name) for name in names))


LIGHT = (
    "#000000 on #FFFFFF",
    "#111111 on #FFFFFF",
    "#333333 on #FFFFFF",
    "#000000 on #F5F5F5",
    "#1A1A1A on #FAF8F0",
    "#3B2F2F on #F4ECD8",
    "#22313F on #EEF3F8",
    "#1B3A1B on #F0F7EE",
)
DARK = (
    "#FFFFFF on #000000",
    "#E6E6E6 on #121212",
    "#D4D4D4 on #1E1E1E",
    "#C9D1D9 on #0D1117",
    "#F8F8F2 on #282A36",
    "#93A1A1 on #002B36",
    "#FFD866 on #2D2A2E",
)
COLORED = (
    "#7A1F5C on #FFF4FB",
    "#0B3D91 on #E8F1FF",
    "#5A2A00 on #FFE9C7",
    "#39FF14 on #0A0A23",
    "#FFE74C on #35155D",
    "#FFFFFF on #B3123B",
    "#004D40 on #B2DFDB",
    "#3E2723 on #FFCCBC",
)
"""Colours of text and paper; whoever adds one keeps the contrast that the rules ask for."""

_PORTRAIT = ("A4", "LETTER", "LEGAL", "A5", "B5", "A3", "B4", "TABLOID")
_ASPECTS = ("595:1.414", "595:1.333", "595:1.5", "595:1.778")
_SCREENS = ("842:0.75", "842:0.6667", "842:0.5625")

TABLE_8: Space = MappingProxyType(
    {
        "dpi": Mixture(
            (
                (1, Range(45, 59)),
                (1, Range(60, 71)),
                (3, Range(72, 119)),
                (3, Choice((72, 80, 96, 100, 110, 120, 144, 150, 300))),
                (0.3, Range(301, 400)),
            )
        ),
        "page_size": _weighted(
            {"A4": 8, **dict.fromkeys(_PORTRAIT[1:], 1), **dict.fromkeys(_ASPECTS + _SCREENS, 1)}
        ),
        "font": _families(*SERIF, *SANS, *SANS, *MONO, *PIXEL, *ITALIC),
        "font_size": Choice((7, 7.5, 8, 9, 9.5, 10, 11, 12, 14)),
        "leading": Range(0, 3, 0.5),
        "alignment": _weighted({"LEFT": 10, "JUSTIFY": 8, "CENTER": 1, "RIGHT": 1}),
        "margin_x": Range(10, 40),
        "margin_y": Range(10, 40),
        # In em: 0 is none, above is the first line's, below hangs it.
        "indent": Mixture(
            ((6, Choice((0,))), (3, Range(1, 2.5, 0.25)), (1, Range(-2.5, -1, 0.25)))
        ),
        # Between paragraphs, in points: none, small, large.
        "spacing": Mixture(((6, Choice((0,))), (3, Range(1, 4)), (1, Range(6, 12)))),
        "horizontal_scale": Mixture(((2, Choice((1.0,))), (1, Range(0.75, 1.0, 0.01)))),
        "palette": _weighted({**dict.fromkeys(LIGHT, 2.0), **dict.fromkeys(DARK, 1.0)}),
        "newline_markup": _weighted({LINE_BREAK: 18, GREY_MARKER: 1, RED_MARKER: 1}),
        "crop_width": Choice((True, False)),
        "crop_last_page": Choice((True, False)),
        # The reference crops to the pixel; 28 keeps the model's visual tokens whole.
        "crop_multiple": Choice((1, 28)),
    }
)
"""Every trait that the paper searched over, and how likely each value is."""

DOCUMENT: Space = MappingProxyType(
    {
        **TABLE_8,
        "page_size": _weighted({"A4": 6, **dict.fromkeys(_PORTRAIT[1:], 1)}),
        "font": _families(*SERIF, *SANS),
        "alignment": _weighted({"LEFT": 1, "JUSTIFY": 2}),
        "palette": _weighted({"#000000 on #FFFFFF": 6, **dict.fromkeys(LIGHT[1:], 1)}),
    }
)
WEB: Space = MappingProxyType(
    {
        **TABLE_8,
        "page_size": _weighted({**dict.fromkeys(_SCREENS, 3), **dict.fromkeys(_ASPECTS, 1)}),
        "font": _families(*SANS, *SANS, *SERIF),
        "font_size": Choice((9, 9.5, 10, 11, 12, 14)),
        "leading": Range(1, 5, 0.5),
        "alignment": Choice(("LEFT",)),
        "indent": Choice((0,)),
        "spacing": Range(2, 12),
        "palette": Choice(LIGHT),
    }
)
DARK_MODE: Space = MappingProxyType(
    {**WEB, "font": _families(*SANS, *SANS, *MONO, *SERIF), "palette": Choice(DARK)}
)
CODE: Space = MappingProxyType(
    {
        **TABLE_8,
        "font": _families(*MONO),
        "alignment": Choice(("LEFT",)),
        "indent": Choice((0,)),
        "spacing": Choice((0,)),
        "newline_markup": Choice((LINE_BREAK,)),
        "palette": Choice(LIGHT + DARK),
    }
)
ARTISTIC: Space = MappingProxyType(
    {
        **TABLE_8,
        "font": _families(*PIXEL, *PIXEL, *ITALIC, *SERIF),
        "font_size": Choice((9, 9.5, 10, 11, 12, 14)),
        "alignment": Choice(("LEFT", "CENTER", "RIGHT", "JUSTIFY")),
        "margin_x": Range(10, 60),
        "margin_y": Range(10, 60),
        "palette": Choice(COLORED),
    }
)

THEMES: Mapping[str, Space] = MappingProxyType(
    {"document": DOCUMENT, "web": WEB, "dark": DARK_MODE, "code": CODE, "artistic": ARTISTIC}
)
"""The five looks of the paper's pretraining; the artistic one holds the pixel fonts."""

ARTICLES: Space = MappingProxyType(
    {
        **TABLE_8,
        "dpi": Choice((72, 96, 120)),
        "page_size": _weighted({"960x540px": 2, "A4": 1}),
        "font": _families("Source Sans 3", "Verdana"),
        "font_size": Range(9, 14, 0.5),
        "leading": Range(0, 6, 0.5),
        "alignment": Choice(("LEFT", "JUSTIFY")),
        "indent": Choice((0, 1)),
        "palette": Choice(LIGHT + DARK),
        "newline_markup": Choice((LINE_BREAK,)),
        "horizontal_scale": Choice((1.0,)),
    }
)
"""What the articles tell beyond the paper: 9-14 pt, two fonts, 960 x 540 px, varied grounds."""

SPACES: Mapping[str, Space] = MappingProxyType({**THEMES, "table8": TABLE_8, "articles": ARTICLES})
"""Every space by the name that examples and settings call it."""
