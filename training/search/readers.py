"""Who reads the pages: Tesseract, the embedded reader, or any server of a vision-language model."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from PIL import Image

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.rendering import Page, RenderConfig
from glyph_shared.rendering.page import PICTURE_MARK
from training.search.excerpts import Excerpt, accuracy

READ_EM_PX, MOST_SCALE = 34.0, 5
"""Letters are enlarged to about this em for Tesseract, which was made for scans of 300 dpi; at
72 dpi and 9 pt that is the fourfold that reads best (``docs/exact_strings.md``)."""

_ONE_BLOCK_OF_TEXT = "6"
_TRANSCRIBE = "Transcribe this page."
"""The embedded reader knows this sentence; other models understand it."""


@dataclass(frozen=True)
class Read:
    """What a reader made of some excerpts, and what it cost.

    Attributes:
        accuracies: The share of chars right, of each excerpt.
        llm_tokens: What a server counted for it, prompts and completions; 0 without one.
    """

    accuracies: tuple[float, ...]
    llm_tokens: int = 0


class PageReader(Protocol):
    """Reads excerpts of pages."""

    @property
    def name(self) -> str:
        """Names the reader, for reports."""

    def read(self, excerpts: Sequence[Excerpt], config: RenderConfig) -> Read:
        """Reads excerpts that a θ drew."""


@dataclass(frozen=True)
class Tesseract:
    """Tesseract with one of its languages; knows nothing of θ and of pages like these."""

    language: str = "eng"

    def __post_init__(self) -> None:
        if shutil.which("tesseract") is None:
            raise ConfigError("Tesseract is not installed (Debian: apt install tesseract-ocr)")
        listed = subprocess.run(
            ["tesseract", "--list-langs"], capture_output=True, text=True, check=True
        ).stdout.split()
        if self.language not in listed:
            raise ConfigError(
                f"Tesseract lacks the language {self.language!r}; apt install "
                f"tesseract-ocr-{self.language.replace('_', '-')}"
            )

    @property
    def name(self) -> str:
        """Names the reader, for reports."""
        return f"tesseract ({self.language})"

    def read(self, excerpts: Sequence[Excerpt], config: RenderConfig) -> Read:
        """Reads excerpts, each enlarged to letters of the size it was made for."""
        em = config.font_size * config.dpi / 72
        scale = min(max(1, round(READ_EM_PX / em)), MOST_SCALE)
        texts = (self._text(excerpt, config.dpi, scale) for excerpt in excerpts)
        return Read(
            tuple(accuracy(text, one.drawn) for one, text in zip(excerpts, texts, strict=True))
        )

    def _text(self, excerpt: Excerpt, dpi: float, scale: int) -> str:
        image = Image.fromarray(excerpt.pixels)
        stored = BytesIO()
        size = image.width * scale, image.height * scale
        image.resize(size, Image.Resampling.LANCZOS).save(stored, "PNG", compress_level=1)
        command = ["tesseract", "-", "-", "-l", self.language, "--psm", _ONE_BLOCK_OF_TEXT]
        done = subprocess.run(
            [*command, "--dpi", str(max(70, round(dpi * scale)))],
            input=stored.getvalue(),
            capture_output=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        if done.returncode:
            raise InputError(f"Tesseract failed: {done.stderr.decode('utf-8', 'replace')[:200]}")
        return done.stdout.decode("utf-8")


@dataclass(frozen=True)
class Server:
    """Any vision-language model behind the OpenAI HTTP API, which sees excerpts as pictures."""

    client: GlyphClient
    name: str
    whole_pages: bool = False
    """Whether it is shown the pages that excerpts are of; the embedded reader knows no others."""

    def read(self, excerpts: Sequence[Excerpt], config: RenderConfig) -> Read:
        """Asks for the text of each excerpt.

        Raises:
            ServerError: The server gives no usable answer.
        """
        accuracies, llm_tokens = [], 0
        for excerpt in excerpts:
            page, drawn = self._shown(excerpt)
            answer = self.client.ask(_TRANSCRIBE, [page], exact_text_tokens=0, cite=False)
            accuracies.append(accuracy(answer.text, drawn))
            llm_tokens += answer.usage.prompt_tokens + answer.usage.completion_tokens
        return Read(tuple(accuracies), llm_tokens)

    def _shown(self, excerpt: Excerpt) -> tuple[Page, str]:
        if self.whole_pages:
            return excerpt.page, "\n".join(excerpt.page.line_texts)
        picture = Page.of_pixels(
            excerpt.pixels,
            index=0,
            char_span=(0, len(excerpt.drawn)),
            theta_hash=f"{PICTURE_MARK}{excerpt.page.theta_hash}",
        )
        return picture, excerpt.drawn


@contextmanager
def opened(
    reader: str, language: str, base_url: str | None, model: str | None
) -> Iterator[PageReader]:
    """Gives a reader by its name for the length of a ``with`` block.

    Args:
        reader: ``tesseract``, ``embedded`` or ``server``.
        language: Tesseract's name of the text's language.
        base_url: The server; else ``GLYPH_BASE_URL``.
        model: The served model; else the first.

    Raises:
        ConfigError: There is no such reader here.
    """
    if reader == "tesseract":
        yield Tesseract(language)
    elif reader == "embedded":
        # Here, because onnxruntime and a web server are much to load for who reads otherwise.
        from glyph_shared.reader import Reader
        from glyph_shared.serving import running_embedded

        with running_embedded(Reader.load()) as url, GlyphClient(url) as client:
            yield Server(client, "the embedded reader", whole_pages=True)
    elif reader == "server":
        with GlyphClient(base_url, model) as client:
            yield Server(client, client.model_entry().id)
    else:
        raise ConfigError(f"reader must be 'tesseract', 'embedded' or 'server'; got {reader!r}")
