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

PARAGRAPH = (
    textwrap.dedent("""\
    The survey of the northern bay was meant to take one summer, and it took eleven. The first
    party measured the shore on foot and found, when the sheets were laid side by side, that the
    coast did not close: between the last point of the west line and the first of the east lay four
    miles of water that nobody had walked around. The second party came by boat, with better
    instruments and worse weather, and moved the gap without closing it. What they wrote down in
    those years, tide by tide, fills nine ledgers, and most of it is about waiting. A man who reads
    all of them learns little about the bay and a great deal about patience, about the price of
    lamp oil, and about a cook named Ferrand who could tell the wind of the next morning from the
    way his bread rose. The gap was real. It was the mouth of a river that ran only in odd years.
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
