"""Draws README's picture, a paragraph beside its page and what each costs: `make picture`.

The renderer draws all of it: the page by the default preset, pixel for pixel as a model gets it,
and the words around it by variants with larger letters.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from glyph_shared.planning import PAGE_MARKS, CompressionReport, pick_counter
from glyph_shared.rendering import Page, RenderConfig, render

# Herman Melville, Moby-Dick (1851), in the public domain.
PARAGRAPH = (
    textwrap.dedent("""\
    Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my
    purse, and nothing particular to interest me on shore, I thought I would sail about a little
    and see the watery part of the world. It is a way I have of driving off the spleen and
    regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it
    is a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before
    coffin warehouses, and bringing up the rear of every funeral I meet; and especially whenever
    my hypos get such an upper hand of me, that it requires a strong moral principle to prevent me
    from deliberately stepping into the street, and methodically knocking people's hats off—then,
    I account it high time to get to sea as soon as I can. This is my substitute for pistol and
    ball. With a philosophical flourish Cato throws himself upon his sword; I quietly take to the
    ship. There is nothing surprising in this. If they but knew it, almost all men in their
    degree, some time or other, cherish very nearly the same feelings towards the ocean with me.
    """)
    .replace("\n", " ")
    .strip()
)

# What a README is shown at, so that nothing is scaled.
WIDTH, GAP = 830, 16
BACKGROUND, CARD, FRAME = "#F5F3EE", "#FFFFFF", "#B8B2A6"
WORDS = RenderConfig.preset("en").model_copy(
    update={"page_size": (WIDTH - 4 * GAP, 2000), "font_size": 14.5, "line_height": 21}
)
CAPTION = WORDS.model_copy(update={"para_bg_color": BACKGROUND, "page_bg_color": BACKGROUND})


def main() -> None:
    """Writes docs/page.png beside this file."""
    [page] = render(PARAGRAPH)
    counter = pick_counter()
    report = CompressionReport(
        counter.count(PARAGRAPH), page.visual_tokens + PAGE_MARKS, counter.name
    )
    parts = [
        _framed(_image(render(PARAGRAPH, WORDS)[0])),
        _caption(f"as text: {report.text_tokens} text tokens ({report.tokenizer})"),
        _framed(_image(page)),
        _caption(
            f"as a page: {report.visual_tokens} visual tokens, "
            f"{report.ratio:.1f} times fewer; this is the page, pixel for pixel"
        ),
    ]
    picture = _stacked(parts).quantize(16)
    file = Path(__file__).with_name("page.png")
    picture.save(file, optimize=True)


def _image(page: Page) -> Image.Image:
    return Image.fromarray(np.asarray(page.pixels)).convert("RGB")


def _framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(ImageOps.expand(image, GAP // 2, CARD), 1, FRAME)


def _caption(text: str) -> Image.Image:
    return _image(render(text, CAPTION)[0])


def _stacked(parts: list[Image.Image]) -> Image.Image:
    height = sum(part.height + GAP for part in parts) + GAP
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    top = GAP
    for part in parts:
        picture.paste(part, (GAP, top))
        top += part.height + GAP
    return picture


if __name__ == "__main__":
    main()
