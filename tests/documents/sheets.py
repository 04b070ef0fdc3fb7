"""PDFs and image files that are made for tests: a scan, a table, a figure, prose."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

PROSE = (
    "It rained all day, and nobody in the house had any mind to go out.",
    "The letters of the morning lay unopened on the table by the door.",
    "Towards evening the wind rose, and the lamps were lit one by one.",
    "Nothing was said of the visitor, though all of them thought of him.",
)
ROWS = [("Office", "Code", "Staff", "Opened")] + [
    (town, f"{47 + 3 * number}-{11 * number}", str(12 + number), str(1990 + number))
    for number, town in enumerate(("Lisbon", "Porto", "Oslo", "Bergen", "Turin", "Padua", "Ghent"))
]

Sheet = Callable[[Canvas], None]


def pdf(*sheets: Sheet, size: tuple[float, float] = (595, 842), **settings: object) -> bytes:
    """Returns a PDF of these source pages."""
    data = io.BytesIO()
    canvas = Canvas(data, pagesize=size, invariant=1, **settings)
    for sheet in sheets:
        sheet(canvas)
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def prose(canvas: Canvas) -> None:
    """Lines of text and nothing else."""
    canvas.setFont("Times-Roman", 11)
    for number in range(40):
        canvas.drawString(72, 760 - 16 * number, PROSE[number % len(PROSE)])


def scan(canvas: Canvas) -> None:
    """An image over the whole page, without a text layer."""
    image(canvas, scanned(), 0, 0, 595, 842)


def ruled_table(canvas: Canvas) -> None:
    """Rows in a grid of lines."""
    prose_above(canvas)
    _cells(canvas)
    for number in range(len(ROWS) + 1):
        canvas.line(72, 534 - 20 * number, 492, 534 - 20 * number)
    for number in range(5):
        canvas.line(72 + 105 * number, 534, 72 + 105 * number, 534 - 20 * len(ROWS))


def book_table(canvas: Canvas) -> None:
    """Rows between three rules of one length, as books set them."""
    prose_above(canvas)
    _cells(canvas)
    for height in (534, 514, 534 - 20 * len(ROWS)):
        canvas.line(72, height, 492, height)


def bare_table(canvas: Canvas) -> None:
    """Rows on aligned columns, without a line."""
    prose_above(canvas)
    _cells(canvas)


def figure(canvas: Canvas) -> None:
    """A picture over a third of the page, with text."""
    prose_above(canvas)
    image(canvas, photograph(), 72, 150, 450, 380)


def plot(canvas: Canvas) -> None:
    """A drawn curve over a third of the page, with text."""
    prose_above(canvas)
    path = canvas.beginPath()
    path.moveTo(72, 340)
    for step in range(200):
        path.lineTo(72 + 2.25 * step, 340 + 190 * math.sin(step / 15))
    canvas.drawPath(path)


def two_columns(canvas: Canvas) -> None:
    """Prose in two columns with a rule between, as in a paper."""
    canvas.setFont("Times-Roman", 8)
    for number in range(60):
        for left in (60, 310):
            canvas.drawString(left, 760 - 11 * number, PROSE[number % len(PROSE)][:58])
    canvas.line(297, 100, 297, 780)


def letter(canvas: Canvas) -> None:
    """Prose under a small logo and between a rule above and one below."""
    prose(canvas)
    image(canvas, photograph(), 480, 780, 60, 40)
    canvas.line(72, 775, 523, 775)
    canvas.line(72, 60, 523, 60)


def blank(canvas: Canvas) -> None:
    """Nothing."""


def prose_above(canvas: Canvas) -> None:
    """A few lines of text at the top."""
    canvas.setFont("Times-Roman", 11)
    for number in range(12):
        canvas.drawString(72, 760 - 16 * number, PROSE[number % len(PROSE)])


def scanned(size_px: tuple[int, int] = (1240, 1754), mode: str = "L") -> Image.Image:
    """A scan: grey paper with large dark words."""
    image = Image.new(mode, size_px, 244 if mode == "L" else (244, 244, 244))
    draw = ImageDraw.Draw(image)
    for number in range(30):
        draw.text((120, 120 + 50 * number), PROSE[number % len(PROSE)], fill=30, font_size=34)
    return image


def photograph() -> Image.Image:
    """Colours that no grey page has."""
    image = Image.linear_gradient("L")
    return Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_90), image))


def encoded(image: Image.Image, form: str, **settings: object) -> bytes:
    """Returns an image as a file."""
    data = io.BytesIO()
    image.save(data, form, **settings)
    return data.getvalue()


def image(canvas: Canvas, image: Image.Image, *box: float) -> None:
    """An image in a box: left, bottom, width, height."""
    canvas.drawImage(ImageReader(image), *box)


def _cells(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for down, row in enumerate(ROWS):
        for across, cell in enumerate(row):
            canvas.drawString(78 + 105 * across, 520 - 20 * down, cell)
