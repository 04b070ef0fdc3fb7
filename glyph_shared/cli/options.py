"""Arguments and options that several subcommands share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from glyph_shared.cli.console import note
from glyph_shared.errors import ConfigError
from glyph_shared.planning import AUTO, ServerTokenCounter, TextTokenCounter, pick_counter
from glyph_shared.rendering import RenderConfig
from glyph_shared.rendering.config import PRESETS

AUTO_HELP = "auto takes the one for the kind of each document"
PRESET_NAMES = f"{', '.join(PRESETS[:-1])} or {PRESETS[-1]}"

Paths = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Files or folders; - is standard input.")
]
Preset = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help=f"θ by name: {PRESET_NAMES}.", show_default="en"),
]
ThetaFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="θ, the rendering configuration (page size, dpi, font, …), as JSON in the paper's "
        "keys.",
    ),
]
Dpi = Annotated[
    float | None,
    typer.Option("--dpi", help="θ at this dpi: 72 is dense, 96 reads better, 120 is accurate."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="θ with any other key changed; repeatable."),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="The server; else GLYPH_BASE_URL.")
]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="The model; else GLYPH_MODEL.")
]


class Pdf(Enum):
    """How the pages of PDFs are read."""

    TEXT = "text"
    AUTO = "auto"
    PICTURES = "pictures"


PdfPages = Annotated[
    Pdf,
    typer.Option(
        "--pdf",
        help="Pages of PDFs as text, as pictures, or auto: as pictures where the text layer lacks "
        "what they show (scans, tables, figures). Pictures, also of image files, are for "
        "zai-org/Glyph.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def theta(
    preset: str | None,
    file: Path | None,
    flags: Mapping[str, Any] | None = None,
    settings: Sequence[str] | None = None,
) -> RenderConfig:
    """Returns θ: a preset (``en`` if None) or a file, then single options, then ``--set`` pairs.

    Raises:
        ConfigError: A key is unknown, a value impossible, or both a preset and a file are given.
    """
    if preset is not None and file is not None:
        raise ConfigError(
            "--preset and --config are two whole looks; give one, and change it with --set"
        )
    base = (
        RenderConfig.from_json(file)
        if file is not None
        else RenderConfig.preset("en" if preset is None else preset)
    )
    changes = {name: value for name, value in (flags or {}).items() if value is not None}
    for setting in settings or ():
        name, sign, value = setting.partition("=")
        if not sign:
            raise ConfigError(f"--set takes key=value, as in --set margin_x=20; got {setting!r}")
        changes[name.strip().replace("-", "_")] = value.strip()
    if "font_size" in changes and "line_height" not in changes:
        # The preset's line height belongs to its own font size; None derives it anew.
        changes["line_height"] = None
    return base.model_copy(update=changes) if changes else base


def look(
    preset: str | None,
    file: Path | None,
    dpi: float | None = None,
    settings: Sequence[str] | None = None,
) -> RenderConfig | Literal["auto"]:
    """Returns θ as ``theta`` does, or ``auto`` where that is the preset.

    Raises:
        ConfigError: ``auto`` is given with other options, or ``theta`` refuses them.
    """
    if preset != AUTO:
        return theta(preset, file, {"dpi": dpi}, settings)
    if file is not None or dpi is not None or settings:
        raise ConfigError(
            "--preset auto chooses whole looks by the kind of text; leave --config, --dpi and "
            "--set out"
        )
    return AUTO


def token_counter(tokenizer: Path | None, base_url: str | None) -> TextTokenCounter:
    """Picks who counts text tokens: the file, the server, or the best there is without."""
    counter = pick_counter(
        tokenizer_file=tokenizer,
        base_url=base_url or _variable("GLYPH_BASE_URL"),
        model=_variable("GLYPH_MODEL"),
        api_key=_variable("GLYPH_API_KEY"),
    )
    if base_url and tokenizer is None and not isinstance(counter, ServerTokenCounter):
        note(f"the server of --base-url counts no text tokens; counted by {counter.name} instead")
    return counter


def _variable(name: str) -> str | None:
    """Returns an environment variable; one that is empty counts as absent."""
    return os.environ.get(name) or None
