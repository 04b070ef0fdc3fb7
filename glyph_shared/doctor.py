"""``glyph doctor``: what this machine has for drawing, counting and asking."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import GlyphError
from glyph_shared.planning import pick_counter
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, Renderer

SCRIPT_SAMPLES = {
    "Latin": "The quick brown fox",
    "Cyrillic": "Съешь ещё этих мягких булок",
    "Greek": "Ξεσκεπάζω την ψυχοφθόρα",
    "Chinese": "天地玄黄宇宙洪荒",
    "Japanese": "いろはにほへとカタカナ",
    "Korean": "키스의 고유조건은",
    "Hebrew": "דג סקרן שט בים",
    "Arabic": "نص حكيم له سر",
    "Devanagari": "ऋषियों को सताने वाले",
    "Thai": "เป็นมนุษย์สุดประเสริฐ",
    "Mathematics": "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋",
    "Emoji": "🙂🚀🌍",
}
"""A few words in each script; a script is covered if every char of them has a shape."""

PACKAGES = ("glyph-context", "numpy", "freetype-py", "isal", "onnxruntime", "openai", "pydantic")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was looked at.
        state: ``ok``, ``absent`` (works without it) or ``broken``.
        detail: What was found, or what to do.
    """

    name: str
    state: str
    detail: str


def examine(base_url: str | None = None) -> list[Finding]:
    """Looks at versions, fonts, scripts, the token counter, the embedded reader and the server."""
    return [
        Finding("Python", "ok", platform.python_version()),
        *(_package(name) for name in PACKAGES),
        *(_script(name, text) for name, text in SCRIPT_SAMPLES.items()),
        Finding("text tokens", "ok", f"counted by {pick_counter(base_url=base_url).name}"),
        _reader(),
        _server(base_url),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        detail = "pages are compressed by zlib, slower" if name == "isal" else f"pip install {name}"
        return Finding(name, "absent" if name == "isal" else "broken", detail)


def _script(name: str, text: str) -> Finding:
    renderer = Renderer(RenderConfig.preset("en"), missing="error")
    try:
        next(iter(renderer.render(text)))
    except GlyphError as error:
        return Finding(name, "absent", str(error))
    return Finding(name, "ok", text)


def _reader() -> Finding:
    try:
        reader = Reader.load()
    except GlyphError as error:
        return Finding("embedded reader", "broken", str(error))
    return Finding("embedded reader", "ok", f"{reader.name}, θ {reader.accepted_thetas[0]}")


def _server(base_url: str | None) -> Finding:
    with GlyphClient(base_url=base_url, timeout=5) as client:
        try:
            entry = client.model_entry()
        except GlyphError as error:
            return Finding("server", "absent", str(error))
        window = f", window {entry.max_model_len:,}" if entry.max_model_len else ""
        return Finding("server", "ok", f"{client.base_url}: {entry.id}{window}")
