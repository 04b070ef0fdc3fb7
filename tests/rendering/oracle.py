"""The pipeline that drew zai-org/Glyph's training pages: reportlab for layout, poppler for pixels.

It exists to be compared with: `test_reference` holds our pages against it, `make bench` our
speed. Written from a description of the pipeline's steps and of the meaning of its θ keys:

1. soft hyphens and zero-width spaces go, XML specials are escaped, and every run of two or more
   spaces becomes as many no-break spaces;
2. the text is split at newlines, 30 lines are joined by the newline markup, and each such group is
   one reportlab ``Paragraph`` in a ``SimpleDocTemplate`` (whose frame adds its usual 6 pt padding);
3. ``pdftoppm`` makes RGB rasters, which are resized horizontally if θ says so;
4. each page loses what is right of its last ink, the last page what is below it.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
from pdf2image import convert_from_path
from PIL import Image
from reportlab.lib import enums
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate

if TYPE_CHECKING:
    from glyph_shared.rendering import RenderConfig

LINES_PER_PARAGRAPH = 30
INK_TOLERANCE = 5
PAGES_PER_CHUNK = 64  # rasters held at once: an A4 page is 1.5 MB at 72 dpi, 4.2 MB at 120

_DROPPED = re.compile("[\u00ad\u200b]")
_SPACE_RUN = re.compile(" {2,}")
_CJK = re.compile("[\u4e00-\u9fff]")
_ALIGNMENTS = {
    "LEFT": enums.TA_LEFT,
    "CENTER": enums.TA_CENTER,
    "RIGHT": enums.TA_RIGHT,
    "JUSTIFY": enums.TA_JUSTIFY,
}


@dataclass(frozen=True)
class StageSeconds:
    """CPU seconds (user and system, child processes included) of the three stages."""

    layout: float
    raster: float
    png: float

    @property
    def total(self) -> float:
        """Sum of the stages."""
        return self.layout + self.raster + self.png


def missing_tool() -> str:
    """Name of a program the oracle needs and does not find, or an empty string."""
    return "" if shutil.which("pdftoppm") else "pdftoppm (Debian package poppler-utils)"


@lru_cache
def chinese_font() -> str | None:
    """A TrueType file with Chinese shapes that reportlab and we can read, or None."""
    pattern = ":lang=zh:fontformat=TrueType"
    try:
        listed = subprocess.run(["fc-list", pattern, "file"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    files = sorted(line.split(":")[0] for line in listed.stdout.splitlines())
    return next((file for file in files if file.endswith((".ttf", ".ttc"))), None)


def oracle_pages(text: str, config: RenderConfig, folder: Path) -> list[np.ndarray]:
    """Pages as the reference pipeline draws them: uint8 arrays (height, width, 3).

    `folder` keeps the intermediate PDF.
    """
    pdf = layout_pdf(text, config, folder / "oracle.pdf")
    return [np.asarray(image) for image in rasterise(pdf, config)]


def oracle_seconds(text: str, config: RenderConfig, folder: Path) -> tuple[int, int, StageSeconds]:
    """Runs the whole pipeline, PNG included, and clocks it.

    Returns:
        Number of pages, bytes of their PNG files, CPU seconds by stage.
    """
    start = cpu_seconds()
    pdf = layout_pdf(text, config, folder / "oracle.pdf")
    layout = cpu_seconds() - start
    pages = size = 0
    raster = png = 0.0
    images = rasterise(pdf, config)
    while True:
        start = cpu_seconds()
        image = next(images, None)
        drawn = cpu_seconds()
        raster += drawn - start
        if image is None:
            return pages, size, StageSeconds(layout, raster, png)
        target = BytesIO()
        image.save(target, "PNG")
        png += cpu_seconds() - drawn
        pages, size = pages + 1, size + target.tell()


def font_file(config: RenderConfig) -> Path:
    """The file θ's font names: DejaVu Sans by default, a bare name is one of matplotlib's."""
    return _font_face(config)[0]


def _font_face(config: RenderConfig) -> tuple[Path, int]:
    bundled = Path(matplotlib.get_data_path(), "fonts", "ttf")
    name, _, face = (config.font_path or "DejaVuSans.ttf").partition("#")
    return bundled / name, int(face or 0)


def cpu_seconds() -> float:
    """User and system time of this process and of its finished children."""
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in usage)


# --- layout ------------------------------------------------------------------------------------


def layout_pdf(text: str, config: RenderConfig, path: Path) -> Path:
    """Writes the text's PDF and returns its path."""
    width, height = config.page_size
    document = SimpleDocTemplate(
        str(path),
        pagesize=(width, height),
        leftMargin=config.margin_x,
        rightMargin=config.margin_x,
        topMargin=config.margin_y,
        bottomMargin=config.margin_y,
    )
    background = HexColor(config.page_bg_color)

    def fill(canvas: Any, _document: Any) -> None:
        canvas.saveState()
        canvas.setFillColor(background)
        canvas.rect(0, 0, width, height, stroke=0, fill=1)
        canvas.restoreState()

    document.build(_paragraphs(text, config), onFirstPage=fill, onLaterPages=fill)
    return path


