"""Which θ draws which document: one for all, or ``auto``, one for each kind of text.

Under ``auto`` a document of several files is divided where the kind of its files changes, so that
code and prose of one folder each get their own look, from a page of its own on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import Literal

from glyph_shared.documents import Document
from glyph_shared.errors import ConfigError
from glyph_shared.planning.denser import floor_dpi
from glyph_shared.planning.kinds import Kind, document_kind, files_of, text_kind
from glyph_shared.planning.passages import excerpt
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import RenderConfig, Renderer
from glyph_shared.rendering.config_values import LINE_BREAK_MARKUP
from glyph_shared.rendering.preset_files import is_own_preset

Missing = Literal["error", "replace"]

AUTO: Literal["auto"] = "auto"

ConfigChoice = RenderConfig | Literal["auto"] | None
"""A θ, ``auto``, or None for preset ``en``."""

PRESET_OF_KIND: Mapping[Kind, str] = MappingProxyType(
    {"prose": "en", "code": "code", "table": "code", "cjk": "zh"}
)
"""The look of each kind of text, see ``preset_of_kind``.

Code and tables keep their lines, and fixed-width letters keep columns below each other. That takes
2.4 times the visual tokens of ``en`` for Python and 1.3 times for a table, where ``en`` keeps one
line in fourteen at most (``python -m tests.benchmarks.auto_looks``).
"""


class Thetas:
    """The θ of each document, and what draws it.

    Args:
        choice: The θ of all, ``auto``, or None for preset ``en``.
        missing: What happens to a char no font has, see ``Renderer``.
        rung: How dense documents are drawn under ``auto``, see ``at``.

    Raises:
        ConfigError: ``choice`` is neither a θ nor ``auto``.
    """

    def __init__(
        self, choice: ConfigChoice, missing: Missing, *, rung: RenderConfig | None = None
    ) -> None:
        self._choice = check_choice(choice) or RenderConfig()
        self._missing = missing
        self._rung = rung
        self._renderers: dict[RenderConfig, Renderer] = {}

    def parts(self, documents: Sequence[Document]) -> list[Document]:
        """Returns the documents, under ``auto`` divided where the kind of their files changes."""
        if self._choice != AUTO:
            return list(documents)
        return [part for document in documents for part in _runs(document)]

    def kind_of(self, document: Document) -> Kind | None:
        """Returns the kind that decides a document's θ; None where one θ serves all."""
        return document_kind(document) if self._choice == AUTO else None

    def config_of(self, document: Document) -> RenderConfig:
        """Returns the θ of a document."""
        if isinstance(self._choice, RenderConfig):
            return self._choice
        config = RenderConfig.preset(preset_of_kind(document_kind(document)))
        return config if self._rung is None else _densified(config, self._rung)

    def renderer_of(self, document: Document) -> Renderer:
        """Returns what draws a document."""
        config = self.config_of(document)
        if config not in self._renderers:
            self._renderers[config] = Renderer(config, missing=self._missing)
        return self._renderers[config]

    def lead(self, documents: Sequence[Document]) -> RenderConfig:
        """Returns the θ whose ladder ``overflow="denser"`` goes down with all documents.

        It ends as low as any of theirs, and begins with drawing line breaks if one keeps them.
        """
        configs = [self.config_of(document) for document in documents]
        lowest = min(configs, key=floor_dpi)
        if all(config.newline_markup != LINE_BREAK_MARKUP for config in configs):
            return lowest
        return lowest.model_copy(update={"newline_markup": LINE_BREAK_MARKUP})

    def at(self, rung: RenderConfig) -> Thetas:
        """Returns the θ of each document at a rung of the lead's ladder.

        Each goes down as far as the rung, but not below its own floor.
        """
        if isinstance(self._choice, RenderConfig):
            return Thetas(rung, self._missing)
        return Thetas(self._choice, self._missing, rung=rung)


def preset_of_kind(kind: Kind) -> str:
    """Returns the name of a kind's look: what a search of the user's own found for it goes first.

    A search puts it there as ``--install found-prose``, ``found-code``, ``found-table`` or
    ``found-cjk``. The shipped ``found-*`` are no look of ``auto``: they were found with Tesseract,
    which reads other things than the model.
    """
    own = f"found-{kind}"
    return own if is_own_preset(own) else PRESET_OF_KIND[kind]


def check_choice(choice: object) -> ConfigChoice:
    """Returns a choice of θ.

    Raises:
        ConfigError: It is none.
    """
    if choice is None or choice == AUTO or isinstance(choice, RenderConfig):
        return choice
    raise ConfigError(
        "config must be a RenderConfig, such as RenderConfig.preset('en'), or 'auto'; "
        f"got {choice!r}"
    )


def _runs(document: Document) -> Iterator[Document]:
    """Yields the stretches of a document whose files are of one kind."""
    files = files_of(document)
    if len(files) < 2:
        yield document
        return
    kinds = [text_kind(document.text[start:stop], path) for start, stop, path in files]
    spans = zip(kinds, files, strict=True)
    grouped = [list(group) for _, group in groupby(spans, key=lambda item: item[0])]
    if len(grouped) == 1:
        yield document
        return
    for group in grouped:
        (_, (start, _, first)), (_, (_, stop, _)) = group[0], group[-1]
        part = excerpt(document, [(start, stop)])
        more = f" and {counted(len(group) - 1, 'file')} more" if len(group) > 1 else ""
        yield replace(part, name=f"{first}{more}", skipped=())


def _densified(config: RenderConfig, rung: RenderConfig) -> RenderConfig:
    lowest = min(config.dpi, floor_dpi(config))
    changes: dict[str, object] = {"dpi": max(lowest, min(config.dpi, rung.dpi))}
    if config.newline_markup == LINE_BREAK_MARKUP:
        changes["newline_markup"] = rung.newline_markup
    return config.model_copy(update=changes)
