"""Draws one sheet of many scripts, lets Tesseract read each back, and clocks what each costs.

    python -m tests.benchmarks.script_sheet [--sheet docs/scripts.png] [--json FILE] [--no-ocr]

Accuracy is 1 - edit distance / length, spaces and invisible chars left out, of samples of some 300
chars: drawn at 12 pt and 150 dpi, and in the default look (9 pt, 72 dpi, lines 10 pt apart), which
is enlarged four times. Chinese has the font of preset ``zh``, all else that of the default.
It says what Tesseract reads, so it is a floor of what is right on the page. Costs are CPU time per
page of the default look, as ratios to Latin in the same run: of a text whose words repeat, and of
one of made-up words, which hardly do, so that nearly all are shaped anew. Tesseract needs the
Debian packages tesseract-ocr and tesseract-ocr-LANG for the languages of ``script_texts``.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from glyph_shared.metrics import character_accuracy
from glyph_shared.rendering import RenderConfig, Renderer
from tests.benchmarks import ocr
from tests.benchmarks.script_texts import MIXED, SAMPLES, SYMBOLS, Sample

LARGE = RenderConfig(
    font_size=12, line_height=22, dpi=150, page_size=(500, 800), newline_markup="<br/>"
)
DEFAULT = RenderConfig(newline_markup="<br/>")
SHEET_LOOK = RenderConfig(
    font_size=11, line_height=18, page_size=(620, 2000), newline_markup="<br/>"
)
TITLE_LOOK = SHEET_LOOK.model_copy(update={"font_size": 8, "line_height": 10})
COST_CHARS = 120_000
_SHEET_CHARS = 150
_VIRAMA = 9
"""Combining class of the signs that join a consonant to the next."""

console = Console(width=110)


@dataclass(frozen=True)
class Row:
    """What was found for one script; accuracies from 0 to 1, None where nothing could read it."""

    script: str
    chars: int
    large: float | None
    default: float | None
    cost: float
    cost_of_new_words: float
    chars_per_page: float


def main() -> None:
    """Draws, reads, clocks and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sheet", type=Path, help="write the sheet to this PNG file")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--no-ocr", action="store_true", help="draw and clock only")
    options = parser.parse_args()
    if options.sheet:
        sheet().save(options.sheet, optimize=True)
    rows = figures(with_ocr=not options.no_ocr)
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows]) + "\n", encoding="utf-8")


def figures(*, with_ocr: bool) -> list[Row]:
    """Measures every sample."""
    languages = installed_languages() if with_ocr else set()
    cost(SAMPLES[0], repeated(SAMPLES[0]))  # what is loaded once
    latin, _ = cost(SAMPLES[0], repeated(SAMPLES[0]))
    rows = []
    for sample in SAMPLES:
        readable = sample.language in languages
        large = accuracy(sample, LARGE, 1) if readable else None
        default = accuracy(sample, DEFAULT, 4) if readable else None
        seconds, chars = cost(sample, repeated(sample))
        anew, _ = cost(sample, made_up(sample))
        costs = seconds / latin, anew / latin
        rows.append(Row(sample.script, len(sample.text), large, default, *costs, chars))
    return rows


def accuracy(sample: Sample, look: RenderConfig, scale: int) -> float:
    """Draws a sample, reads it with Tesseract and compares, spaces left out."""
    look = look.model_copy(update={"font_path": font_of(sample)})
    pages = list(Renderer(look).render(sample.text))
    [reading] = ocr.read_pages(pages, look.dpi, scale, sample.language)
    return character_accuracy(compared(reading.lines), compared(sample.text))


def compared(text: str) -> str:
    """Leaves out spaces and invisible chars; signs that look the same become the same."""
    same = unicodedata.normalize("NFKC", text)
    return "".join(char for char in same if unicodedata.category(char) not in ("Cf", "Zs", "Cc"))


def font_of(sample: Sample) -> str | None:
    """Returns the font of the preset that a script has."""
    return RenderConfig.preset("zh" if sample.script == "Chinese" else "en").font_path


def installed_languages() -> set[str]:
    """Lists what Tesseract can read here; nothing without it."""
    if not ocr.is_installed():
        return set()
    listed = subprocess.run(("tesseract", "--list-langs"), capture_output=True, check=True).stdout
    return set(listed.decode("ascii").split())


def cost(sample: Sample, text: str) -> tuple[float, float]:
    """Clocks a text in a sample's script.

    Returns:
        CPU seconds a page, and chars a page.
    """
    renderer = Renderer(RenderConfig(font_path=font_of(sample)))
    list(renderer.render(sample.text))
    start = time.process_time()
    pages = [len(page.png) for page in renderer.render(text)]
    return (time.process_time() - start) / len(pages), len(text) / len(pages)


def repeated(sample: Sample) -> str:
    """Returns a long text that repeats a sample."""
    return (sample.text + "\n") * (COST_CHARS // len(sample.text))


def made_up(sample: Sample) -> str:
    """Returns a long text of words put together from parts of a sample's words."""
    words, rng, size = sample.text.split(), random.Random(0), 0
    text: list[str] = []
    while size < COST_CHARS:
        first, second, third = ((word, middle(word)) for word in rng.choices(words, k=3))
        word = first[0][: first[1]] + second[0][second[1] :] + third[0][third[1] :]
        text.append(word)
        size += len(word) + 1
    return " ".join(text)


def middle(word: str) -> int:
    """Finds where a word is cut: behind its middle, but not before a mark or behind a virama."""
    for place in range(len(word) // 2, len(word)):
        before, after = word[max(place - 1, 0)], word[place]
        if unicodedata.category(after)[0] != "M" and unicodedata.combining(before) != _VIRAMA:
            return place
    return len(word)


def sheet() -> Image.Image:
    """Draws all scripts below each other, each under its name."""
    strips: list[Image.Image] = []
    texts = [(one.script, beginning(one.text), font_of(one)) for one in SAMPLES]
    texts += [("Both directions", MIXED, None), ("Symbols, emoji, marks", SYMBOLS, None)]
    for title, text, font in texts:
        look = SHEET_LOOK.model_copy(update={"font_path": font})
        strips += [drawn(title, TITLE_LOOK), drawn(text, look)]
    width = max(strip.width for strip in strips)
    whole = Image.new("L", (width, sum(strip.height for strip in strips)), 255)
    top = 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    return whole


def beginning(text: str) -> str:
    """Returns the first sentences of a text."""
    ends = [place + 1 for place, char in enumerate(text[:_SHEET_CHARS]) if char in ".。।"]
    return text[: ends[-1] if ends else text.rindex(" ", 0, _SHEET_CHARS)]


def drawn(text: str, look: RenderConfig) -> Image.Image:
    """Draws a text and cuts it off below its ink."""
    config = look.model_copy(update={"auto_crop_width": False, "auto_crop_last_page": False})
    [page] = Renderer(config).render(text)
    bottom = int(np.flatnonzero(page.pixels.min(axis=1) < 255)[-1])
    return Image.fromarray(page.pixels[: bottom + 4])


def show(rows: list[Row]) -> None:
    """Prints the figures."""
    costs = "CPU / Latin", "new words"
    table = Table("script", "chars", "12 pt, 150 dpi", "default", *costs, "chars per page")
    for row in rows:
        read = ["not read" if one is None else f"{one:.1%}" for one in (row.large, row.default)]
        ratios = f"{row.cost:.2f}", f"{row.cost_of_new_words:.2f}"
        table.add_row(row.script, str(row.chars), *read, *ratios, f"{row.chars_per_page:,.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
