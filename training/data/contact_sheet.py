"""Draws one PNG of many styles, to look at: ``python -m training.data.contact_sheet sheet.png``.

Each cell shows a style's first page, made small, and below it what it is. Families that are not
installed are listed with what was drawn instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from glyph_shared.rendering import Renderer
from glyph_shared.rendering.font_files import find_font
from training.data.space import SPACES, THEMES
from training.data.styles import Style, StyleSampler, absent_fonts

CELL_PX = (380, 440)
CAPTION_PX = 62
PADDING_PX = 10
DESK = "#8A9098"

PARAGRAPH = (
    "The ferry left before the fog had lifted. Two of the passengers kept a list of every lamp on "
    "the shore, because the harbour master had promised them a map with all of them by spring. "
    "Nobody else looked up: the cook peeled 140 potatoes, and the engineer wrote letters."
)
CODE = """def toll(weight, distance):
    # Heavy loads pay for the bridge, too.
    rate = 0.25 if weight < 1200 else 0.40
    if distance > 80:
        return round(rate * 80 + (distance - 80) * rate / 2, 2)
    return round(rate * distance, 2)


class Ferry:
    capacity = 36

    def board(self, cars):
        return [car for car in cars if car.paid][: self.capacity]

"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Draws the sheet that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sheet", type=Path, help="PNG file to write")
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=list(THEMES))
    parser.add_argument("--count", type=int, default=20, help="how many styles")
    parser.add_argument("--columns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--text", type=Path, help="a text file to draw instead of our own words")
    options = parser.parse_args(arguments)
    sampler = StyleSampler(*options.spaces, seed=options.seed)
    text = options.text and options.text.read_text(encoding="utf-8")
    styles = [sampler.draw(number) for number in range(options.count)]
    sheet = contact_sheet(styles, columns=options.columns, text=text)
    # 256 colours show these pages as well as all, in a third of the bytes.
    sheet.quantize(256, Image.Quantize.MAXCOVERAGE).save(options.sheet, "PNG", optimize=True)
    for line in _notes(options.spaces, sampler):
        print(line)


def contact_sheet(
    styles: Sequence[Style], *, columns: int = 5, text: str | None = None
) -> Image.Image:
    """Returns a picture of the first page in each style.

    Args:
        styles: What to show, from left to right and from top to bottom.
        columns: Cells in a row.
        text: What stands on the pages; without it, our own lines, code for styles of code.
    """
    width, height = CELL_PX[0] + PADDING_PX, CELL_PX[1] + CAPTION_PX + PADDING_PX
    rows = -(-len(styles) // columns)
    sheet = Image.new("RGB", (columns * width + PADDING_PX, rows * height + PADDING_PX), DESK)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(find_font(None).path), 13)
    absent = absent_fonts([style.space for style in styles])
    for number, style in enumerate(styles):
        left = PADDING_PX + number % columns * width
        top = PADDING_PX + number // columns * height
        page = _small_page(style, text)
        sheet.paste(page, (left, top + CELL_PX[1] - page.height))
        pen.text((left, top + CELL_PX[1] + 4), _caption(style, absent), "#FFFFFF", font)
    return sheet


def _small_page(style: Style, text: str | None) -> Image.Image:
    renderer = Renderer(style.config, missing="replace")
    page = next(renderer.render(text or _sample(style.space)))
    image = Image.fromarray(page.pixels).convert("RGB")
    image.thumbnail(CELL_PX, Image.Resampling.LANCZOS)
    return image


def _sample(space: str) -> str:
    if space == "code":
        return CODE * 20
    return "\n".join([PARAGRAPH, f"{PARAGRAPH} {PARAGRAPH}", PARAGRAPH] * 12)


def _caption(style: Style, absent: Mapping[str, str]) -> str:
    config, traits = style.config, style.traits
    family = str(traits["font"]).partition(", ")[0]
    if family in absent:
        family = f"{absent[family].removesuffix('.ttf')} for {family}"
    return (
        f"{style.space} · {traits['page_size']} · {config.dpi:g} dpi · {config.alignment}\n"
        f"{family} {config.font_size:g}/{config.line_height:g}\n"
        f"{traits['palette']}"
    )


def _notes(spaces: Sequence[str], sampler: StyleSampler) -> Iterator[str]:
    for family, substitute in absent_fonts(spaces).items():
        yield f"not installed: {family}; drawn with {substitute}"
    for rule, count in sampler.rejected.most_common():
        yield f"drawn again for {rule}: {count}"


if __name__ == "__main__":
    main()
