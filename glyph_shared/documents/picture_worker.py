"""The child process that looks at, and draws, the source pages of one PDF or image file.

Standard input holds one line of JSON, the job, and then the file's bytes. Like ``pdf_worker`` it is
run as a script, and imports nothing of this project but its neighbours. A job is one of two::

    {"task": "survey", "kind": "pdf", "limits": {...}}
    {"task": "draw", "kind": "pdf", "limits": {...}, "pages": [[3, 784, 1120], ...]}

A survey answers one JSON line for each source page (see ``page_layout``). A drawing answers, for
each page asked for, a line ``{"page": 3, "size_px": [784, 1120]}`` and its pixels, three bytes
(red, green, blue) each. The last line is ``{"done": 3}`` or ``{"problem": reason, "detail":
"..."}``.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from glyph_shared.documents.pdf_worker import Refused, limit_process
else:
    # Behind all others, so that no name here hides one of a library.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from pdf_worker import Refused, limit_process

IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
_DPI_UNTOLD = 96.0
_DPI_BELIEVED = (97.0, 2400.0)
"""Cameras and screens write 72 or 96 whatever they show; scanners write what they scanned at."""

_MOST_IMAGE_PIXELS = 100_000_000
"""A4 at 850 dpi. Pillow warns beyond 89 million; its warning is an error here."""


class Opened(Protocol):
    """A file whose source pages can be looked at and drawn."""

    def __len__(self) -> int: ...

    def facts(self, number: int) -> dict[str, Any]:
        """Returns what is known of a source page, counted from 1."""
        ...

    def draw(self, number: int, width: int, height: int) -> bytes:
        """Returns a source page's pixels; what it leaves free of the size is white."""
        ...


def main() -> None:
    """Does the job that standard input holds."""
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not break the answer
    source = sys.stdin.buffer
    job = json.loads(source.readline())
    limits = job["limits"]
    limit_process(limits["memory_bytes"], limits["cpu_seconds"])
    try:
        opened = _opened(job["kind"], source.read())
        if len(opened) > limits["max_pages"]:
            counted = f"{len(opened)} pages, allowed are max_pages={limits['max_pages']}"
            raise Refused("limit", counted)
        for line, pixels in _answers(opened, job):
            _write(out, line, pixels)
        last: dict[str, Any] = {"done": len(opened)}
    except MemoryError:
        last = {"problem": "limit", "detail": f"more than memory_bytes={limits['memory_bytes']}"}
    except Refused as refused:
        last = {"problem": refused.reason, "detail": refused.detail}
    _write(out, last)


def _opened(kind: str, data: bytes) -> Opened:
    return _Pdf(data) if kind == "pdf" else _Image(data)


def _answers(opened: Opened, job: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    if job["task"] == "survey":
        for number in range(1, len(opened) + 1):
            yield {"page": number, **opened.facts(number)}, b""
        return
    for number, width, height in job["pages"]:
        if number > len(opened):
            raise Refused("broken", f"source page {number} of {len(opened)} cannot be drawn")
        pixels = opened.draw(number, width, height)
        yield {"page": number, "size_px": [width, height]}, pixels


def _write(out: BinaryIO, line: dict[str, Any], pixels: bytes = b"") -> None:
    out.write(json.dumps(line).encode("ascii") + b"\n" + pixels)
    out.flush()


class _Pdf:
    """A PDF in pdfium. No form environment is made, so no script of the file can run."""

    def __init__(self, data: bytes) -> None:
        import pypdfium2.raw as pdfium

        self._pdfium = pdfium
        self._data = data  # pdfium reads from it as long as the document is open
        pdfium.FPDF_InitLibrary()
        self._document = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
        if not self._document:
            if pdfium.FPDF_GetLastError() == pdfium.FPDF_ERR_PASSWORD:
                raise Refused("encrypted", "a password is needed")
            raise Refused("broken", "pdfium cannot open it")

    def __len__(self) -> int:
        return int(self._pdfium.FPDF_GetPageCount(self._document))

    def facts(self, number: int) -> dict[str, Any]:
        """Looks at the objects of a page; nothing is drawn."""
        if TYPE_CHECKING:
            from glyph_shared.documents.page_layout import page_facts
        else:
            from page_layout import page_facts

        page = self._pdfium.FPDF_LoadPage(self._document, number - 1)
        if not page:
            return {"size_pt": [0.0, 0.0], "objects": 0}
        facts: dict[str, Any] = page_facts(page)
        self._pdfium.FPDF_ClosePage(page)
        return facts

    def draw(self, number: int, width: int, height: int) -> bytes:
        """Draws a page in its upper left corner, as large as fits and undistorted."""
        import ctypes

        pdfium = self._pdfium
        page = pdfium.FPDF_LoadPage(self._document, number - 1)
        if not page:
            raise Refused("broken", f"source page {number} cannot be read by pdfium")
        wide, high = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
        drawn = _inside((wide, high), (width, height))
        bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGR, None, 0)
        if not bitmap:
            raise MemoryError
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, *drawn, 0, flags)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        pixels = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * height)
        pdfium.FPDFBitmap_Destroy(bitmap)
        pdfium.FPDF_ClosePage(page)
        if stride != width * 3:
            rows = (pixels[at : at + width * 3] for at in range(0, len(pixels), stride))
            return b"".join(rows)
        return pixels


