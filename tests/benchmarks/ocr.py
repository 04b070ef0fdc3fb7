"""What Tesseract reads off a page: a reader that knows nothing of the text, for measuring looks.

It is no stand-in for a vision-language model. It says how much of a page's chars the pixels still
hold; a model that was trained on such pages may read more of them, or less.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from glyph_shared.metrics import character_accuracy
from glyph_shared.rendering import Page

NEEDS = "Tesseract is not installed (Debian: apt install tesseract-ocr)"

MOST_SCALE, MOST_DPI = 4, 300
"""Beyond these no page was read better, only slower."""

_ONE_BLOCK_OF_TEXT = "6"


@dataclass(frozen=True)
class Reading:
    """One page as Tesseract read it: ``lines`` are its lines, ``drawn`` those of the page."""

    lines: str
    drawn: str

    @property
    def accuracy(self) -> float:
        """Character accuracy, with every run of white space taken as one space."""
        return character_accuracy(" ".join(self.lines.split()), " ".join(self.drawn.split()))

    @property
    def words(self) -> float:
        """Share of the drawn words that were read right, wherever they stand."""
        drawn = Counter(self.drawn.split())
        return (drawn & Counter(self.lines.split())).total() / drawn.total()


def is_installed() -> bool:
    """Tells whether there is a Tesseract to run."""
    return shutil.which("tesseract") is not None


def scales(dpi: float) -> list[int]:
    """Lists how many times a page of so many dpi is worth enlarging, from 1 for not at all."""
    return [scale for scale in range(1, MOST_SCALE + 1) if scale == 1 or scale * dpi <= MOST_DPI]


def read_pages(
    pages: Sequence[Page], dpi: float, scale: int, language: str = "eng"
) -> list[Reading]:
    """Reads pages, each enlarged so many times in both directions."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = list(pool.map(lambda page: _read(page, dpi, scale, language), pages))
    drawn = ["\n".join(page.line_texts) for page in pages]
    return [Reading(*pair) for pair in zip(texts, drawn, strict=True)]


def mean_accuracy(readings: Sequence[Reading]) -> float:
    """Returns the mean character accuracy of pages."""
    return sum(reading.accuracy for reading in readings) / len(readings)


def mean_words(readings: Sequence[Reading]) -> float:
    """Returns the mean share of words that were read right, as often as they occur."""
    return sum(reading.words for reading in readings) / len(readings)


def nearest_distance(needle: str, text: str) -> int:
    """Returns the edit distance between a string and the part of a text that is most like it."""
    codes = np.array([ord(char) for char in text], np.int64)
    places = np.arange(len(codes) + 1)
    row = np.zeros(len(codes) + 1, np.int64)
    for done, char in enumerate(needle, start=1):
        changed = row[:-1] + (codes != ord(char))
        best = np.concatenate(([done], np.minimum(changed, row[1:] + 1)))
        # What is left of a place may be extended by a char for 1.
        row = np.minimum.accumulate(best - places) + places
    return int(row.min())


def _read(page: Page, dpi: float, scale: int, language: str) -> str:
    image = Image.fromarray(page.pixels)
    size = page.size_px[0] * scale, page.size_px[1] * scale
    stored = BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(stored, "PNG", compress_level=1)
    resolution = str(max(70, round(dpi * scale)))
    command = ["tesseract", "-", "-", "-l", language, "--psm", _ONE_BLOCK_OF_TEXT]
    done = subprocess.run(
        [*command, "--dpi", resolution],
        input=stored.getvalue(),
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    return done.stdout.decode("utf-8")
