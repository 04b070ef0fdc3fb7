"""What a reader says of itself, in ``reader.json`` beside its weights.

Its limits and the looks it was trained on belong to the weights, so they are data of theirs and
not code: weights that were trained on more pages, or on more looks, bring their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyph_shared.errors import ConfigError, FontError
from glyph_shared.rendering import RenderConfig

FILE = "reader.json"
PRESET = "reader"

_STRICT = ConfigDict(frozen=True, extra="forbid")


class AcceptedLook(BaseModel):
    """A look beside the preset's own that the reader reads."""

    model_config = _STRICT

    theta: Annotated[dict[str, Any], Field(min_length=1)]
    """The fields in which it differs from preset ``reader``, named as in a θ file."""

    measured: dict[str, float] = Field(default_factory=dict)
    """What was measured of it, such as ``character_accuracy``: shares from 0 to 1."""


class ReaderCard(BaseModel):
    """The properties of trained weights."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1)]
    """What clients call the model."""

    version: Annotated[int, Field(ge=1)]
    """Counts the weights that were shipped under the name."""

    max_pages: Annotated[int, Field(ge=1)]
    """Pages of one prompt that it was trained on."""

    max_model_len: Annotated[int, Field(ge=1)]
    """Its window in tokens, prompt and answer together."""

    accepted: tuple[AcceptedLook, ...] = ()
    """Looks it reads beside preset ``reader``."""

    source: Annotated[str, Field(min_length=1)]
    """The command that trained it."""

    @classmethod
    def load(cls, folder: Path) -> ReaderCard:
        """Reads the card of a folder of weights.

        Raises:
            ConfigError: The folder has none, or it is damaged.
        """
        file = folder / FILE
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise _unusable(file, error.strerror or str(error)) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _unusable(file, f"{where}: {first['msg']}" if where else first["msg"]) from None

    def save(self, folder: Path) -> Path:
        """Writes the card into a folder of weights and returns the file."""
        file = folder / FILE
        file.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return file

    def thetas(self) -> tuple[str, ...]:
        """Returns the hashes of the looks it reads, the preset's own first.

        A look whose font is not installed has no hash here, and is left out.

        Raises:
            ConfigError: A look is impossible, or its pages have another size than the preset's.
        """
        own = RenderConfig.preset(PRESET)
        hashes = [own.theta_hash]
        for look in self.accepted:
            try:
                hashes.append(look_config(look.theta).theta_hash)
            except FontError:
                continue
        return tuple(dict.fromkeys(hashes))


def look_config(theta: Mapping[str, Any]) -> RenderConfig:
    """Returns preset ``reader`` with some fields changed.

    Raises:
        ConfigError: A field is unknown or impossible, or the pages have another size: the graphs
            take one.
        FontError: The font is not installed.
    """
    own = RenderConfig.preset(PRESET)
    changed = own.model_copy(update=theta)
    if (changed.page_size, changed.dpi) != (own.page_size, own.dpi):
        raise ConfigError(
            f"a look that the reader accepts has page-size {changed.page_size} at {changed.dpi:g} "
            f"dpi; its pages are {own.page_size} at {own.dpi:g} dpi: leave both out of {FILE}"
        )
    return changed


def _unusable(file: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the reader's card {str(file)!r} cannot be used ({why}); install glyph-context again, or "
        "export trained weights with training.reader.export"
    )
