"""``glyph doctor``: what this machine has for drawing, counting and asking."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from glyph_shared.asking import GlyphClient
from glyph_shared.errors import ConfigError, FontError, GlyphError
from glyph_shared.planning import EstimateCounter, pick_counter
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, Renderer

PACKAGES = (
    "numpy",
    "freetype-py",
    "uharfbuzz",
    "onnxruntime",
    "openai",
    "pydantic",
    "rich",
    "typer",
)
SERVER_TIMEOUT = 5.0


@dataclass(frozen=True)
class Script:
    """A script and what proves that it can be drawn.

    Attributes:
        name: What it is called.
        sample: A few words in it.
        package: The Debian package with a font that has it.
    """

    name: str
    sample: str
    package: str


SCRIPTS = (
    Script("Latin", "The quick brown fox – “naïve”, Ångström, Łódź", "fonts-dejavu-core"),
    Script("Cyrillic", "Съешь ещё этих мягких булок", "fonts-dejavu-core"),
    Script("Greek", "Ξεσκεπάζω την ψυχοφθόρα", "fonts-dejavu-core"),
    Script("Hebrew", "דג סקרן שט בים", "fonts-dejavu-core"),
    Script("Arabic", "نص حكيم له سر", "fonts-dejavu-core"),
    Script("mathematics", "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "fonts-dejavu-core"),
    Script("Chinese", "天地玄黄宇宙洪荒", "fonts-noto-cjk"),
    Script("Japanese", "いろはにほへとカタカナ", "fonts-noto-cjk"),
    Script("Korean", "키스의 고유조건은", "fonts-noto-cjk"),
    Script("Devanagari", "ऋषियों को सताने वाले", "fonts-noto-core"),
    Script("Bengali", "আকাশ ভরা সূর্য", "fonts-noto-core"),
    Script("Tamil", "யாமறிந்த மொழிகளிலே", "fonts-noto-core"),
    Script("Thai", "เป็นมนุษย์สุดประเสริฐ", "fonts-noto-core"),
    Script("emoji", "🙂🚀🌍", "fonts-symbola"),
)


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: What was looked at.
        state: ``absent`` is what not everybody needs.
        detail: What was found, or what to do.
    """

    name: str
    state: Literal["ok", "absent", "broken"]
    detail: str


def examine(base_url: str | None = None) -> list[Finding]:
    """Looks at versions, scripts, the token counter, the embedded reader and the server."""
    named = base_url or os.environ.get("GLYPH_BASE_URL") or None
    return [*_versions(), *_scripts(), _counter(named), _reader(), _server(named)]


def _versions() -> list[Finding]:
    found = [
        Finding("glyph-context", "ok", metadata.version("glyph-context")),
        Finding("Python", "ok", platform.python_version()),
        Finding("packages", "ok", ", ".join(f"{p} {metadata.version(p)}" for p in PACKAGES)),
    ]
    try:
        found.append(Finding("isal", "ok", metadata.version("isal")))
    except metadata.PackageNotFoundError:
        hint = "pages are compressed by zlib, slower; pip install isal"
        found.append(Finding("isal", "absent", hint))
    return found


def _scripts() -> list[Finding]:
    renderer = Renderer(RenderConfig.preset("en"))
    covered = [script for script in SCRIPTS if _is_covered(renderer, script)]
    findings = [Finding("scripts", "ok", ", ".join(script.name for script in covered))]
    packages: dict[str, list[str]] = {}
    for script in SCRIPTS:
        if script not in covered:
            packages.setdefault(script.package, []).append(script.name)
    for package, names in packages.items():
        hint = f"no font; Debian has one: apt-get install {package}"
        findings.append(Finding(", ".join(names), "absent", hint))
    return findings


def _is_covered(renderer: Renderer, script: Script) -> bool:
    try:
        renderer.render(script.sample)
    except FontError:
        return False
    return True


def _counter(base_url: str | None) -> Finding:
    try:
        counter = pick_counter(
            base_url=base_url,
            model=os.environ.get("GLYPH_MODEL"),
            api_key=os.environ.get("GLYPH_API_KEY"),
        )
    except ConfigError:
        # What is wrong with the address or the key, the server's finding tells.
        counter = pick_counter()
    if isinstance(counter, EstimateCounter):
        hint = "only estimated; exact with a server, or a file: glyph count --tokenizer"
        return Finding("text tokens", "absent", hint)
    return Finding("text tokens", "ok", f"counted by {counter.name}")


def _reader() -> Finding:
    try:
        reader = Reader.load()
    except GlyphError as error:
        return Finding("embedded reader", "broken", str(error))
    return Finding("embedded reader", "ok", f"{reader.name}, θ {reader.render_config.theta_hash}")


def _server(named: str | None) -> Finding:
    try:
        client = GlyphClient(base_url=named, timeout=SERVER_TIMEOUT, max_retries=0)
    except ConfigError as error:
        return Finding("server", "broken", str(error))
    with client:
        try:
            entry = client.model_entry()
        except GlyphError as error:
            if named is not None:
                return Finding("server", "broken", str(error))
            hint = f"none at {client.base_url}; start one with glyph serve"
            return Finding("server", "absent", hint)
    window = f", window {entry.max_model_len:,}" if entry.max_model_len else ""
    return Finding("server", "ok", f"{client.base_url}: {entry.id}{window}")