class _Image:
    """An image file in Pillow; each image of a TIFF file is a source page."""

    def __init__(self, data: bytes) -> None:
        import warnings

        from PIL import Image
        from PIL.TiffImagePlugin import TiffImageFile

        Image.MAX_IMAGE_PIXELS = _MOST_IMAGE_PIXELS
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
            self._count = image.n_frames if isinstance(image, TiffImageFile) else 1
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _bomb() from error
        except (OSError, ValueError, SyntaxError) as error:
            # Not the library's own words: they hold an object's address.
            raise Refused(
                "broken", f"Pillow reads it as none of {', '.join(IMAGE_FORMATS)}"
            ) from error

        self._image: Image.Image = image

    def __len__(self) -> int:
        return self._count

    def facts(self, number: int) -> dict[str, Any]:
        """Tells the size in points: by the dots per inch the file tells, else by 96."""
        image = self._upright(number)
        dots = image.info.get("dpi", (_DPI_UNTOLD, _DPI_UNTOLD))
        low, high = _DPI_BELIEVED
        known = all(low <= float(one) <= high for one in dots)
        per_inch = [float(one) for one in dots] if known else [_DPI_UNTOLD] * 2
        size_pt = [72 * side / dpi for side, dpi in zip(image.size, per_inch, strict=True)]
        return {"size_pt": size_pt, "objects": 1, "figures": 1.0}

    def draw(self, number: int, width: int, height: int) -> bytes:
        """Shrinks an image onto white, in the upper left corner."""
        from PIL import Image

        image = self._flat(self._upright(number))
        size = _inside(image.size, (width, height))
        sheet = Image.new("RGB", (width, height), "white")
        sheet.paste(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
        return sheet.tobytes()

    def _upright(self, number: int) -> Any:
        from PIL import Image, ImageOps

        try:
            self._image.seek(number - 1)
            return ImageOps.exif_transpose(self._image)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _bomb() from error
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise Refused("broken", f"image {number} is cut off or damaged") from error

    def _flat(self, image: Any) -> Any:
        """Returns the colours on white, whatever transparency or palette there is."""
        from PIL import Image

        if image.mode.startswith("I;16"):
            return image.point(lambda level: level / 256).convert("L").convert("RGB")
        if not image.has_transparency_data:
            return image.convert("RGB")
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _bomb() -> Refused:
    return Refused("limit", f"an image of more than {_MOST_IMAGE_PIXELS:,} pixels")


def _inside(size: tuple[float, float], room: tuple[int, int]) -> tuple[int, int]:
    """Returns the largest size of the same shape that fits, at least a pixel either way."""
    scale = min(room[0] / size[0], room[1] / size[1])
    return (
        max(1, min(room[0], round(size[0] * scale))),
        max(1, min(room[1], round(size[1] * scale))),
    )


if __name__ == "__main__":
    main()