def _paragraphs(text: str, config: RenderConfig) -> list[Paragraph]:
    cleaned = escape(_DROPPED.sub("", text))
    cleaned = _SPACE_RUN.sub(lambda run: "\u00a0" * len(run[0]), cleaned)
    lines = cleaned.split("\n")
    style = _style(config, cjk=_CJK.search(text) is not None)
    return [
        Paragraph(config.newline_markup.join(lines[start : start + LINES_PER_PARAGRAPH]), style)
        for start in range(0, len(lines), LINES_PER_PARAGRAPH)
    ]


def _style(config: RenderConfig, *, cjk: bool) -> ParagraphStyle:
    return ParagraphStyle(
        "oracle",
        fontName=_registered_font(*_font_face(config)),
        fontSize=config.font_size,
        leading=config.line_height or config.font_size + 1,
        textColor=HexColor(config.font_color),
        alignment=_ALIGNMENTS[config.alignment],
        firstLineIndent=config.first_line_indent,
        leftIndent=config.left_indent,
        rightIndent=config.right_indent,
        spaceBefore=config.space_before,
        spaceAfter=config.space_after,
        borderWidth=config.border_width,
        borderPadding=config.border_padding,
        borderColor=HexColor(config.para_border_color),
        backColor=HexColor(config.para_bg_color),
        wordWrap="CJK" if cjk else None,
    )


@lru_cache
def _registered_font(path: Path, face: int) -> str:
    name = f"Oracle{_registered_font.cache_info().currsize}"
    pdfmetrics.registerFont(TTFont(name, str(path), subfontIndex=face))
    return name


# --- raster ------------------------------------------------------------------------------------


def rasterise(pdf: Path, config: RenderConfig) -> Iterator[Image.Image]:
    """Draws the PDF's pages, a few at a time, resized and cropped as θ says."""
    count = _page_count(pdf)
    for first in range(1, count + 1, PAGES_PER_CHUNK):
        last = min(first + PAGES_PER_CHUNK - 1, count)
        images: Sequence[Image.Image] = convert_from_path(
            str(pdf),
            dpi=config.dpi,  # type: ignore[arg-type]  # pdftoppm takes fractions too
            first_page=first,
            last_page=last,
        )
        for number, image in enumerate(images, first):
            yield _cropped(_scaled(image, config), config, is_last=number == count)


def _page_count(pdf: Path) -> int:
    info = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^Pages:\s+(\d+)$", info, re.MULTILINE)[1])  # type: ignore[index]


def _scaled(image: Image.Image, config: RenderConfig) -> Image.Image:
    if config.horizontal_scale == 1.0:
        return image
    return image.resize((int(image.width * config.horizontal_scale), image.height))


def _cropped(image: Image.Image, config: RenderConfig, *, is_last: bool) -> Image.Image:
    crop_bottom = config.auto_crop_last_page and is_last
    if not (config.auto_crop_width or crop_bottom):
        return image
    grey = np.asarray(image.convert("L")).astype(np.int16)
    ink = np.abs(grey - np.median(grey[:2, :2])) > INK_TOLERANCE
    right, bottom = image.size
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    if config.auto_crop_width and columns.size:
        right = min(right, int(columns[-1]) + 1 + int(config.margin_x))
    if crop_bottom and rows.size:
        bottom = min(bottom, int(rows[-1]) + 1 + int(config.margin_y))
    return image.crop((0, 0, right, bottom))
